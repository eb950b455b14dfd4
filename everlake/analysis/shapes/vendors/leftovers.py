"""Members that an adapter does not use, which are read as metadata."""

from collections.abc import Container, Mapping

from everlake.analysis.json_decoding import Json
from everlake.analysis.types import PendingValue, Scope


def leftovers(item: Mapping[str, Json], used: Container[str], scope: Scope) -> PendingValue:
    """Return the members of ``item`` that are not ``used``."""
    rest = {key: value for key, value in item.items() if key not in used}
    return PendingValue("", rest, scope._replace(is_root=False, is_metadata=True))
