"""Logging: no API key in any line, formats and levels."""

import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import uuid4

import msgspec
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from everlake.contract.ids import new_batch_id, new_secret
from everlake.logs import configure_logging, hide_secrets, logger

SECRET = new_secret()
FORMS = ("console", "json")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


Written = Callable[[], str]


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Written:
    """Return what was written to standard error since the last call."""
    return lambda: capsys.readouterr().err


class Holder(msgspec.Struct):
    """Struct whose representation contains its members."""

    secret: str


def raising() -> None:
    try:
        {}[SECRET]
    except KeyError as error:
        raise ValueError(f"the key {SECRET} is wrong") from error


VALUES: dict[str, Any] = {
    "text": f"the key is {SECRET}, is it not",
    "twice": f"{SECRET}{SECRET} {SECRET}",
    "in a header": {"x-api-key": SECRET, "Authorization": f"Bearer {SECRET}"},
    "as a member's name": {SECRET: 1},
    "deep": {"a": [{"b": ({"c": [SECRET]},)}]},
    "bytes": SECRET.encode(),
    "headers as bytes": [(b"x-api-key", SECRET.encode())],
    "a set": {SECRET},
    "a struct": Holder(SECRET),
    "a struct within": [{"holder": Holder(SECRET)}],
    "an exception": ValueError(SECRET),
    "a type": type(SECRET, (), {}),
    "in a URL": f"http://127.0.0.1/?key={SECRET}&x=1",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_no_value_shows_a_key(written: Written, form: Any, value: Any) -> None:
    configure_logging(form, "debug", role="test")

    logger().info("value", value=value)
    logger().bind(bound=value).warning(f"event {SECRET}")
    logging.getLogger("other").error("value %s and %r", value, value)

    text = written()
    assert text.count("em_sk_[hidden]") >= 4
    assert SECRET not in text
    assert SECRET[6:] not in text


@pytest.mark.parametrize("form", FORMS)
def test_no_exception_shows_a_key(written: Written, form: Any) -> None:
    configure_logging(form, "debug", role="test")

    try:
        raising()
    except ValueError as error:
        logger().exception("failed")
        logger().error("failed", exc_info=error)
        logging.getLogger("other").exception("failed")

    text = written()
    assert text.count("the key em_sk_[hidden] is wrong") == 3
    assert SECRET not in text


@pytest.mark.parametrize("form", FORMS)
def test_no_member_name_shows_a_key(written: Written, form: Any) -> None:
    configure_logging(form, "debug", role="test")

    logger().info("event", **{SECRET: 1})

    assert SECRET not in written()


@pytest.mark.parametrize("form", FORMS)
def test_no_bound_context_shows_a_key(written: Written, form: Any) -> None:
    configure_logging(form, "debug", role="test")

    with structlog.contextvars.bound_contextvars(request_id=SECRET):
        logger().info("event")
        logging.getLogger("other").error("event")

    text = written()
    assert text.count("em_sk_[hidden]") == 2
    assert SECRET not in text


nested = st.recursive(
    st.sampled_from([SECRET, f"a {SECRET}", SECRET.encode(), 1, 2.5, None, True, "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from(["a", SECRET, "b"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), nested, max_size=3))
def test_no_nested_value_shows_a_key_and_other_values_are_unchanged(event: dict[str, Any]) -> None:
    hidden = hide_secrets(None, "info", dict(event))

    assert SECRET not in repr(hidden)
    assert json.dumps(hidden) == json.dumps(_expected(event))


def _expected(value: Any) -> Any:
    if isinstance(value, bytes):
        value = str(value)
    if isinstance(value, str):
        return value.replace(SECRET, "em_sk_[hidden]")
    if isinstance(value, dict):
        return {_expected(name): _expected(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_expected(item) for item in value]
    return value


def test_a_json_line_has_time_event_level_and_role(written: Written) -> None:
    configure_logging("json", "info", role="worker")

    logger().info("landed", batches=3)

    line = json.loads(written())
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "landed", "level": "info", "role": "worker", "batches": 3}


def test_other_libraries_log_in_the_same_format(written: Written) -> None:
    configure_logging("json", "info", role="api")

    logging.getLogger("asyncio").warning("slow: %d ms", 12)
    logging.getLogger("asyncio").info("not heard")

    line = json.loads(written())
    assert (line["event"], line["level"], line["role"]) == ("slow: 12 ms", "warning", "api")


def test_events_below_the_level_are_not_logged(written: Written) -> None:
    configure_logging("json", "warning", role="api")

    logger().info("not heard")

    assert written() == ""


def test_auto_is_json_without_a_terminal(written: Written) -> None:
    configure_logging("auto", "info", role="api")

    logger().info("event")

    assert json.loads(written())["event"] == "event"


@pytest.mark.parametrize("form", FORMS)
def test_a_failed_log_write_is_ignored(monkeypatch: pytest.MonkeyPatch, form: Any) -> None:
    # /dev/full refuses every write as a full disk does.
    full = open("/dev/full", "w", buffering=1)  # noqa: PTH123, SIM115 - a stream as stderr is
    monkeypatch.setattr(sys, "stderr", full)

    configure_logging(form, "info", role="api")
    for _ in range(200):
        logger().info("event", text="x" * 100)
        logging.getLogger("other").error("event")

    with suppress(OSError):
        full.close()


@pytest.mark.parametrize("text", ["\x1b[2J", "a\nfaked line", "\x9b31m", "\u202egnp.exe", "\x07"])
def test_a_terminal_obeys_nothing_from_outside(written: Written, text: str) -> None:
    configure_logging("console", "info", role="api")
    logger().info("request", path=f"/{text}")
    logging.getLogger("other").warning("path %s", text)

    lines = written()
    assert text not in lines
    assert len(lines.splitlines()) == 2


def test_a_terminal_shows_the_status_first_and_short_ids(written: Written) -> None:
    batch_id = new_batch_id()
    configure_logging("console", "info", role="api")
    logger().info("request", method="GET", path="/docs", status=404, ms=1.5, request_id=uuid4().hex)
    logger().info("landed", batch_id=batch_id)

    request, landed = written().splitlines()
    assert "404 GET /docs 1.5 ms" in request
    assert not re.search("[0-9a-f]{13}", request)
    assert batch_id[:13] in landed
    assert batch_id not in landed


def test_the_lines_of_a_traceback_stay(written: Written) -> None:
    configure_logging("console", "info", role="api")
    try:
        raising()
    except ValueError:
        logger().exception("unexpected error")

    assert len(written().splitlines()) > 5
