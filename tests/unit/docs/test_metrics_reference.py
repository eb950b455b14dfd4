"""The reference of the metrics, and every query of the documentation and of the dashboard."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.core import Metric

from everlake.catalog.opening import open_catalog
from everlake.metrics import Metrics
from everlake.runtime.metrics_exposition import MetricsExposition
from tests.support.documentation import ROOT, section

REFERENCE = (ROOT / "docs" / "reference" / "metrics.md").read_text("utf-8")
MONITOR = (ROOT / "docs" / "how-to" / "monitor.md").read_text("utf-8")


@pytest.fixture(scope="module")
def families(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Metric]:
    """Every metric that the page can have, by the name that stands in it."""
    folder = tmp_path_factory.mktemp("metrics")
    catalog = open_catalog(f"sqlite:///{folder / 'catalog.db'}")
    catalog.upgrade()
    meters = Metrics()
    meters.record_response("/healthz", 200, 0.1)
    found = {
        family.name + {"counter": "_total", "info": "_info"}.get(family.type, ""): family
        for family in MetricsExposition(
            meters, None, catalog, folder / "rebuild.lock"
        ).registry.collect()
    }
    catalog.close()
    return found


def facts(family: Metric) -> list[str]:
    labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
    kind = "gauge" if family.type == "info" else family.type
    return [
        f"- Type: {kind}",
        f"- Labels: {', '.join(f'`{label}`' for label in labels) or 'none'}",
    ]


def test_every_metric_has_its_heading_with_type_and_labels(families: dict[str, Metric]) -> None:
    for name, family in families.items():
        lines = section(REFERENCE, name).strip().splitlines()
        assert [line for line in lines if line.startswith("- ")] == facts(family), name
        assert [line for line in lines if line and not line.startswith("- ")], name


def test_no_heading_names_a_metric_that_is_not_there(families: dict[str, Metric]) -> None:
    assert set(re.findall(r"^### (.+)$", REFERENCE, re.MULTILINE)) == set(families)


def test_every_metric_is_named_as_prometheus_wants(families: dict[str, Metric]) -> None:
    for name, family in families.items():
        assert re.fullmatch(r"everlake(_[a-z]+)+", name)
        assert family.documentation
        assert family.type != "histogram" or family.name.endswith("_seconds")


def series(families: dict[str, Metric]) -> set[str]:
    """The names that a query may use."""
    names: set[str] = set()
    for name, family in families.items():
        parts = ("_bucket", "_sum", "_count") if family.type == "histogram" else ("",)
        names.update(name + part for part in parts)
    return names


def queries() -> Iterator[str]:
    """Those of the alerts."""
    for line in MONITOR.splitlines():
        if line.startswith("| `"):
            yield line.split("`")[1]


def dashboard_queries(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "expr" in part:
            yield part["expr"]
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from dashboard_queries(each)


def dashboard() -> Any:
    return json.loads(Path(ROOT / "deploy" / "grafana.json").read_text("utf-8"))


def test_the_alerts_ask_for_metrics_and_labels_that_are_there(families: dict[str, Metric]) -> None:
    asked = list(queries())
    assert len(asked) >= 8
    for query in asked:
        assert_can_be_asked(query, families)


def test_the_dashboard_asks_for_every_metric_and_for_no_other(families: dict[str, Metric]) -> None:
    asked = list(dashboard_queries(dashboard()))
    for query in asked:
        assert_can_be_asked(query, families)
    text = " ".join(asked)
    assert [name for name in families if not re.search(rf"\b{name}", text)] == []


def assert_can_be_asked(query: str, families: dict[str, Metric]) -> None:
    assert query.count("(") == query.count(")"), query
    names = set(re.findall(r"\beverlake_\w+", query))
    assert names <= series(families), query
    for name, matchers in re.findall(r"\b(everlake_\w+)\{([^}]*)\}", query):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        samples = families[name if name in families else base].samples
        labels = {label for sample in samples for label in sample.labels}
        used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        assert used <= labels | {"job", "instance"}, query
