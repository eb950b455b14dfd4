"""Extraction of utterances from a record's ``data``."""

from collections.abc import Sequence

from everlake.analysis.json_decoding import decode_json
from everlake.analysis.shapes import read_value
from everlake.analysis.utterance_builder import UtteranceBuilder
from everlake.contract.envelope import Participant
from everlake.model.utterances import Utterance


def extract_utterances(
    record_type: str, data: bytes, participants: Sequence[Participant] = ()
) -> list[Utterance]:
    """Return the utterances of a record in order of appearance, a subject or title first.

    The shape of ``data`` decides how it is read; the record type only breaks ties. A string in no
    known shape is an utterance without a speaker. Strings that are clearly not prose (an id, a
    link, a hash, an enumerated value such as ``"open"``) count only when there is nothing else.

    Args:
        record_type: the envelope's ``_type``, normalised.
        data: the sender's JSON object, verbatim.
        participants: the envelope's ``_participants``. A speaker who is one of them by id, email
            address or name gets that participant's name and role.

    Returns:
        At most ``MAX_UTTERANCES`` utterances of ``MAX_TEXT_LENGTH`` characters each. In larger
        records the last ones are merged into longer utterances, so that no text is lost.

    Never raises for valid JSON. The time is linear in the size of ``data``.
    """
    builder = UtteranceBuilder(record_type, participants)
    read_value(builder, decode_json(data))
    return builder.build()
