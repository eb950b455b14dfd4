"""How long the fault suites go on, and with which luck: ``make test-faults SEED=7``."""

import os

ROUNDS_IN_CI = 30
ROUNDS = int(os.environ.get("EVERLAKE_CHAOS_ROUNDS", str(ROUNDS_IN_CI)))
SEED = int(os.environ.get("EVERLAKE_CHAOS_SEED", "1"))


def scaled(in_ci: int) -> int:
    """As many as CI does, or more where more rounds were asked for; at least one."""
    return max(1, in_ci * ROUNDS // ROUNDS_IN_CI)
