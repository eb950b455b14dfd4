"""The client is usable alone: importing it loads the contract and none of the server."""

import subprocess
import sys
from importlib.resources import files

_IMPORTED = """
import sys, everlake.client
print(*sorted(sys.modules))
"""


def test_the_client_imports_the_contract_alone() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _IMPORTED], capture_output=True, text=True, check=True
    )
    loaded = ran.stdout.split()

    packages = {".".join(name.split(".")[:2]) for name in loaded if name.startswith("everlake.")}
    assert packages == {"everlake.client", "everlake.contract"}
    heavy = {"sqlalchemy", "alembic", "lance", "pyarrow", "duckdb", "litestar", "granian", "pycurl"}
    assert heavy.isdisjoint(name.partition(".")[0] for name in loaded)


def test_the_package_is_typed() -> None:
    assert (files("everlake") / "py.typed").is_file()
