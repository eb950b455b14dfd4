"""Number of rounds and random seed of the fault suites: ``make test-faults ROUNDS=30 SEED=7``."""

import os

ROUNDS_IN_CI = 30
ROUNDS = int(os.environ.get("EVERLAKE_CHAOS_ROUNDS", str(ROUNDS_IN_CI)))
SEED = int(os.environ.get("EVERLAKE_CHAOS_SEED", "1"))


def scaled(in_ci: int) -> int:
    """Return CI's number of rounds, scaled by ``ROUNDS``; at least one."""
    return max(1, in_ci * ROUNDS // ROUNDS_IN_CI)
