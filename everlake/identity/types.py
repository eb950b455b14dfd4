"""Principals and credentials."""

from enum import StrEnum
from typing import Literal

import msgspec

from everlake.contract.permissions import Permission


class PrincipalKind(StrEnum):
    """Kinds of principals."""

    API_KEY = "api_key"
    MEMBER = "member"
    """A person with an account."""
    OAUTH_CLIENT = "oauth_client"
    """A program that a person has authorised."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Authenticated originator of a request. It acts in one workspace.

    Attributes:
        id: of the key, member or client; unique among the principals of its kind.
        source: the ``source`` of the batches it sends.
    """

    kind: PrincipalKind
    id: str
    workspace_id: str
    permissions: frozenset[Permission]
    source: str

    @property
    def api_key_id(self) -> str:
        """Id of the API key, to which batches and uploads refer.

        Raises:
            ValueError: the principal is no API key.
        """
        if self.kind is not PrincipalKind.API_KEY:
            raise ValueError(f"a principal of kind {self.kind} has no API key")
        return self.id


class Credential(msgspec.Struct, frozen=True):
    """Proof of identity that a request carries: a scheme, and the secret that belongs to it."""

    scheme: Literal["api_key"]
    secret: str
