"""What is wrong with a workspace's data, and what its owner can do about it."""

import msgspec


class IntegrityProblem(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One thing that is wrong; with no ``batch_id`` it is not about one batch."""

    batch_id: str | None
    problem: str
    action: str
