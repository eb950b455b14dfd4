from collections.abc import Generator

import pytest

from tests.support.scripted_server import ScriptedServer, running_scripted_server


@pytest.fixture
def scripted_server() -> Generator[ScriptedServer]:
    with running_scripted_server() as one:
        yield one
