"""Analysis is pure: importing it loads no storage or database engine."""

import subprocess
import sys

SCRIPT = """
import sys
import everlake.analysis
engines = {"lance", "pyarrow", "sqlalchemy", "alembic", "duckdb", "obstore", "pycurl"}
print(*engines & sys.modules.keys())
"""


def test_importing_analysis_loads_no_engine() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True
    )

    assert done.stdout.split() == []
