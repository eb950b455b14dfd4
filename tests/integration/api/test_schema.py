"""Generated requests: the server behaves as its OpenAPI document says (Schemathesis)."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import ApiClient

HERE = Path(__file__).parent
EXAMPLES = 40


@pytest.mark.timeout(400)
def test_the_server_does_what_its_description_says(fresh: ApiClient, tmp_path: Path) -> None:
    for name in ("schemathesis.toml", "schemathesis_hooks.py"):
        shutil.copy(HERE / name, tmp_path)
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(description_for(fresh)))
    report = tmp_path / "report.ndjson"
    run = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", "schemathesis.toml", "run", document.name),
            *("--url", fresh.url, "--header", f"x-api-key:{fresh.setup['api_key']}"),
            *("--checks", "all", "--phases", "examples,coverage,fuzzing,stateful"),
            *("--generation-deterministic", "--max-examples", str(EXAMPLES)),
            *("--report", "ndjson", "--report-ndjson-path", report.name, "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-20_000:] + run.stderr[-5_000:]
    assert "22 selected / 22 total" in run.stdout
    statuses = Counter(positive_submissions(report))
    assert statuses[202] >= 100, statuses
    assert statuses[202] * 4 >= statuses.total(), statuses


def description_for(api: ApiClient) -> dict[str, Any]:
    """The served description, with the only product and project there are written into it."""
    document = api.http.get("/openapi.json").json()
    members = document["components"]["schemas"]["Record"]["properties"]
    members["_product_id"] = {"const": api.setup["product_id"]}
    members["_project_id"] = {"const": api.setup["project_id"]}
    members["_project_ids"]["items"] = members["_project_id"]
    # A dry run stores nothing; left free, nearly every generated submission would be one.
    document["components"]["parameters"]["dry_run"]["schema"] = {"type": "boolean", "const": False}
    return document


def positive_submissions(report: Path) -> Iterator[int]:
    """The statuses of the submissions that were generated to be right and came with the key."""
    for line in report.read_text().splitlines():
        recorder = json.loads(line).get("ScenarioFinished", {}).get("recorder", {})
        for case_id, case in recorder.get("cases", {}).items():
            value: Mapping[str, Any] = case["value"]
            exchange = recorder.get("interactions", {}).get(case_id, {})
            if (
                (value["method"], value["path"]) == ("POST", "/api/v1/ingest")
                and (value.get("meta") or {}).get("generation", {}).get("mode") == "positive"
                and (status := (exchange.get("response") or {}).get("status_code"))
                and status != 401
            ):
                yield status
