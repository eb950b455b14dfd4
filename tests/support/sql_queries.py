"""SQL queries on a lake."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from everlake.export.sql import open_sql
from everlake.lake import Lake

WORKSPACE = "w"


def json_rows(lake: Lake, query: str, workspace_id: str = WORKSPACE) -> list[dict[str, Any]]:
    """Return the rows of the result, decoded from JSON."""
    with TemporaryDirectory() as overflow, open_sql(lake, workspace_id, Path(overflow)) as session:
        return [json.loads(text) for some in session.query(query).json_rows() for text in some]


def text_rows(lake: Lake, query: str) -> list[tuple[str | None, ...]]:
    """Return the rows of the result as texts."""
    with TemporaryDirectory() as overflow, open_sql(lake, WORKSPACE, Path(overflow)) as session:
        return [row for some in session.query(query).text_rows() for row in some]
