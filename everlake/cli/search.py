"""``everlake search``: who said something like this."""

from typing import Annotated

import msgspec
import typer
from rich.text import Text

from everlake.analysis.prose import normalize_text
from everlake.cli.context import (
    DataOption,
    JsonOption,
    WorkspaceOption,
    fail,
    load_settings,
    open_existing_catalog,
    out,
    print_json,
    resolve_workspace_id,
)
from everlake.contract.envelope import RECORD_TYPES
from everlake.lake.opening import open_lake
from everlake.model.utterances import UtteranceFilters
from everlake.search import SearchHit
from everlake.search import search as search_lake


def search(
    query: Annotated[str, typer.Argument(help='Words, and "exact phrases" in quotes.')],
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many.")] = 10,
    record_type: Annotated[
        str | None, typer.Option("--type", help="Only this record type.")
    ] = None,
    source: Annotated[str | None, typer.Option("--source", help="Only from this source.")] = None,
    product: Annotated[str | None, typer.Option("--product", help="Only of this product.")] = None,
    workspace: WorkspaceOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Search what people said, best answer first.

    Example: everlake search "export to excel" --type email
    """
    if record_type is not None and record_type not in RECORD_TYPES:
        fail(f"--type must be one of {', '.join(RECORD_TYPES)}")
    settings = load_settings(data)
    with open_existing_catalog(settings) as catalog:
        with catalog.snapshot() as tx:
            workspace_id = resolve_workspace_id(tx, workspace)
        try:
            page = search_lake(
                open_lake(settings.archive_url, catalog),
                workspace_id,
                query,
                filters=UtteranceFilters(type=record_type, source=source, product=product),
                limit=limit,
            )
        except ValueError as error:
            fail(str(error))
    if json:
        for hit in page.hits:
            print_json(msgspec.structs.asdict(hit))
        return
    if not page.hits:
        out.print("Nothing found.")
    for hit in page.hits:
        show_hit(hit)


def show_hit(hit: SearchHit) -> None:
    """One hit: the passage with its matches marked, and where it is from."""
    passage = Text(hit.passage)
    for start, end in hit.highlights:
        passage.stylize("bold", start, end)
    who = hit.speaker or "someone"
    out.print(passage)
    where = f"{hit.type} of {hit.event_at[:10]}, record {hit.record_id}"
    if hit.attachment is not None:
        name = " ".join(
            normalize_text(hit.attachment).split()
        )  # a sender's own, with whatever in it
        where = f"attachment {name} of {where}"
        who = hit.speaker
    out.print(Text(f"  {who}, {where}" if who else f"  {where}", style="dim"))
