"""Any other shape: its strings in order of appearance, a subject or title first."""

from everlake.analysis.decode import Json
from everlake.analysis.names import Kind, member
from everlake.analysis.people import describe
from everlake.analysis.reading import NOBODY, Frame, Reading, Rest, Scope
from everlake.analysis.shapes import script
from everlake.analysis.shapes.field import as_text, label_and_value
from everlake.analysis.shapes.when import start_of

_SAID = frozenset({Kind.TEXT, Kind.REMARK, Kind.HEADLINE, Kind.NAME, Kind.OTHER})
_WORDS_OF_A_SET = frozenset({Kind.LABEL, Kind.ROLE})
_ABOUT = frozenset({Kind.MACHINE, Kind.PEOPLE})


def read_object(reading: Reading, name: str, item: dict[str, Json], scope: Scope) -> Rest:  # noqa: ARG001
    """Leave every member to the readers of its value, with its name where that is a phrase."""
    _learn_people(reading, item)
    inner = Scope(start_of(item) or scope.start, scope.cover, scope.doubtful)
    doubtful = inner._replace(doubtful=True)
    rest: list[Frame] = []
    for key, value in item.items():
        kind = member(key).kind
        titled = kind is Kind.HEADLINE or (kind is Kind.NAME and scope.top)
        if " " in key.strip():
            rest += _labelled(key, value, inner)
        elif isinstance(value, dict | list):
            about = kind in _ABOUT or (kind is Kind.SPEAKER and _is_person(value))
            rest.append(Frame(key, value, doubtful if about else inner))
        elif not isinstance(value, str) or not value.strip():
            continue
        elif titled and not inner.doubtful:
            reading.headline(value, NOBODY)
        elif kind in _SAID or (kind in _WORDS_OF_A_SET and " " in value.strip()):
            rest.append(Frame(key, value, inner))
        else:
            rest.append(Frame(key, value, doubtful))
    return rest


def read_list(reading: Reading, name: str, items: list[Json], scope: Scope) -> Rest:
    """Leave every item to the readers of its value; lines of one dialogue are read as one."""
    if len(items) > 1 and all(isinstance(item, str) for item in items):
        dialogue = "\n".join(item for item in items if isinstance(item, str))
        if not scope.doubtful and script.read(reading, name, dialogue, NOBODY, scope):
            return ()
    inner = scope._replace(top=False)
    return [Frame(name, item, inner) for item in items if isinstance(item, str | dict | list)]


def _labelled(key: str, value: Json, scope: Scope) -> Rest:
    if isinstance(value, dict | list):
        return Frame("", key, scope), Frame(key, value, scope)
    text = as_text(value)
    return (Frame("", label_and_value(key, text), scope),) if text.strip() else ()


def _is_person(value: Json) -> bool:
    return (
        isinstance(value, dict)
        and bool(describe(value)[0])
        and all(member(name).kind not in (Kind.TEXT, Kind.REMARK) for name in value)
    )


def _learn_people(reading: Reading, item: dict[str, Json]) -> None:
    for key, value in item.items():
        if isinstance(value, list) and member(key).kind is Kind.PEOPLE:
            reading.people.learn(value)
        elif isinstance(value, dict):
            for inner_key, inner in value.items():
                if isinstance(inner, list) and member(inner_key).kind is Kind.PEOPLE:
                    reading.people.learn(inner)
