"""Importing a package loads no engine that it does not need."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
import {package}
print(*set({engines}) & sys.modules.keys())
"""
DATABASES = {"sqlalchemy", "alembic", "obstore", "pycurl"}


@pytest.mark.parametrize(
    ("package", "engines"),
    [
        ("everlake.analysis", {*DATABASES, "lance", "pyarrow", "duckdb"}),
        ("everlake.model", {*DATABASES, "lance", "pyarrow", "duckdb"}),
        ("everlake.contract", {*DATABASES, "lance", "pyarrow", "duckdb"}),
        ("everlake.client", {*DATABASES, "lance", "pyarrow", "duckdb"}),
        ("everlake.lake", DATABASES),
    ],
)
def test_importing_a_package_loads_no_other_engine(package: str, engines: set[str]) -> None:
    script = SCRIPT.format(package=package, engines=sorted(engines))
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )

    assert done.stdout.split() == []
