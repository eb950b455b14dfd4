from collections.abc import Generator

import pytest

from tests.integration.client.stranger import Stranger, listening


@pytest.fixture
def stranger() -> Generator[Stranger]:
    with listening() as one:
        yield one
