"""Responses to surveys, each answer with its question: Typeform and SurveyMonkey."""

from everlake.analysis.json_decoding import Json
from everlake.analysis.shapes.form_field import as_text, label_and_value
from everlake.analysis.types import PendingValue, Scope

MEMBERS = frozenset({"answers", "pages"})
_TIMES = ("submitted_at", "date_modified", "date_created", "landed_at")
_ANSWERS = ("text", "label", "simple_text", "email", "url", "phone_number", "date", "file_url",
            "number", "boolean", "other")  # fmt: skip


def adapt(name: str, item: dict[str, Json], scope: Scope) -> list[PendingValue] | None:
    """Return a line per question."""
    inner = scope._replace(is_root=False)
    definition, answers, pages = (item.get(key) for key in ("definition", "answers", "pages"))
    if isinstance(definition, dict) and isinstance(answers, list):
        questions = _questions(definition.get("fields"))
        others = {key: value for key, value in item.items() if key not in ("definition", "answers")}
        others["title"] = definition.get("title")
        return [
            PendingValue(name, others, scope),
            *(
                PendingValue("", _timed(_typeform_line(answer, questions), item), inner)
                for answer in answers
            ),
        ]
    if not isinstance(pages, list) or not any(map(_has_questions, pages)):
        return None
    lines: list[PendingValue] = []
    for page in pages:
        rest, questions = dict[str, Json](), None
        if isinstance(page, dict):
            rest = {key: value for key, value in page.items() if key != "questions"}
            questions = page.get("questions")
        lines.append(PendingValue("", rest if isinstance(page, dict) else page, inner))
        lines += [
            PendingValue("", _timed(_surveymonkey_line(question), item), inner)
            for question in (questions if isinstance(questions, list) else ())
        ]
    others = {key: value for key, value in item.items() if key != "pages"}
    return [PendingValue(name, others, scope), *lines]


def _timed(line: Json, response: dict[str, Json]) -> Json:
    """Return a line with the time at which the response was sent."""
    moment = next((response[key] for key in _TIMES if response.get(key)), None)
    return {**line, "created_at": moment} if isinstance(line, dict) and moment else line


def _has_questions(page: Json) -> bool:
    return isinstance(page, dict) and isinstance(page.get("questions"), list)


def _questions(fields: Json) -> dict[str, str]:
    """Return the questions by their ids and references."""
    questions: dict[str, str] = {}
    for field in fields if isinstance(fields, list) else ():
        title = field.get("title") if isinstance(field, dict) else None
        if isinstance(field, dict) and isinstance(title, str):
            for key in ("id", "ref"):
                if isinstance(identity := field.get(key), str):
                    questions[identity] = title
    return questions


def _typeform_line(answer: Json, questions: dict[str, str]) -> Json:
    if not isinstance(answer, dict):
        return answer
    field = answer.get("field")
    keys = [field.get(key) for key in ("id", "ref")] if isinstance(field, dict) else []
    question = next((questions[key] for key in keys if isinstance(key, str) and key in questions),
                    "")  # fmt: skip
    kind = answer.get("type")
    value = answer.get(kind) if isinstance(kind, str) else None
    return _line(question, _values(value))


def _values(value: Json) -> list[str]:
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, list):
        return [text for inner in value for text in _values(inner)]
    if isinstance(value, dict):
        labels = value.get("labels")
        found = _values(labels) if isinstance(labels, list) else []
        texts = [as_text(inner) for key in _ANSWERS
                 if isinstance(inner := value.get(key), str | int | float)]  # fmt: skip
        return found + list(dict.fromkeys(texts))
    return [text] if (text := as_text(value)) else []


def _surveymonkey_line(question: Json) -> Json:
    if not isinstance(question, dict):
        return question
    heading = question.get("heading")
    return _line(heading if isinstance(heading, str) else "", _values(question.get("answers")))


def _line(question: str, values: list[str]) -> Json:
    text = ", ".join(values)
    if not text:
        return None
    return {"text": label_and_value(question, text) if question else text}
