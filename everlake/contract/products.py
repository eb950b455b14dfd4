"""Products and projects."""

from typing import Annotated

import msgspec
from msgspec import Meta

from everlake.contract.limits import MAX_PAGE_SIZE
from everlake.contract.types import NextCursor, Number64, ProductId, ProjectId


class Product(msgspec.Struct, frozen=True, rename="camel"):
    """A product of a workspace. ``createdAt`` is in Unix milliseconds."""

    id: ProductId
    name: str
    created_at: Number64


class ProductPage(msgspec.Struct, frozen=True, rename="camel"):
    """One page of products, oldest first; ``nextCursor`` is null on the last."""

    products: Annotated[list[Product], Meta(extra_json_schema={"maxItems": MAX_PAGE_SIZE})]
    next_cursor: NextCursor


class Project(msgspec.Struct, frozen=True, rename="camel"):
    """A project of a product. ``createdAt`` is in Unix milliseconds."""

    id: ProjectId
    product_id: ProductId
    name: str
    created_at: Number64


class ProjectPage(msgspec.Struct, frozen=True, rename="camel"):
    """One page of projects, oldest first; ``nextCursor`` is null on the last."""

    projects: Annotated[list[Project], Meta(extra_json_schema={"maxItems": MAX_PAGE_SIZE})]
    next_cursor: NextCursor
