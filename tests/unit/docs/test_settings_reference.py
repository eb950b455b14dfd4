import re
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest
from msgspec import Meta

from everlake.settings import Settings, variable_name
from tests.support.documentation import ROOT, section

REFERENCE = (ROOT / "docs" / "reference" / "settings.md").read_text("utf-8")
FIELDS = {field.name: field for field in msgspec.structs.fields(Settings)}
CLIENT = {"EVERLAKE_URL", "EVERLAKE_API_KEY"}
KINDS = {str: "text", int: "whole number", float: "number"}
BOUNDS = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}


def facts(name: str) -> list[str]:
    """The lines that a field's section begins with."""
    field = FIELDS[name]
    kind, meta = get_args(Settings.__annotations__[name])
    unit = (meta.extra or {}).get("unit")
    return [
        f"- Type: {', '.join([_kind(kind), *_bounds(meta)])}",
        *([f"- Unit: {unit}"] if unit else []),
        f"- Default: {_default(field.default)}",
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


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_has_its_heading_with_type_unit_and_default(name: str) -> None:
    lines = section(REFERENCE, variable_name(name)).strip().splitlines()
    assert [line for line in lines if line.startswith("- ")] == facts(name)


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_says_what_it_means(name: str) -> None:
    text = section(REFERENCE, variable_name(name)).strip().splitlines()
    assert [line for line in text if line and not line.startswith("- ")]


def test_no_heading_names_a_setting_that_is_not_there() -> None:
    named = set(re.findall(r"^### (.+)$", REFERENCE, re.MULTILINE))
    assert named == {variable_name(name) for name in FIELDS} | CLIENT


def test_the_file_of_the_example_can_be_loaded() -> None:
    examples = re.findall(r"^```toml\n(.*?)^```$", REFERENCE, re.MULTILINE | re.DOTALL)
    for example in examples:
        msgspec.toml.decode(example.encode(), type=Settings)
    assert examples
