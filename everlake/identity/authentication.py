"""Authentication interface."""

from typing import Protocol

from everlake.identity.types import Credential, Principal


class Authenticator(Protocol):
    """Verifies credentials of one or more schemes."""

    async def authenticate(self, credential: Credential | None) -> Principal:
        """Return the principal that a credential belongs to.

        Args:
            credential: of the request; None where it has none.

        Raises:
            InvalidCredential: there is none, or it is not valid.
            IdentityUnavailable: it cannot be verified now.
        """
        ...
