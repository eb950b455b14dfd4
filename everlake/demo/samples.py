"""The sample data, as shipped and ready to be sent."""

from importlib.resources import files

import msgspec
from msgspec import Raw

from everlake.contract.envelope import RECORD_TYPES

PRODUCT_PLACEHOLDER = "$PRODUCT"
PROJECT_PLACEHOLDER = "$PROJECT"

_ENVELOPE = msgspec.json.Decoder(dict[str, Raw])
_ID_OR_IDS = msgspec.json.Decoder(str | list[str])
_ID_MEMBERS = ("_product_id", "_project_ids", "_project_id")


def sample_files() -> list[tuple[str, bytes]]:
    """The record type and the NDJSON bytes of each file, placeholders and all."""
    folder = files("everlake.demo") / "data"
    return [(name, (folder / f"{name}.ndjson").read_bytes()) for name in RECORD_TYPES]


def sample_requests(product_id: str, project_id: str) -> list[tuple[str, list[bytes]]]:
    """The record type and the lines of each file; its lines together make one request's body.

    The placeholders in ``_product_id``, ``_project_ids`` and ``_project_id`` are replaced, also
    in the lines that are there to be refused. Every other member keeps its bytes, ``data``
    above all; a line that is not JSON stays as it is.
    """
    ids = {PRODUCT_PLACEHOLDER: product_id, PROJECT_PLACEHOLDER: project_id}
    return [
        (record_type, [_replace_placeholders(line, ids) for line in body.splitlines()])
        for record_type, body in sample_files()
    ]


def _replace_placeholders(line: bytes, ids: dict[str, str]) -> bytes:
    try:
        envelope = _ENVELOPE.decode(line)
    except msgspec.DecodeError:
        return line
    for member in _ID_MEMBERS:
        if member in envelope:
            named = _ID_OR_IDS.decode(envelope[member])
            real = (
                ids.get(named, named)
                if isinstance(named, str)
                else [ids.get(name, name) for name in named]
            )
            envelope[member] = Raw(msgspec.json.encode(real))
    return msgspec.json.encode(envelope)
