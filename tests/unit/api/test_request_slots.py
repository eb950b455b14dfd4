from contextlib import ExitStack

import pytest

from everlake.api.request_slots import MAX_OPEN_REQUESTS, RequestSlots
from everlake.contract.errors import ErrorCode, WireError


def test_a_workspace_with_all_slots_waits_for_its_own_requests_alone() -> None:
    slots = RequestSlots()
    with ExitStack() as stack:
        for _ in range(MAX_OPEN_REQUESTS):
            stack.enter_context(slots.hold("greedy"))
        with pytest.raises(WireError) as error, slots.hold("greedy"):
            pass
        with slots.hold("other"):
            pass
    assert error.value.code is ErrorCode.RATE_LIMITED
    assert error.value.retry_after
    with slots.hold("greedy"):
        pass
