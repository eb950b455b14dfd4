"""PowerPoint (ECMA-376): the slides in their order, each with its speaker's notes."""

import posixpath
from typing import BinaryIO

from everlake.attachments.text.gather import Gathered
from everlake.attachments.text.readers.markup_text import Words
from everlake.attachments.text.readers.package import Package, opened
from everlake.attachments.text.wire import Task

_PRESENTATION = "ppt/presentation.xml"
_NOTES = "/notesSlide"


def read(file: BinaryIO, gathered: Gathered, task: Task) -> None:
    """Each slide's text, then its notes under the same place.

    Raises:
        TextError: it is damaged, encrypted or too large unpacked.
    """
    with opened(file, task.limits) as package:
        relations = _relations(package, _PRESENTATION)
        for number, key in enumerate(_order(package), start=1):
            slide, _ = relations.get(key, ("", ""))
            if slide not in package.names:
                continue
            place = f"slide {number}"
            Words(gathered, place).read(package, slide)
            for target, kind in _relations(package, slide).values():
                if kind.endswith(_NOTES) and target in package.names:
                    Words(gathered, place).read(package, target)


def _order(package: Package) -> list[str]:
    """The relations' ids of the slides, in order."""
    keys: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name.endswith(" sldId"):
            keys.extend(
                value for member, value in attributes.items() if member.endswith("relationships id")
            )

    package.parse(_PRESENTATION, start)
    return keys


def _relations(package: Package, name: str) -> dict[str, tuple[str, str]]:
    """A part's relations by id: the other part's name, and of which type it is."""
    folder, base = posixpath.split(name)
    listed = f"{folder}/_rels/{base}.rels"
    found: dict[str, tuple[str, str]] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        if name.endswith(" Relationship") and attributes.get("TargetMode") != "External":
            target = posixpath.join("/", folder, attributes.get("Target", ""))
            found[attributes.get("Id", "")] = (
                posixpath.normpath(target).lstrip("/"),
                attributes.get("Type", ""),
            )

    if listed in package.names:
        package.parse(listed, start)
    return found
