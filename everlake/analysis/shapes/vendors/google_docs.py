"""Documents of the Google Docs API: paragraphs of text runs, chips and tables."""

from everlake.analysis.json_decoding import Json
from everlake.analysis.types import PendingValue, Scope

MEMBERS = frozenset({"body"})
_MAX_DEPTH = 8
"""Depth of tables in tables; what is deeper is read by the other readers."""
_USED = ("body", "title")


def adapt(name: str, item: dict[str, Json], scope: Scope) -> list[PendingValue] | None:
    """Return the document as a tree of typed nodes."""
    body = item.get("body")
    content = body.get("content") if isinstance(body, dict) else None
    if not isinstance(content, list) or not any(map(_is_paragraph, content)):
        return None
    settings = {key: value for key, value in item.items() if key not in _USED}
    tree: Json = {"type": "doc", "content": _blocks(content, 0)}
    return [
        PendingValue(name, {"title": item.get("title"), "content": tree}, scope),
        PendingValue("", settings, scope._replace(is_root=False, is_metadata=True)),
    ]


def _is_paragraph(block: Json) -> bool:
    paragraph = block.get("paragraph") if isinstance(block, dict) else None
    return isinstance(paragraph, dict) and isinstance(paragraph.get("elements"), list)


def _blocks(content: list[Json], depth: int) -> list[Json]:
    return [_block(block, depth) if isinstance(block, dict) else block for block in content]


def _block(block: dict[str, Json], depth: int) -> Json:
    paragraph, table = block.get("paragraph"), block.get("table")
    if isinstance(paragraph, dict):
        elements = paragraph.get("elements")
        runs = [_run(run) for run in elements] if isinstance(elements, list) else []
        return {"type": "paragraph", "content": runs}
    rows = table.get("tableRows") if isinstance(table, dict) else None
    if not isinstance(rows, list) or depth >= _MAX_DEPTH:
        return block
    return {"type": "table", "content": [_row(row, depth) for row in rows]}


def _row(row: Json, depth: int) -> Json:
    cells = row.get("tableCells") if isinstance(row, dict) else None
    found: list[Json] = []
    for cell in cells if isinstance(cells, list) else ():
        content = cell.get("content") if isinstance(cell, dict) else None
        blocks = _blocks(content, depth + 1) if isinstance(content, list) else []
        found.append({"type": "tableCell", "content": blocks})
    return {"type": "tableRow", "content": found}


def _run(element: Json) -> Json:
    """Return a run of text, the name of a person, or the title of a link."""
    if not isinstance(element, dict):
        return element
    for kind, properties, names in (
        ("textRun", "", ("content",)),
        ("person", "personProperties", ("name", "email")),
        ("richLink", "richLinkProperties", ("title", "uri")),
    ):
        value = element.get(kind)
        if isinstance(value, dict) and properties:
            value = value.get(properties)
        if isinstance(value, dict):
            text = next((value[name] for name in names if value.get(name)), "")
            if kind == "textRun" and isinstance(text, str):
                text = text.rstrip("\n")
            return {"type": "text", "text": text}
    return {"type": "text", "text": ""}
