from collections.abc import Generator

import pytest

from tests.support.scripted_server import ScriptedServer, scripted_server


@pytest.fixture
def stranger() -> Generator[ScriptedServer]:
    with scripted_server() as one:
        yield one
