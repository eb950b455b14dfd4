"""Parameters of paths, queries and headers, as components that operations refer to."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from everlake.api.openapi.examples import PARAMETER_EXAMPLES
from everlake.api.openapi.operation_descriptions import PARAMETERS
from everlake.contract.endpoints import ENDPOINTS, Endpoint
from everlake.contract.queries import PageQuery, PathParameters, choices_of, given_type

_COMPONENT_NAMES = {("listBatchAttachments", "status"): "attachmentStatus"}
"""Component names of parameters whose own name is taken by another one."""
_PATH_FIELDS = {field.encode_name: field for field in msgspec.structs.fields(PathParameters)}
_PAGE_FIELDS = PageQuery.__struct_fields__


class _Parameter(NamedTuple):
    component: str
    place: str
    field: msgspec.structs.FieldInfo


def component_parameters() -> dict[str, Any]:
    """Return all component parameters by name."""
    return {
        parameter.component: _describe(parameter)
        for endpoint in ENDPOINTS
        for parameter in _parameters(endpoint)
    }


def parameter_refs(endpoint: Endpoint) -> list[dict[str, Any]]:
    """Return references to the parameters of an endpoint: path, query and headers."""
    return [
        {"$ref": f"#/components/parameters/{parameter.component}"}
        for parameter in _parameters(endpoint)
    ]


def _parameters(endpoint: Endpoint) -> Iterator[_Parameter]:
    for name in re.findall(r"{(\w+)}", endpoint.path):
        yield _Parameter(name, "path", _PATH_FIELDS[name])
    if endpoint.query is not None:
        fields = msgspec.structs.fields(endpoint.query)
        for field in sorted(fields, key=lambda each: each.name in _PAGE_FIELDS):
            component = _COMPONENT_NAMES.get((endpoint.id, field.name), field.name)
            yield _Parameter(component, "query", field)
    if endpoint.headers is not None:
        for field in msgspec.structs.fields(endpoint.headers):
            yield _Parameter(_camel_case(field.name), "header", field)


def _describe(parameter: _Parameter) -> dict[str, Any]:
    field = parameter.field
    described: dict[str, Any] = {
        "name": field.encode_name,
        "in": parameter.place,
        "schema": _schema(field),
        "description": PARAMETERS[parameter.component],
    }
    if field.required:
        described["required"] = True
        described["example"] = PARAMETER_EXAMPLES[parameter.component]
    return described


def _schema(field: msgspec.structs.FieldInfo) -> dict[str, Any]:
    declared = given_type(field.type)
    choices = choices_of(declared)
    if choices:
        return {"type": "string", "enum": list(choices)}
    schema = msgspec.json.schema(declared)
    if schema.get("format") == "date-time":
        # Omitted: EVENT_AT_PATTERN is stricter.
        del schema["format"]
    if field.default not in {None, msgspec.NODEFAULT}:
        schema["default"] = field.default
    return schema


def _camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.title, others))
