"""Request bodies of plausible records."""

import json
import random

_PROSE = """
the export keeps failing when we filter by region and nobody on my side can see why it would help
if the report remembered columns between sessions because my team opens it every morning and
starts again from nothing which costs us time thanks for looking into this soon
"""
WORDS = _PROSE.split()


def text(size: int, seed: int) -> str:
    """About ``size`` characters of words."""
    chosen = random.Random(seed).choices(WORDS, k=size // 4)
    return " ".join(chosen)[:size]


def record(number: int, size: int, product: str, project: str) -> dict[str, object]:
    """One record of about ``size`` bytes; ``number`` is its identity."""
    fixed = 420
    return {
        "_type": "message",
        "_schema_version": "1.0.0",
        "_event_at": "2026-03-01T10:00:00Z",
        "_vendor_ids": {"message_id": f"m-{number:012d}"},
        "_product_id": product,
        "_project_ids": [project],
        "_thread_id": f"thread-{number % 977}",
        "_participants": [
            {"id": f"u{number % 101}", "role": "external", "name": "Ada Nilsson"},
            {"id": "a1", "role": "internal", "name": "Sam", "email": "sam@example.com"},
        ],
        "_tags": ["billing", "eu"],
        "data": {"from": "Ada Nilsson", "text": text(max(20, size - fixed), number)},
    }


def bodies(
    count: int, records: int, size: int, product: str, project: str, first: int = 0
) -> list[bytes]:
    """``count`` bodies of ``records`` records each, all of them different."""
    return [
        json.dumps(
            [record(first + batch * records + n, size, product, project) for n in range(records)],
            separators=(",", ":"),
        ).encode()
        for batch in range(count)
    ]
