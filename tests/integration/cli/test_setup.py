"""Commands that set up and inspect a data directory."""

import json
from pathlib import Path

import pytest

from everlake.catalog.opening import open_catalog
from everlake.catalog.table_definitions import batches
from everlake.contract.batches import BatchStatus
from everlake.contract.limits import Limits
from everlake.runtime.liveness import LivenessLock
from tests.support.command_line import Cli, assert_success
from tests.support.recordings import MODEL
from tests.support.server import run_everlake

MEMBERS = {"workspace_id", "product_id", "project_id", "api_key", "key_id"}


def test_init_makes_all_that_is_needed_and_tells_it_in_one_line(tmp_path: Path) -> None:
    data = tmp_path / "data"
    done = run_everlake(
        "init", "--product-id", "prod-abc", "--project-id", "proj-abc", "--json", data=data
    )

    [line] = done.stdout.splitlines()
    made = json.loads(line)
    assert set(made) == MEMBERS
    assert made["product_id"] == "prod-abc"
    assert made["project_id"] == "proj-abc"
    assert made["api_key"].startswith("em_sk_")
    assert done.stderr == ""

    again = run_everlake(
        "init", "--product-id", "prod-abc", "--project-id", "proj-abc", "--json", data=data
    )
    assert json.loads(again.stdout) == {**made, "api_key": None}
    assert "keys create --label NAME makes another one" in again.stderr
    assert made["api_key"] not in again.stdout + again.stderr


def test_init_can_be_called_again_without_ids(cli: Cli) -> None:
    first = assert_success(cli("init", "--json")).json()
    again = assert_success(cli("init", "--json")).json()

    assert again == {**first, "api_key": None}


def test_init_adds_what_is_missing_and_keeps_what_is_there(cli: Cli) -> None:
    first = assert_success(cli("init", "--product-id", "one", "--json")).json()
    second = assert_success(
        cli("init", "--product-id", "two", "--project-id", "p", "--json")
    ).json()
    third = assert_success(cli("init", "--product-id", "two", "--source", "slack", "--json")).json()

    assert second["workspace_id"] == first["workspace_id"]
    assert (second["product_id"], second["project_id"]) == ("two", "p")
    assert second["key_id"] == first["key_id"]
    assert (third["product_id"], third["project_id"]) == ("two", "p")
    assert third["api_key"] is not None
    assert third["key_id"] != first["key_id"]


def test_init_in_words_has_the_same_and_the_secret_once(cli: Cli) -> None:
    said = assert_success(cli("init"))
    words = dict(line.split() for line in said.out.splitlines())

    assert set(words) == MEMBERS | {"data"}
    assert words["api_key"].startswith("em_sk_")
    assert "api_key" not in assert_success(cli("init")).out


@pytest.mark.parametrize(
    "wrong",
    [("--product-id", "a b"), ("--project-id", ""), ("--source", "Not A Slug")],
)
def test_init_refuses_what_cannot_be_an_id_and_makes_nothing(
    cli: Cli, wrong: tuple[str, str]
) -> None:
    refused = cli("init", *wrong)

    assert refused.code == 1
    assert refused.err.startswith("everlake: ")
    assert "Traceback" not in refused.err
    assert cli("workspaces", "list", "--json").out == ""


def test_a_workspace_can_be_made_and_filled_and_listed(cli: Cli) -> None:
    made = assert_success(cli("workspaces", "create", "--name", "Acme & Söhne", "--json")).json()
    workspace = made["workspace_id"]
    at = ("--workspace", workspace, "--json")

    product = assert_success(
        cli("products", "create", "--id", "prod", "--name", "Route", *at)
    ).json()
    project = assert_success(
        cli("projects", "create", "--product", "prod", "--id", "proj", *at)
    ).json()
    key = assert_success(
        cli("keys", "create", "--label", "sync", "--permissions", "api:write", *at)
    ).json()

    assert product == {"workspace_id": workspace, "product_id": "prod"}
    assert project == {"workspace_id": workspace, "product_id": "prod", "project_id": "proj"}
    assert set(key) == {"workspace_id", "key_id", "api_key"}
    [listed] = assert_success(cli("workspaces", "list", "--json")).lines()
    assert (listed["workspace_id"], listed["name"]) == (workspace, "Acme & Söhne")
    assert assert_success(cli("products", "list", *at)).json()["name"] == "Route"
    assert assert_success(cli("projects", "list", *at)).json() == {**project, "name": "proj"}
    [shown] = assert_success(cli("keys", "list", *at)).lines()
    assert (shown["key_id"], shown["label"], shown["source"]) == (key["key_id"], "sync", "api")
    assert shown["permissions"] == ["api:write"]
    assert key["api_key"].endswith(shown["hint"])


def test_no_list_shows_a_secret(cli: Cli) -> None:
    secret = assert_success(cli("init", "--json")).json()["api_key"]

    for command in ("workspaces", "products", "projects", "keys"):
        for form in ((), ("--json",)):
            assert secret not in assert_success(cli(command, "list", *form)).out


def test_lists_in_words_name_what_there_is(cli: Cli) -> None:
    made = assert_success(cli("init", "--json")).json()

    assert made["workspace_id"] in assert_success(cli("workspaces", "list")).out
    assert made["product_id"] in assert_success(cli("products", "list")).out
    assert made["project_id"] in assert_success(cli("projects", "list")).out
    assert made["key_id"] in assert_success(cli("keys", "list")).out


def test_commands_are_about_the_first_workspace_unless_told_otherwise(cli: Cli) -> None:
    first = assert_success(cli("workspaces", "create", "--name", "one", "--json")).json()[
        "workspace_id"
    ]
    second = assert_success(cli("workspaces", "create", "--name", "two", "--json")).json()[
        "workspace_id"
    ]

    assert assert_success(cli("products", "create", "--json")).json()["workspace_id"] == first
    there = cli("products", "create", "--workspace", second, "--json")
    assert assert_success(there).json()["workspace_id"] == second
    assert len(assert_success(cli("products", "list", "--json")).lines()) == 1


def test_a_revoked_key_is_shown_as_such_and_cannot_be_revoked_again(cli: Cli) -> None:
    key_id = assert_success(cli("init", "--json")).json()["key_id"]

    assert assert_success(cli("keys", "revoke", key_id, "--json")).json()["key_id"] == key_id

    assert assert_success(cli("keys", "list", "--json")).json()["revoked_at"] is not None
    again = cli("keys", "revoke", key_id)
    assert again.code == 1
    assert f"there is no live key {key_id}" in again.err


def test_a_workspace_has_at_most_ten_live_keys(cli: Cli) -> None:
    assert_success(cli("workspaces", "create", "--name", "w"))
    for number in range(Limits().keys_per_workspace):
        assert_success(cli("keys", "create", "--label", str(number)))

    refused = cli("keys", "create", "--label", "eleventh")

    assert refused.code == 1
    assert "10" in refused.err


REFUSED = {
    ("products", "list", "--workspace", "nowhere"): "there is no workspace nowhere",
    ("products", "create", "--id", "prod"): "already",
    ("products", "create", "--id", "a b"): "cannot be an id",
    ("projects", "create", "--product", "other"): "product",
    ("keys", "create", "--label", "k", "--permissions", "api:all"): "one or more of api:read",
    ("keys", "create", "--label", "k", "--permissions", ""): "permission",
    ("keys", "create", "--label", " ", "--permissions", "api:read"): "label",
    ("keys", "create", "--label", "k", "--source", "A B"): "source",
    ("workspaces", "create", "--name", ""): "name",
    ("batches", "show", "0198c0de"): "there is no batch 0198c0de",
    ("search", "!!!"): "needs a word",
}


@pytest.mark.parametrize("arguments", REFUSED)
def test_what_cannot_be_done_is_said_in_one_line(cli: Cli, arguments: tuple[str, ...]) -> None:
    assert_success(cli("init", "--product-id", "prod"))

    refused = cli(*arguments)

    assert refused.code == 1
    assert refused.err.startswith("everlake: ")
    assert refused.err.count("\n") == 1
    assert REFUSED[arguments] in refused.err
    assert refused.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("products", "list"),
        ("keys", "create", "--label", "k"),
        ("batches", "list"),
        ("search", "x"),
    ],
)
def test_where_there_is_nothing_yet_a_command_says_what_to_do(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    refused = cli(*arguments)

    assert refused.code == 1
    assert "run everlake init or everlake serve" in refused.err
    assert not (tmp_path / "data").exists()


def test_the_data_directory_can_be_named_on_the_command_line(cli: Cli, tmp_path: Path) -> None:
    there = str(tmp_path / "elsewhere")

    made = assert_success(cli("init", "--data", there, "--json")).json()

    assert (
        assert_success(cli("workspaces", "list", "--data", there, "--json")).json()["workspace_id"]
        == (made["workspace_id"])
    )
    assert not (tmp_path / "data").exists()


def test_a_setting_that_does_not_exist_stops_every_command(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "everlake.toml").write_text("ratelimit = 5\n")

    for command in (("init",), ("doctor",), ("serve",), ("keys", "list"), ("worker",)):
        refused = cli(*command)
        assert refused.code == 1
        assert "everlake.toml: ratelimit is not a setting. Settings: data, " in refused.err


def test_a_bad_value_of_a_setting_is_named(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVERLAKE_RATE_LIMIT", "many")

    refused = cli("init")

    assert refused.code == 1
    assert "EVERLAKE_RATE_LIMIT='many': " in refused.err


def test_doctor_finds_everything_in_order(cli: Cli) -> None:
    assert_success(cli("init"))

    checks = assert_success(cli("doctor", "--json")).lines()

    assert [check["check"] for check in checks] == [
        "versions",
        "data directory",
        "database",
        "storage",
        "lake",
        "queue",
        "disk",
        "clock",
        "worker",
        "attachments",
        "speech",
    ]
    assert all(check["ok"] for check in checks)
    assert "All checks passed." in assert_success(cli("doctor")).out


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EVERLAKE_ATTACHMENT_ALLOW", "10.0.0.1/8"),
        ("EVERLAKE_ATTACHMENT_PROXY", "ftp://proxy.example"),
    ],
)
def test_a_way_outside_that_leads_nowhere_is_told_before_anything_starts(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert_success(cli("init"))
    monkeypatch.setenv(name, value)

    [wrong] = [check for check in cli("doctor", "--json").lines() if not check["ok"]]
    refused = cli("serve")

    assert wrong["check"] == "attachments"
    assert wrong["message"].startswith(f"{name}: ")
    assert refused.code == 1
    assert f"{name}: " in refused.err


def test_doctor_says_what_is_opened_of_the_inside(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_success(cli("init"))
    monkeypatch.setenv("EVERLAKE_ATTACHMENT_ALLOW", "10.1.0.0/16, files.corp.example")

    assert "10.1.0.0/16, files.corp.example" in assert_success(cli("doctor")).out


def test_a_model_for_speech_that_is_not_there_is_told_before_anything_starts(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_success(cli("init"))
    monkeypatch.setenv("EVERLAKE_ATTACHMENT_SPEECH_MODEL", "/nowhere/whisper")

    [wrong] = [check for check in cli("doctor", "--json").lines() if not check["ok"]]
    refused = cli("serve")

    assert wrong["check"] == "speech"
    assert "there is no directory /nowhere/whisper" in wrong["message"]
    assert refused.code == 1
    assert "EVERLAKE_ATTACHMENT_SPEECH_MODEL='/nowhere/whisper': there is no" in refused.err


def test_doctor_listens_with_the_model_for_speech(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_success(cli("init"))
    monkeypatch.setenv("EVERLAKE_ATTACHMENT_SPEECH_MODEL", MODEL)

    assert f"transcribed by {MODEL}" in " ".join(assert_success(cli("doctor")).out.split())


def test_doctor_finds_a_model_for_speech_that_is_cut_off(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert_success(cli("init"))
    for file in Path(MODEL).iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[:100_000])
    monkeypatch.setenv("EVERLAKE_ATTACHMENT_SPEECH_MODEL", str(tmp_path))

    [wrong] = [check for check in cli("doctor", "--json").lines() if not check["ok"]]

    assert wrong["check"] == "speech"
    assert "the model is damaged" in wrong["message"]


def test_doctor_works_before_anything_is_created(cli: Cli, tmp_path: Path) -> None:
    checks = assert_success(cli("doctor", "--json")).lines()

    assert {check["severity"] for check in checks} == {"ok"}
    assert not (tmp_path / "data").exists()


_COUNTS = (
    *("rejected", "total_errors", "landing_bytes", "attempts"),
    *("attachment_total", "attachment_complete", "attachment_failed"),
)


@pytest.mark.parametrize(
    ("minutes", "warned"), [(0, {"worker"}), (10, {"worker", "queue"})], ids=["new", "old"]
)
def test_doctor_warns_of_batches_that_nobody_works_on(
    cli: Cli, tmp_path: Path, minutes: int, warned: set[str]
) -> None:
    first = assert_success(cli("init", "--json")).json()
    url = f"sqlite:///{tmp_path / 'data' / 'everlake.db'}"
    catalog = open_catalog(url)
    created_at = catalog.now_ms() - minutes * 60_000
    with catalog.transaction() as tx:
        tx.execute(
            batches.insert().values(
                id="b",
                workspace_id=first["workspace_id"],
                key_id=first["key_id"],
                sequence=1,
                source="api",
                status=BatchStatus.LANDING,
                created_at=created_at,
                due_at=created_at,
                accepted=1,
                errors=[],
                **dict.fromkeys(_COUNTS, 0),
            )
        )
    catalog.close()

    checked = cli("doctor", "--json")

    assert checked.code == 3
    assert {one["check"] for one in checked.lines() if one["severity"] == "warning"} == warned
    assert "WARNING" in cli("doctor").out
    with LivenessLock(tmp_path / "data"):
        again = {one["check"]: one["severity"] for one in cli("doctor", "--json").lines()}
    assert again["worker"] == "ok"


def test_doctor_finds_a_directory_that_cannot_be_written(cli: Cli, tmp_path: Path) -> None:
    checked = cli("doctor", "--json", "--data", "/proc/everlake")

    [wrong] = [one for one in checked.lines() if one["check"] == "data directory"]
    assert checked.code == 1
    assert wrong["severity"] == "error"
    assert "cannot be written" in wrong["message"]


def test_doctor_finds_a_data_directory_that_is_a_file(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    checked = cli("doctor", "--json")

    assert checked.code == 1
    wrong = {check["check"]: check["message"] for check in checked.lines() if not check["ok"]}
    assert set(wrong) == {"data directory", "storage"}
    assert all(wrong.values())
    assert "Traceback" not in checked.err


@pytest.mark.parametrize(
    "url", ["sqlite:////proc/nowhere/x.db", "mysql://db/everlake", "not a URL", "sqlite://"]
)
def test_doctor_finds_a_database_that_cannot_be_opened(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    assert_success(cli("init"))
    monkeypatch.setenv("EVERLAKE_DATABASE_URL", url)

    checked = cli("doctor", "--json")

    assert checked.code == 1
    wrong = [check for check in checked.lines() if not check["ok"]]
    assert [check["check"] for check in wrong] == ["database"]
    assert "FAILED" in cli("doctor").out


@pytest.mark.parametrize("url", ["s3://bucket/x", "file:///proc/nowhere"])
def test_doctor_finds_a_storage_that_cannot_be_used(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    assert_success(cli("init"))
    monkeypatch.setenv("EVERLAKE_STORAGE_URL", url)

    checked = cli("doctor", "--json")

    assert checked.code == 1
    assert [check["check"] for check in checked.lines() if not check["ok"]] == ["storage"]


def test_doctor_finds_a_database_of_a_newer_version(cli: Cli, tmp_path: Path) -> None:
    assert_success(cli("init"))
    catalog = open_catalog(f"sqlite:///{tmp_path / 'data' / 'everlake.db'}")
    with catalog.transaction() as tx:
        tx.exec_driver_sql("UPDATE alembic_version SET version_num = 'r9999'")
    catalog.close()

    checked = cli("doctor", "--json")

    assert checked.code == 1
    [wrong] = [check for check in checked.lines() if not check["ok"]]
    assert wrong["check"] == "database"
    refused = cli("keys", "list")
    assert refused.code == 1
    assert "newer" in refused.err


def test_help_names_every_command(cli: Cli) -> None:
    said = assert_success(cli("--help")).out

    for command in ("init", "serve", "send", "batches", "search", "demo", "doctor", "keys"):
        assert command in said
        assert command in assert_success(cli(command, "--help")).out


def test_an_unknown_command_is_no_trouble_of_ours(cli: Cli) -> None:
    refused = cli("fly")

    assert refused.code == 2
    assert "fly" in refused.err
