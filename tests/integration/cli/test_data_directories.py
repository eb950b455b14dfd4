"""Data directories whose names mean something in a URL."""

from pathlib import Path

import pytest

from tests.support.command_line import Cli, assert_success


@pytest.mark.parametrize("name", ["50%20off", "100%", "what?", "a b", "a#b", "größe"])
def test_the_database_is_in_the_data_directory(cli: Cli, tmp_path: Path, name: str) -> None:
    data = tmp_path / name

    assert_success(cli("init", "--data", str(data)))

    assert (data / "everlake.db").exists()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert_success(cli("keys", "list", "--data", str(data)))
