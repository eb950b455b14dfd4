"""Settings: where they come from, and the error for an invalid one."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from everlake.contract.limits import Limits
from everlake.settings import (
    DEFINITIONS,
    Settings,
    SettingsError,
    load,
    settings_from,
    to_environment,
    unknown_variables,
    variable_name,
)

NUMBERS = [name for name, each in DEFINITIONS.items() if not isinstance(each.default, str)]


def loaded(
    directory: Path,
    file: str = "",
    environ: dict[str, str] | None = None,
    flags: dict[str, Any] | None = None,
) -> Settings:
    (directory / "everlake.toml").write_text(file)
    return load(flags, environ=environ or {}, directory=directory)


def test_without_anything_the_defaults_hold(tmp_path: Path) -> None:
    assert load(environ={}, directory=tmp_path) == Settings()
    assert msgspec.structs.asdict(Settings().limits) == msgspec.structs.asdict(Limits())


@pytest.mark.parametrize(
    ("file", "environ", "flags", "found"),
    [
        ("", {}, {}, 10.0),
        ("rate_limit = 20", {}, {}, 20.0),
        ("rate_limit = 20", {"EVERLAKE_RATE_LIMIT": "30"}, {}, 30.0),
        ("rate_limit = 20", {"EVERLAKE_RATE_LIMIT": "30"}, {"rate_limit": 40}, 40.0),
        ("", {"EVERLAKE_RATE_LIMIT": "30"}, {"rate_limit": 40}, 40.0),
        ("rate_limit = 20", {}, {"rate_limit": 40}, 40.0),
        ("rate_limit = 20", {"EVERLAKE_RATE_LIMIT": "30"}, {"rate_limit": None}, 30.0),
    ],
)
def test_flags_come_before_variables_before_the_file_before_the_defaults(
    tmp_path: Path,
    file: str,
    environ: dict[str, str],
    flags: dict[str, Any],
    found: float,
) -> None:
    assert loaded(tmp_path, file, environ, flags).limits.requests_per_second == found


def test_each_setting_may_come_from_somewhere_else(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        'log_level = "debug"\nmax_keys = 3',
        {"EVERLAKE_RATE_BURST": "7", "EVERLAKE_MAX_KEYS": "4"},
        {"data": "/srv/everlake"},
    )

    assert settings == settings_from(
        {"log_level": "debug", "max_keys": 4, "rate_burst": 7, "data": "/srv/everlake"}
    )


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_setting_can_be_given_in_all_three_ways(tmp_path: Path, name: str) -> None:
    definition = DEFINITIONS[name]
    default = definition.default
    other = {"log_format": "json", "log_level": "debug", "upload_through": "api"}.get(
        name, f"{default}x" if isinstance(default, str) else default + 1
    )
    text = f'"{other}"' if isinstance(other, str) else str(other)

    for settings in (
        loaded(tmp_path, f"{name} = {text}"),
        loaded(tmp_path, "", {variable_name(name): str(other)}),
        loaded(tmp_path, "", {}, {name: other}),
    ):
        assert definition.value_in(settings) == other
        assert settings == settings_from({name: other})


BAD: dict[str, list[str]] = {
    "log_format": ["", "xml", "JSON"],
    "log_level": ["", "INFO", "trace"],
    **{name: ["", "x", "-1", "nan", "1 000"] for name in NUMBERS},
    "rate_limit": ["0", "-0.5", "nan", "inf", "-inf", "ten"],
    "lease_seconds": ["0", "0.9", "inf"],
    "max_records": ["0", "1000001", "1.5"],
    "orphan_seconds": ["0", "59", "inf"],
}


@pytest.mark.parametrize(
    ("field", "text"), [(field, text) for field, texts in BAD.items() for text in texts]
)
def test_a_bad_value_of_a_variable_is_named(tmp_path: Path, field: str, text: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{variable_name(field)}='{text}': "):
        loaded(tmp_path, "", {variable_name(field): text})


@pytest.mark.parametrize("field", sorted(BAD))
def test_a_bad_value_of_a_flag_is_named(tmp_path: Path, field: str) -> None:
    flag = "--" + field.replace("_", "-")

    with pytest.raises(SettingsError, match=f"^{flag}="):
        loaded(tmp_path, "", {}, {field: BAD[field][1]})


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ('rate_limit = "10"', "rate_limit"),
        ("rate_limit = 0", "rate_limit"),
        ("rate_limit = nan", "rate_limit"),
        ("rate_limit = inf", "rate_limit"),
        ("rate_burst = 1.5", "rate_burst"),
        ("rate_burst = true", "rate_burst"),
        ('log_level = "INFO"', "log_level"),
        ("data = 1", "data"),
        ("data = ['x']", "data"),
    ],
)
def test_a_bad_value_of_the_file_is_named_with_the_file(
    tmp_path: Path, line: str, field: str
) -> None:
    with pytest.raises(SettingsError) as error:
        loaded(tmp_path, line)

    assert str(error.value).startswith(f"{tmp_path / 'everlake.toml'}: {field}=")


@pytest.mark.parametrize("line", ["ratelimit = 1", "RATE_LIMIT = 1", "[server]\nport = 1"])
def test_an_unknown_member_of_the_file_is_refused_with_the_ones_there_are(
    tmp_path: Path, line: str
) -> None:
    with pytest.raises(
        SettingsError, match=r"is not a setting\. Settings: data, storage_url, disk_reserve_bytes"
    ):
        loaded(tmp_path, line)


@pytest.mark.parametrize("content", [b"rate_limit =", b"\xff = 1", b"a = 1\na = 2"])
def test_a_file_that_is_no_toml_is_refused_with_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "everlake.toml").write_bytes(content)

    with pytest.raises(SettingsError, match=r"everlake\.toml cannot be read"):
        load(environ={}, directory=tmp_path)


def test_other_variables_are_ignored(tmp_path: Path) -> None:
    environ = {"EVERLAKE_API_KEY": "em_sk_x", "EVERLAKE_URL": "http://x", "PATH": "/bin"}

    assert loaded(tmp_path, "", environ) == Settings()


def test_a_child_process_has_the_same_settings(tmp_path: Path) -> None:
    settings = settings_from(
        {"data": "/srv/é x", "rate_limit": 12.5, "log_format": "json", "max_records": 7}
    )

    assert loaded(tmp_path, "rate_limit = 1", to_environment(settings)) == settings


def test_database_and_storage_are_in_the_data_directory_by_default() -> None:
    settings = settings_from({"data": "/srv/with space"})

    assert settings.catalog_url == "sqlite:////srv/with space/everlake.db"
    assert settings.archive_url == "file:///srv/with%20space"


def test_database_and_storage_are_where_their_urls_say() -> None:
    settings = settings_from(
        {"database_url": "sqlite:////db/e.db", "storage_url": "file:///archive"}
    )

    assert settings.catalog_url == "sqlite:////db/e.db"
    assert settings.archive_url == "file:///archive"


def test_the_data_directory_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/someone")

    assert Settings().data_directory == tmp_path / "everlake-data"
    assert str(settings_from({"data": "~/lake"}).data_directory) == "/home/someone/lake"


def test_every_limit_of_the_wire_has_a_setting() -> None:
    settings = settings_from({name: DEFINITIONS[name].default + 1 for name in NUMBERS})

    changed = msgspec.structs.asdict(settings.limits)
    assert all(changed[name] == value + 1 for name, value in _limits().items())


def _limits() -> dict[str, float]:
    return msgspec.structs.asdict(Limits())


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(SettingsError, match=r"^ratelimit is not a setting\. Settings: data, "):
        settings_from({"ratelimit": 1})


@pytest.mark.parametrize("name", DEFINITIONS)
def test_every_setting_has_a_description(name: str) -> None:
    assert (DEFINITIONS[name].meta.description or "").endswith(".")


def test_the_address_comes_from_flag_variable_file_or_default(tmp_path: Path) -> None:
    (tmp_path / "everlake.toml").write_text('host = "0.0.0.0"\nport = 9001\n')
    variables = {"EVERLAKE_PORT": "9002"}

    def address(flags: dict[str, Any], environ: dict[str, str]) -> tuple[str, int]:
        api = load(flags, environ=environ, directory=tmp_path).api
        return api.host, api.port

    assert address({}, {}) == ("0.0.0.0", 9001)  # noqa: S104 - not listened on
    assert address({}, variables) == ("0.0.0.0", 9002)  # noqa: S104
    assert address({"host": "::1", "port": 9003}, variables) == ("::1", 9003)
    assert address({}, {"EVERLAKE_PORT": "tcp://10.0.0.1:8400"}) == ("0.0.0.0", 9001)  # noqa: S104
    with pytest.raises(SettingsError, match="EVERLAKE_PORT"):
        address({}, {"EVERLAKE_PORT": "70000"})


def test_a_variable_that_is_no_setting_is_named_with_the_nearest() -> None:
    variables = {
        "EVERLAKE_RATELIMIT": "1",
        "EVERLAKE_XYZZY": "1",
        "EVERLAKE_DATA": "here",
        "EVERLAKE_API_KEY": "em_sk_x",
        "EVERLAKE_SERVICE_HOST": "10.0.0.1",
        "EVERLAKE_PORT_8400_TCP_ADDR": "10.0.0.1",
        "HOME": "/",
    }

    assert unknown_variables(variables) == [
        "EVERLAKE_RATELIMIT is not a setting and has no effect; did you mean EVERLAKE_RATE_LIMIT?",
        "EVERLAKE_XYZZY is not a setting and has no effect",
    ]
