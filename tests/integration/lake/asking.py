"""SQL questions to a lake, for tests."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from everlake.lake import Lake
from everlake.lake.sql import open_sql

WORKSPACE = "w"


def objects(lake: Lake, query: str, workspace_id: str = WORKSPACE) -> list[dict[str, Any]]:
    """The rows of the answer as JSON says them."""
    with TemporaryDirectory() as overflow, open_sql(lake, workspace_id, Path(overflow)) as session:
        return [json.loads(text) for some in session.ask(query).objects() for text in some]


def texts(lake: Lake, query: str) -> list[tuple[str | None, ...]]:
    """The rows of the answer as text."""
    with TemporaryDirectory() as overflow, open_sql(lake, WORKSPACE, Path(overflow)) as session:
        return [row for some in session.ask(query).texts() for row in some]
