"""Loaded by Schemathesis: what it cannot know of the API by itself."""

import hashlib
from typing import Any

import schemathesis

KEY = "Idempotency-Key"


@schemathesis.serializer("application/x-ndjson")
def ndjson(_: schemathesis.SerializationContext, value: Any) -> bytes:
    """A text as it is; what is wrong on purpose as its Python text."""
    text = value if isinstance(value, str) else str(value)
    return text.encode("utf-8", "surrogatepass")


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case, __: dict[str, Any]) -> None:
    """Give each right body an idempotency key of its own, or all but the first were refused."""
    positive = schemathesis.GenerationMode.POSITIVE
    if KEY in case.headers and case.meta and case.meta.generation.mode == positive:
        case.headers[KEY] = hashlib.sha256(repr(case.body).encode()).hexdigest()
