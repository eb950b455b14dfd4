"""Sample data: the files of the package, and request bodies made from them."""

from importlib.resources import files

import msgspec
from msgspec import UNSET, Raw

from everlake.contract.envelope import RECORD_TYPES, Record, canonical_event_at

PRODUCT_PLACEHOLDER = "$PRODUCT"
PROJECT_PLACEHOLDER = "$PROJECT"

_ENVELOPE = msgspec.json.Decoder(dict[str, Raw])
_ID_OR_IDS = msgspec.json.Decoder(str | list[str])
_ID_MEMBERS = ("_product_id", "_project_ids", "_project_id")


def sample_files() -> list[tuple[str, bytes]]:
    """Return the record type and the NDJSON content of each file, with placeholders."""
    folder = files("everlake.demo") / "data"
    return [(name, (folder / f"{name}.ndjson").read_bytes()) for name in RECORD_TYPES]


def sample_requests(product_id: str, project_id: str) -> list[tuple[str, list[bytes]]]:
    """Return the record type and the lines of each file; the lines make one request body.

    The placeholders in ``_product_id``, ``_project_ids`` and ``_project_id`` are replaced, also in
    lines that will be rejected. All other members, such as ``data``, keep their bytes, and a line
    that is not JSON is unchanged.
    """
    ids = {PRODUCT_PLACEHOLDER: product_id, PROJECT_PLACEHOLDER: project_id}
    return [
        (record_type, [_replace_placeholders(line, ids) for line in body.splitlines()])
        for record_type, body in sample_files()
    ]


def is_acceptable(line: bytes, project_id: str) -> bool:
    """Return whether a line is a record that a server accepts for a project."""
    try:
        record = msgspec.json.decode(line, type=Record)
    except msgspec.DecodeError:
        return False
    projects = {
        *(record.project_ids or ()),
        project_id if record.project_id is UNSET else record.project_id,
    }
    return canonical_event_at(record.event_at) is not None and projects == {project_id}


def _replace_placeholders(line: bytes, ids: dict[str, str]) -> bytes:
    try:
        envelope = _ENVELOPE.decode(line)
    except msgspec.DecodeError:
        return line
    for member in _ID_MEMBERS:
        if member in envelope:
            value = _ID_OR_IDS.decode(envelope[member])
            replaced = (
                ids.get(value, value)
                if isinstance(value, str)
                else [ids.get(name, name) for name in value]
            )
            envelope[member] = Raw(msgspec.json.encode(replaced))
    return msgspec.json.encode(envelope)
