"""``everlake init``."""

from typing import Annotated

import msgspec
import typer

from everlake.cli.console import err, print_fields, print_json
from everlake.cli.options import DataOption, JsonOption, load_settings
from everlake.operations.data_directory import check_data_directory
from everlake.operations.first_workspace import ensure_first_workspace
from everlake.operations.opening import prepared_catalog
from everlake.storage import open_store


def init(
    product_id: Annotated[
        str | None,
        typer.Option("--product-id", help="Id of the product; generated if left out."),
    ] = None,
    project_id: Annotated[
        str | None,
        typer.Option("--project-id", help="Id of the project; generated if left out."),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Source of the key, such as slack.")
    ] = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Create a first workspace, product, project and key.

    It is safe to run this again: what exists is kept, and the secret of a key is shown only when
    the key is created.

    Example: everlake init --product-id prod-abc --project-id proj-abc --json
    """
    settings = load_settings(data)
    open_store(settings.archive_url)
    check_data_directory(settings.data_directory)
    with prepared_catalog(settings) as catalog:
        first = ensure_first_workspace(
            catalog,
            product_id=product_id,
            project_id=project_id,
            source=source,
            max_live_keys=settings.limits.keys_per_workspace,
        )
    if json:
        print_json(first)
    else:
        known = msgspec.structs.asdict(first)
        names = ("workspace_id", "product_id", "project_id", "key_id", "api_key")
        fields = {name: known[name] for name in names if known[name] is not None}
        print_fields({**fields, "data": str(settings.data_directory)})
    if first.api_key is None:
        err.print(
            "The key existed already, so its secret is not shown: "
            "everlake keys create --label NAME makes another one."
        )
