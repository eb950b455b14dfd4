"""The wheel, installed into an environment that has nothing but what it requires."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution, version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.documentation import ROOT
from tests.support.server import environment, free_port

BUILT_FROM = ("pyproject.toml", "README.md", "LICENSE")


def required(name: str, extras: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the names of what a distribution requires, with all that those require."""
    seen = {(name, extras)}
    pending = [(name, extras)]
    while pending:
        name, extras = pending.pop()
        for text in distribution(name).requires or ():
            one = Requirement(text)
            contexts = [{"extra": extra} for extra in extras or {""}]
            if one.marker and not any(map(one.marker.evaluate, contexts)):
                continue
            found = (one.name, frozenset(one.extras))
            if found not in seen:
                seen.add(found)
                pending.append(found)
                yield one.name


def link_requirements(site_packages: Path) -> None:
    for name in required("everlake"):
        files = distribution(name).files or ()
        for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
            link = site_packages / top
            if not link.exists():
                link.symlink_to(str(distribution(name).locate_file(top)))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``everlake`` of an environment with the wheel and its requirements."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("made")
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, source)
    shutil.copytree(
        ROOT / "everlake", source / "everlake", ignore=shutil.ignore_patterns("__pycache__")
    )
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(made)]
    subprocess.run(build, cwd=source, check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "venv", made / "venv"], check=True)
    (wheel,) = made.glob("*.whl")
    install = [made / "venv/bin/pip", "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(install, check=True)
    (site_packages,) = (made / "venv").glob("lib/python*/site-packages")
    link_requirements(site_packages)
    return made / "venv/bin/everlake"


def run(
    program: Path, folder: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *arguments],
        cwd=folder,
        env=environment(folder / "unused", variables),
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_the_wheel_runs_the_demo(program: Path, tmp_path: Path) -> None:
    done = run(program, tmp_path, "demo", "--no-stay", "--port", str(free_port()))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 9 batches are COMPLETE" in done.stdout
    assert re.search(r"^all +191 *$", done.stdout, re.MULTILINE)


def test_the_wheel_says_its_version(program: Path, tmp_path: Path) -> None:
    assert run(program, tmp_path, "--version").stdout == f"everlake {version('everlake')}\n"


@pytest.mark.parametrize(
    ("extra", "variable", "value"),
    [
        ("s3", "EVERLAKE_STORAGE_URL", "s3://bucket/prefix"),
        ("postgresql", "EVERLAKE_DATABASE_URL", "postgresql://everlake@127.0.0.1/everlake"),
    ],
)
def test_a_missing_extra_is_named_with_the_way_to_install_it(
    program: Path, tmp_path: Path, extra: str, variable: str, value: str
) -> None:
    done = run(program, tmp_path, "serve", "--port", str(free_port()), **{variable: value})

    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert f"make install EXTRAS={extra}" in done.stderr
