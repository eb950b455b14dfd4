"""What lies in ``deploy/`` fits the program: settings, commands, addresses, and times."""

import re
import shlex
from collections.abc import Iterator
from importlib.metadata import version
from itertools import chain
from typing import Any

import pytest
import yaml

from everlake.api.openapi import build_document
from everlake.contract.limits import Limits
from everlake.settings import DEFINITIONS, load, variable_name
from tests.support.documentation import ROOT, parse

DEPLOY = ROOT / "deploy"
FILES = sorted(path.name for path in DEPLOY.iterdir() if path.is_file())
SETTINGS = {variable_name(name): name for name in DEFINITIONS}
IMAGE = f"everlake:{version('everlake')}"
STOP_SECONDS = 10
"""A process ends in this time after the signal (docs/architecture.md)."""


def text(name: str) -> str:
    return (DEPLOY / name).read_text("utf-8")


def manifests(kind: str) -> dict[str, Any]:
    found = [each for each in yaml.safe_load_all(text("kubernetes.yaml")) if each["kind"] == kind]
    return {each["metadata"]["name"]: each for each in found}


def pod(manifest: Any) -> Any:
    return manifest["spec"]["template"]["spec"]


def pods() -> dict[str, Any]:
    return {
        name: pod(each) for kind in ("Job", "Deployment") for name, each in manifests(kind).items()
    }


def services() -> dict[str, Any]:
    return yaml.safe_load(text("compose.yaml"))["services"]


def ours() -> dict[str, Any]:
    """The services that run our image."""
    return {name: each for name, each in services().items() if each["image"] == IMAGE}


def dockerfile(instruction: str) -> list[str]:
    joined = text("Dockerfile").replace("\\\n", " ")
    return re.findall(rf"^{instruction} (.+)$", joined, re.MULTILINE)


@pytest.mark.parametrize("name", FILES)
def test_every_variable_of_ours_is_a_setting(name: str) -> None:
    assert set(re.findall(r"\bEVERLAKE_\w+", text(name))) <= set(SETTINGS)


def test_every_value_of_a_setting_is_one_that_can_be_loaded() -> None:
    kubernetes = chain(
        manifests("ConfigMap")["everlake"]["data"].items(),
        manifests("Secret")["everlake"]["stringData"].items(),
    )
    compose = chain.from_iterable(each["environment"].items() for each in ours().values())
    image = re.findall(r"(\w+)=(\S+)", " ".join(dockerfile("ENV")))
    unit = re.findall(r"^Environment=(\w+)=(.*)$", text("everlake.service"), re.MULTILINE)
    for values in (kubernetes, compose, image, unit):
        given = {key: value for key, value in values if key in SETTINGS}
        assert given
        settings = load(environ=given, directory=DEPLOY)
        for key, value in given.items():
            assert str(DEFINITIONS[SETTINGS[key]].value_in(settings)) == value


def commands() -> Iterator[list[str]]:
    for each in pods().values():
        yield from (container["args"] for container in each["containers"])
    yield from (each["command"] for each in ours().values())
    yield yaml.safe_load(dockerfile("CMD")[-1])
    for line in re.findall(r"^ExecStart=(.+)$", text("everlake.service"), re.MULTILINE):
        program, *arguments = shlex.split(line)
        assert program.endswith("/everlake")
        yield arguments


def test_every_command_is_one_that_the_program_takes() -> None:
    found = list(commands())
    assert len(found) == 8
    for arguments in found:
        parse([str(each) for each in arguments])


def test_the_image_runs_the_program_and_not_as_root() -> None:
    assert dockerfile("ENTRYPOINT") == ['["everlake"]']
    [user] = dockerfile("USER")
    assert int(user) > 0
    assert f"--uid {user} " in " ".join(dockerfile("RUN"))
    assert len(dockerfile("FROM")) == 2
    assert dockerfile("FROM")[0].split()[0] == dockerfile("FROM")[1]
    assert all("--locked" in run for run in dockerfile("RUN") if "uv sync" in run)


def test_what_the_image_is_built_from_is_there_and_not_ignored() -> None:
    ignored = text("Dockerfile.dockerignore").splitlines()
    sources = [
        source
        for line in dockerfile("COPY")
        if not line.startswith("--from")
        for source in line.split()[:-1]
    ]
    assert "everlake" in sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored, source


def addresses(container: Any) -> Iterator[tuple[str, int]]:
    """Path and port of each probe."""
    ports = {each["name"]: each["containerPort"] for each in container.get("ports", ())}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        if probe in container:
            asked = container[probe]["httpGet"]
            yield asked["path"], ports[asked["port"]]


def port_of(role: str) -> int:
    """Where a role listens, by its command or its settings."""
    [container] = pods()[f"everlake-{role}"]["containers"]
    if role == "api":
        return int(container["args"][-1])
    return int(manifests("ConfigMap")["everlake"]["data"]["EVERLAKE_WORKER_METRICS_PORT"])


@pytest.mark.parametrize(
    ("role", "paths"), [("api", {"/healthz", "/readyz"}), ("worker", {"/metrics"})]
)
def test_probes_ask_for_a_path_that_is_there_at_the_port_of_the_role(
    role: str, paths: set[str]
) -> None:
    [container] = pods()[f"everlake-{role}"]["containers"]
    asked = list(addresses(container))
    assert {path for path, _ in asked} == paths
    assert paths <= set(build_document(Limits(), version="1")["paths"])
    assert {port for _, port in asked} == {port_of(role)}
    annotations = manifests("Deployment")[f"everlake-{role}"]["spec"]["template"]["metadata"][
        "annotations"
    ]
    assert annotations["prometheus.io/port"] == str(port_of(role))


def test_a_pod_and_a_container_have_the_time_to_end() -> None:
    for name, each in pods().items():
        if name == "everlake-db-upgrade":
            continue
        [container] = each["containers"]
        before = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command")
        pause = int(before[1]) if before else 0
        assert each["terminationGracePeriodSeconds"] > pause + STOP_SECONDS, name
    for each in ours().values():
        assert int(each["stop_grace_period"].rstrip("s")) > STOP_SECONDS
    [stop] = re.findall(r"^TimeoutStopSec=(\d+)$", text("everlake.service"), re.MULTILINE)
    assert int(stop) > STOP_SECONDS


def test_every_pod_mounts_its_volumes_and_is_selected_by_its_own_labels() -> None:
    for name, each in pods().items():
        volumes = {volume["name"] for volume in each["volumes"]}
        [container] = each["containers"]
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes, name
        assert each["securityContext"]["runAsUser"] == int(dockerfile("USER")[0])
    for manifest in manifests("Deployment").values():
        labels = manifest["spec"]["template"]["metadata"]["labels"]
        assert manifest["spec"]["selector"]["matchLabels"] == labels
    service = manifests("Service")["everlake"]["spec"]
    assert service["selector"] == {"app": "everlake", "role": "api"}
    [container] = pods()["everlake-api"]["containers"]
    assert service["ports"][0]["targetPort"] in {port["name"] for port in container["ports"]}


def test_pods_and_services_share_no_volume_and_run_on_any_node() -> None:
    assert not manifests("PersistentVolumeClaim")
    for name, each in pods().items():
        assert all(set(volume) == {"name", "emptyDir"} for volume in each["volumes"]), name
        assert not {"affinity", "nodeName", "nodeSelector"} & set(each), name
    for name, each in ours().items():
        assert "volumes" not in each, name
    assert dockerfile("VOLUME") == ["/var/lib/everlake"]


def test_every_service_waits_for_services_and_mounts_volumes_that_are_there() -> None:
    volumes = set(yaml.safe_load(text("compose.yaml"))["volumes"])
    for each in services().values():
        for other, how in each.get("depends_on", {}).items():
            healthy = how["condition"] == "service_healthy"
            assert not healthy or "test" in services()[other]["healthcheck"]
        assert {mount.partition(":")[0] for mount in each.get("volumes", ())} <= volumes


def test_the_dashboards_panels_have_places_of_their_own() -> None:
    panels = yaml.safe_load(text("grafana.json"))["panels"]
    places = [
        (x, y)
        for panel in panels
        for grid in [panel["gridPos"]]
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    ]
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) < 24
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_all_name_the_same_image() -> None:
    images = {each["image"] for each in ours().values()}
    images |= {container["image"] for each in pods().values() for container in each["containers"]}
    assert images == {IMAGE}
    for page in ("Dockerfile", "README.md"):
        assert f"docker build -f deploy/Dockerfile -t {IMAGE} ." in text(page)
