"""``everlake search``."""

from typing import Annotated

import msgspec
import typer
from rich.text import Text

from everlake.cli.console import fail, out, print_json, single_line
from everlake.cli.options import DataOption, JsonOption, WorkspaceOption, load_settings
from everlake.contract.envelope import RECORD_TYPES
from everlake.lake.opening import open_lake
from everlake.model.utterances import UtteranceFilters
from everlake.operations.opening import existing_catalog
from everlake.operations.search import search_utterances
from everlake.operations.workspaces import resolve_workspace
from everlake.search import SearchHit


def search(
    query: Annotated[str, typer.Argument(help='Words, and "exact phrases" in quotes.')],
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=100, help="Number of utterances.")
    ] = 10,
    record_type: Annotated[
        str | None, typer.Option("--type", help="Only in records of this type.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Only in records from this source.")
    ] = None,
    product: Annotated[
        str | None, typer.Option("--product", help="Only in records of this product.")
    ] = None,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Search for what was said, best match first.

    Example: everlake search "export to excel" --type email
    """
    if record_type is not None and record_type not in RECORD_TYPES:
        fail(f"--type must be one of {', '.join(RECORD_TYPES)}")
    settings = load_settings(data)
    with existing_catalog(settings) as catalog:
        found = search_utterances(
            open_lake(settings.archive_url, catalog),
            resolve_workspace(catalog, workspace),
            query,
            filters=UtteranceFilters(type=record_type, source=source, product=product),
            limit=limit,
        )
    if json:
        for hit in found.hits:
            print_json(msgspec.structs.asdict(hit))
        return
    if not found.hits:
        out.print("Nothing found.")
    for hit in found.hits:
        print_hit(hit)


def print_hit(hit: SearchHit) -> None:
    """Print the passage of a hit with its matches in bold, and where it is from."""
    passage = Text(hit.passage)
    for start, end in hit.highlights:
        passage.stylize("bold", start, end)
    out.print(passage)
    speaker = hit.speaker or ("someone" if hit.attachment is None else None)
    source = f"{hit.type} of {hit.event_at[:10]}, record {hit.record_id}"
    if hit.attachment is not None:
        source = f"attachment {single_line(hit.attachment)} of {source}"
    out.print(Text(f"  {speaker}, {source}" if speaker else f"  {source}", style="dim"))
