"""Reading an OpenAPI document: operations, references and anchors."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

_METHODS = ("get", "put", "post", "delete", "patch")


class Operation(NamedTuple):
    """One operation: its method in upper case, its path template, and its description."""

    method: str
    path: str
    content: dict[str, Any]

    @property
    def id(self) -> str:
        """The ``operationId``, which is also the anchor on the page."""
        return self.content["operationId"]

    @property
    def permissions(self) -> list[str]:
        """The permissions of which a key needs one; empty where no key is needed."""
        alternatives: list[dict[str, list[str]]] = self.content["security"]
        names = [name for each in alternatives for names in each.values() for name in names]
        return list(dict.fromkeys(names))


class Document:
    """A whole OpenAPI 3.1 document.

    Args:
        content: the document. Every operation has an ``operationId``, one tag, a ``summary``, a
            ``description`` and ``security``; every reference is local.
    """

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content

    def resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        """Return ``node``, or the component that it refers to."""
        while "$ref" in node:
            found: Any = self.content
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            node = found
        return node

    def operations(self, tag: str | None = None) -> Iterator[Operation]:
        """Yield the operations in document order, those of one ``tag`` if it is given."""
        for path, item in self.content["paths"].items():
            for method in _METHODS:
                operation = item.get(method)
                if operation is not None and tag in {None, *operation["tags"]}:
                    yield Operation(method.upper(), path, operation)

    def shared_responses(self) -> list[tuple[str, str]]:
        """Return the status and the reference of each answer that operations share, sorted."""
        found = {
            (status, response["$ref"])
            for operation in self.operations()
            for status, response in operation.content["responses"].items()
            if "$ref" in response
        }
        return sorted(found)

    def tags(self) -> Iterator[tuple[str, str]]:
        """Yield each tag's name and description."""
        for tag in self.content["tags"]:
            yield tag["name"], tag["description"]

    def components(self, kind: str) -> dict[str, Any]:
        """Return the components of one kind, such as ``schemas``, by name."""
        return self.content["components"][kind]


def anchor_of(reference: str) -> str:
    """Return the page anchor of a component reference.

    ``#/components/schemas/Batch`` has ``schemas-Batch``.
    """
    kind, name = reference.rsplit("/", 2)[1:]
    return f"{kind}-{name}"


def tag_anchor(tag: str) -> str:
    """Return the page anchor of a tag's section."""
    return "tag-" + re.sub(r"[^a-z0-9]+", "-", tag.lower())
