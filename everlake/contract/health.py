"""Health of the service."""

from typing import Annotated

import msgspec
from msgspec import Meta


class Health(msgspec.Struct, frozen=True):
    """Response of a healthy service."""

    status: Annotated[str, Meta(extra_json_schema={"const": "ok"})]
