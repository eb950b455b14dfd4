"""Resources whose members are one level deeper: JSON:API (Kustomer, Apple) and HubSpot."""

import re

from everlake.analysis.json_decoding import Json
from everlake.analysis.shapes.vendors.leftovers import leftovers
from everlake.analysis.types import PendingValue, Scope

MEMBERS = frozenset({"attributes", "properties", "data"})
_HUBSPOT_PREFIX = re.compile(r"hs_(?:email|call|note|meeting|task|communication|feedback)_")
_HUBSPOT_DIRECTIONS = {"INCOMING_EMAIL": "inbound", "EMAIL": "outbound"}
_HUBSPOT_TEXTS = frozenset({"subject", "title", "text", "html", "body", "direction", "content"})
_NOT_LEFT = frozenset({"attributes", "meta", "createdAt", "created_at"})
_FRAME = frozenset({"id", "type", "links", "relationships", "jsonapi"})
_AUTHORS = ("author", "createdBy", "created_by", "sender", "user")


def adapt(name: str, item: dict[str, Json], scope: Scope) -> list[PendingValue] | None:
    """Return the resource with its members, and a list of resources by another name."""
    attributes, properties, data = (item.get(key) for key in ("attributes", "properties", "data"))
    if isinstance(attributes, dict) and isinstance(item.get("type"), str) and "id" in item:
        resource = PendingValue(name, _resource(item, attributes), scope)
        frame = {key: value for key, value in item.items() if key in _FRAME}
        inner = scope._replace(is_root=False)
        others = [
            PendingValue(key, value, inner)
            for key, value in item.items()
            if key not in _FRAME and key not in _NOT_LEFT and isinstance(value, str | dict | list)
        ]
        return [resource, leftovers(frame, (), scope), *others]
    if isinstance(properties, dict) and any(key.startswith("hs_") for key in properties):
        used = [key for key in properties if _is_used_by_hubspot(key)]
        return [
            PendingValue(name, _hubspot(item, properties), scope),
            leftovers(item, ("properties",), scope),
            leftovers(properties, used, scope),
        ]
    if (
        isinstance(data, list)
        and data
        and all(
            isinstance(row, dict) and isinstance(row.get("attributes"), dict) for row in data[:8]
        )
    ):
        others = {key: value for key, value in item.items() if key != "data"}
        return [PendingValue("resources", data, scope), PendingValue(name, others, scope)]
    return None


def _resource(item: dict[str, Json], attributes: dict[str, Json]) -> Json:
    merged: dict[str, Json] = {
        key: value for key, value in item.items() if key in _NOT_LEFT and key != "attributes"
    }
    merged |= attributes
    kind = item["type"]
    if isinstance(kind, str) and kind.lower().endswith(("response", "responses", "reply")):
        merged["direction"] = "outbound"
    relationships = item.get("relationships")
    for key in _AUTHORS if isinstance(relationships, dict) else ():
        relation = relationships.get(key) if isinstance(relationships, dict) else None
        author = relation.get("data") if isinstance(relation, dict) else None
        if isinstance(author, dict) and "author_id" not in merged:
            merged["author_id"] = author.get("id")
    meta = attributes.get("meta")
    if isinstance(meta, dict) and isinstance(meta.get("from"), str):
        merged["from"] = meta["from"]
    return merged


def _is_used_by_hubspot(name: str) -> bool:
    short = _HUBSPOT_PREFIX.sub("", name, count=1)
    return (
        short in _HUBSPOT_TEXTS
        or short.startswith("from_")
        or not name.startswith(("hs_", "hubspot_"))
    )


def _hubspot(item: dict[str, Json], properties: dict[str, Json]) -> Json:
    merged: dict[str, Json] = {"timestamp": properties.get("hs_timestamp") or item.get("createdAt")}
    sender: dict[str, Json] = {}
    is_call = "hs_call_body" in properties or "hs_call_title" in properties
    for key, value in properties.items():
        short = _HUBSPOT_PREFIX.sub("", key, count=1)
        if short.startswith("from_"):
            sender[short.removeprefix("from_")] = value
        elif short in _HUBSPOT_TEXTS:
            merged[short] = value
        elif not key.startswith(("hs_", "hubspot_")):
            merged.setdefault(key, value)
    direction = merged.pop("direction", None)
    if isinstance(direction, str) and not is_call:
        merged["direction"] = _HUBSPOT_DIRECTIONS.get(direction, direction)
    if sender:
        merged["from"] = sender
    return merged
