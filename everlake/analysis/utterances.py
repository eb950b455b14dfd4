"""Who said what, and when: a record's ``data`` as utterances."""

from collections.abc import Sequence

from everlake.analysis.json_decoding import decode_json
from everlake.analysis.shapes import read_value
from everlake.analysis.utterance_builder import UtteranceBuilder
from everlake.contract.envelope import Participant
from everlake.model.utterances import Utterance


def extract_utterances(
    record_type: str, data: bytes, participants: Sequence[Participant] = ()
) -> list[Utterance]:
    """What ``data`` says, in order of appearance, a subject or title first.

    The shape of the data decides how it is read; the record type only breaks ties. A string
    that no shape knows is an utterance without a speaker, unless it is plainly not prose (an
    id, a link, a hash, a fixed word such as ``"open"``) and the record says something else.

    Args:
        record_type: the envelope's ``_type``, normalised.
        data: the sender's JSON object, verbatim.
        participants: the envelope's ``_participants``; a speaker that is one of them by id,
            address or name gets that participant's name and role.

    Returns:
        At most ``MAX_UTTERANCES`` of about 2,000 characters at most; what would be more is
        joined, not dropped. Raises nothing for valid JSON. Takes time linear in ``data``.
    """
    reading = UtteranceBuilder(record_type, participants)
    read_value(reading, decode_json(data))
    return reading.build()
