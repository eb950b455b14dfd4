"""Reviews of Google Play's API and of Apple's RSS feed."""

from everlake.analysis.json_decoding import Json
from everlake.analysis.shapes.vendors.leftovers import leftovers
from everlake.analysis.types import PendingValue, Scope

MEMBERS = frozenset({"comments", "feed", "im:rating"})

_ENTRY = ("title", "content", "author", "updated")


def adapt(name: str, item: dict[str, Json], scope: Scope) -> list[PendingValue] | None:
    """Return the user's and the developer's comments as messages."""
    inner = scope._replace(is_root=False)
    feed = item.get("feed")
    if isinstance(feed, dict) and isinstance(feed.get("entry"), list | dict):
        frame = {key: value for key, value in feed.items() if key != "entry"}
        frame_scope = inner._replace(is_metadata=True)
        others = [PendingValue(key, value, scope) for key, value in item.items()
                  if key != "feed" and isinstance(value, str | dict | list)]  # fmt: skip
        entries = feed["entry"]
        return [
            PendingValue("entry", entries, inner),
            PendingValue("", _unwrapped(frame), frame_scope),
            *others,
        ]
    if "im:rating" in item:
        return [PendingValue(name, _feed_entry(item), scope), leftovers(item, _ENTRY, scope)]
    comments = item.get("comments")
    if not isinstance(comments, list) or not any(map(_is_play_comment, comments)):
        return None
    found: list[PendingValue] = []
    for comment in comments:
        if not isinstance(comment, dict):
            found.append(PendingValue("", comment, inner))
            continue
        for key, value in comment.items():
            if isinstance(value, dict):
                found.append(leftovers(value, ("text", "lastModified"), scope))
            message = _play_comment(key, value, item)
            found.append(PendingValue("", message, inner))
    return [*found, leftovers(item, ("comments", "authorName"), scope)]


def _is_play_comment(comment: Json) -> bool:
    return isinstance(comment, dict) and ("userComment" in comment or "developerComment" in comment)


def _play_comment(kind: str, comment: Json, review: dict[str, Json]) -> Json:
    if not isinstance(comment, dict):
        return comment
    modified = comment.get("lastModified")
    message: dict[str, Json] = {"text": comment.get("text")}
    message["timestamp"] = modified.get("seconds") if isinstance(modified, dict) else None
    if kind == "developerComment":
        message["direction"] = "outbound"
    else:
        message["author_name"] = review.get("authorName")
    return message


def _unwrapped(value: Json) -> Json:
    """Return the label of ``{"label": "…"}``."""
    if isinstance(value, dict) and isinstance(value.get("label"), str):
        return value["label"]
    return value


def _feed_entry(entry: dict[str, Json]) -> Json:
    author = entry.get("author")
    name = _unwrapped(author.get("name")) if isinstance(author, dict) else None
    return {
        "title": _unwrapped(entry.get("title")),
        "text": _unwrapped(entry.get("content")),
        "author_name": name,
        "created_at": _unwrapped(entry.get("updated")),
    }
