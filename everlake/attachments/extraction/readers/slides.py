"""PowerPoint (ECMA-376): slides in order, each with its speaker notes."""

import posixpath
from typing import BinaryIO

from everlake.attachments.extraction.ipc import ExtractionTask
from everlake.attachments.extraction.readers.office_xml import OfficeXmlReader
from everlake.attachments.extraction.readers.zip_package import ZipPackage, open_package
from everlake.attachments.extraction.text_builder import TextBuilder

_PRESENTATION = "ppt/presentation.xml"
_NOTES = "/notesSlide"


def read(file: BinaryIO, builder: TextBuilder, task: ExtractionTask) -> None:
    """Add each slide's text, then its notes with the same place.

    Raises:
        TextError: the file is damaged, encrypted or too large once unpacked.
    """
    with open_package(file, task.limits) as package:
        relationships = _relationships(package, _PRESENTATION)
        for number, relationship_id in enumerate(_slide_ids(package), start=1):
            slide, _ = relationships.get(relationship_id, ("", ""))
            if slide not in package.names:
                continue
            place = f"slide {number}"
            OfficeXmlReader(builder, place).read(package, slide)
            for target, kind in _relationships(package, slide).values():
                if kind.endswith(_NOTES) and target in package.names:
                    OfficeXmlReader(builder, place).read(package, target)


def _slide_ids(package: ZipPackage) -> list[str]:
    """Return the relationship ids of the slides, in order."""
    ids: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if name.endswith(" sldId"):
            ids.extend(
                value for member, value in attributes.items() if member.endswith("relationships id")
            )

    package.parse(_PRESENTATION, start)
    return ids


def _relationships(package: ZipPackage, name: str) -> dict[str, tuple[str, str]]:
    """Return a part's relationships by id: the target part's name, and the type."""
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
