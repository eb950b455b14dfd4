"""Authorisation: whether a principal may do something."""

from collections.abc import Sequence

from everlake.contract.permissions import Permission
from everlake.identity.errors import PermissionDenied
from everlake.identity.types import Principal


def require_permission(principal: Principal, permissions: Sequence[Permission]) -> None:
    """Check that the principal has at least one of ``permissions``.

    Raises:
        PermissionDenied: it has none of them.
    """
    if principal.permissions.isdisjoint(permissions):
        raise PermissionDenied(permissions)
