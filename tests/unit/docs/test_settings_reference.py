import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from msgspec import Meta

from everlake.settings import DEFINITIONS, load, variable_name
from tests.support.documentation import ROOT, section

REFERENCE = (ROOT / "docs" / "reference" / "settings.md").read_text("utf-8")
CLIENT = {"EVERLAKE_URL", "EVERLAKE_API_KEY"}
KINDS = {str: "text", int: "whole number", float: "number"}
BOUNDS = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}


def facts(name: str) -> list[str]:
    """Return the lines with which a setting's section begins."""
    definition = DEFINITIONS[name]
    meta = definition.meta
    kind, _ = get_args(definition.type)
    unit = (meta.extra or {}).get("unit")
    return [
        f"- Type: {', '.join([_kind(kind), *_bounds(meta)])}",
        *([f"- Unit: {unit}"] if unit else []),
        f"- Default: {_default(definition.default)}",
    ]


def _kind(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(f"`{value}`" for value in get_args(kind))
    return KINDS[kind]


def _bounds(meta: Meta) -> list[str]:
    values = {name: getattr(meta, name) for name in BOUNDS}
    return [f"{BOUNDS[name]} {value}" for name, value in values.items() if value is not None]


def _default(value: Any) -> str:
    if value == "":
        return "empty"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_setting_has_its_heading_with_type_unit_and_default(name: str) -> None:
    lines = section(REFERENCE, variable_name(name)).strip().splitlines()
    assert [line for line in lines if line.startswith("- ")] == facts(name)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_setting_says_what_it_means(name: str) -> None:
    text = section(REFERENCE, variable_name(name)).strip().splitlines()
    assert [line for line in text if line and not line.startswith("- ")]


def test_no_heading_names_a_setting_that_is_not_there() -> None:
    named = set(re.findall(r"^### (.+)$", REFERENCE, re.MULTILINE))
    assert named == {variable_name(name) for name in DEFINITIONS} | CLIENT


def test_settings_are_in_the_order_of_their_sections() -> None:
    headings = re.findall(r"^### (.+)$", REFERENCE, re.MULTILINE)
    assert headings[: len(DEFINITIONS)] == [variable_name(name) for name in DEFINITIONS]
    sections = {definition.section for definition in DEFINITIONS.values()}
    assert len(re.findall(r"^## ", REFERENCE, re.MULTILINE)) == len(sections) + 1


def test_the_file_of_the_example_can_be_loaded(tmp_path: Path) -> None:
    examples = re.findall(r"^```toml\n(.*?)^```$", REFERENCE, re.MULTILINE | re.DOTALL)
    for example in examples:
        (tmp_path / "everlake.toml").write_text(example)
        load(environ={}, directory=tmp_path)
    assert examples
