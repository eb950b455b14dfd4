import pytest

from everlake.contract.permissions import Permission
from everlake.identity.errors import PermissionDenied
from everlake.identity.permissions import require_permission
from everlake.identity.types import Principal, PrincipalKind


def principal(*permissions: Permission, kind: PrincipalKind = PrincipalKind.API_KEY) -> Principal:
    return Principal(
        kind=kind,
        id="key_1",
        workspace_id="ws_1",
        permissions=frozenset(permissions),
        source="api",
    )


def test_any_one_of_the_permissions_is_enough() -> None:
    require_permission(principal("api:read"), ["api:read"])
    require_permission(principal("api:read", "mcp:read"), ["api:write", "api:read"])


@pytest.mark.parametrize("held", [(), ("api:read",), ("mcp:read", "mcp:write")])
def test_a_principal_with_none_of_them_is_denied(held: tuple[Permission, ...]) -> None:
    with pytest.raises(PermissionDenied) as denied:
        require_permission(principal(*held), ["api:write"])
    assert str(denied.value) == ("This key lacks the permission api:write: use a key that has it.")


def test_the_error_names_every_permission_that_would_do() -> None:
    with pytest.raises(PermissionDenied, match="permission api:read or api:write:"):
        require_permission(principal(), ["api:read", "api:write"])


def test_only_an_api_key_can_be_referred_to_as_one() -> None:
    assert principal().api_key_id == "key_1"
    for kind in set(PrincipalKind) - {PrincipalKind.API_KEY}:
        with pytest.raises(ValueError, match="has no API key"):
            _ = principal(kind=kind).api_key_id
