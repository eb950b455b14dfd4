"""Paths of landing objects."""

from datetime import UTC, datetime

from everlake.landing.paths import batch_id_of, landing_paths

AT = int(datetime(2026, 3, 1, 23, 59, 59, 999_000, UTC).timestamp() * 1000)


def test_paths_are_a_hive_layout_by_workspace_source_type_and_day() -> None:
    paths = landing_paths("ws_1", "slack", "email", "0198c0de-1", AT)

    stem = "landing/workspace=ws_1/source=slack/type=email/date=2026-03-01/0198c0de-1"
    assert paths.accepted == stem + ".ndjson.zst"
    assert paths.rejected == stem + ".rejected.ndjson.zst"


def test_the_day_is_that_of_utc() -> None:
    assert "/date=2026-03-02/" in landing_paths("ws", "api", "email", "b", AT + 1).accepted


def test_a_batch_without_a_valid_type_has_a_path() -> None:
    assert "/type=unknown/" in landing_paths("ws", "api", None, "b", AT).rejected


def test_objects_and_remains_of_writes_name_their_batch() -> None:
    paths = landing_paths("ws", "api", "email", "0198c0de-1", AT)

    for path in (paths.accepted, paths.rejected, paths.accepted + ".1a2b3c4d.partial"):
        assert batch_id_of(path) == "0198c0de-1"
