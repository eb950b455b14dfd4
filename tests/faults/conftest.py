import os
from pathlib import Path

import pytest

from tests.faults.chaos_settings import ROUNDS, SEED
from tests.faults.recording import Recording, load, record


@pytest.fixture(autouse=True)
def _print_seed(request: pytest.FixtureRequest) -> None:
    said = f"EVERLAKE_CHAOS_SEED={SEED} EVERLAKE_CHAOS_ROUNDS={ROUNDS}"
    request.node.add_report_section("setup", "luck", said)


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A server's disk, recorded; or the recording in the folder EVERLAKE_CHAOS_RECORDING."""
    earlier = os.environ.get("EVERLAKE_CHAOS_RECORDING")
    return load(Path(earlier)) if earlier else record(tmp_path_factory.mktemp("recording"), SEED)
