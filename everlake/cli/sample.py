"""``everlake sample``."""

import sys
from typing import Annotated

import typer

from everlake.demo.samples import is_acceptable, sample_requests


def sample(
    product_id: Annotated[
        str, typer.Option("--product-id", help="Product that the records are about.")
    ],
    project_id: Annotated[
        str, typer.Option("--project-id", help="Project that the records are about.")
    ],
    with_errors: Annotated[
        bool, typer.Option("--with-errors", help="Also records that the server will reject.")
    ] = False,
) -> None:
    """Print sample records as NDJSON, to be sent with everlake send.

    They are about two hundred conversations with the customers of an invented product.

    Example: everlake sample --product-id prod-abc --project-id proj-abc > tickets.ndjson
    """
    for _, lines in sample_requests(product_id, project_id):
        for line in lines:
            if with_errors or is_acceptable(line, project_id):
                sys.stdout.buffer.write(line + b"\n")
