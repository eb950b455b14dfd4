from collections import Counter

from everlake.jobs.shares import WorkspaceShares


def run_one(shares: WorkspaceShares, seconds: dict[str, float]) -> str:
    """Do the next job, and return its workspace."""
    chosen = shares.order(seconds)[0]
    shares.begin(chosen)
    shares.end(chosen, seconds[chosen])
    return chosen


def test_workspaces_with_equal_jobs_take_turns() -> None:
    shares = WorkspaceShares()
    done = [run_one(shares, {"a": 1, "b": 1, "c": 1}) for _ in range(6)]
    assert done == ["a", "b", "c"] * 2


def test_a_workspace_with_slow_jobs_takes_no_more_time_than_one_with_quick_jobs() -> None:
    shares = WorkspaceShares()
    done = Counter(run_one(shares, {"slow": 120, "quick": 1}) for _ in range(1_210))
    assert done == {"slow": 10, "quick": 1_200}


def test_the_fewest_running_jobs_come_first() -> None:
    shares = WorkspaceShares()
    shares.begin("a")
    assert shares.order(["a", "b"]) == ["b", "a"]
    shares.begin("b")
    shares.begin("b")
    assert shares.order(["a", "b"]) == ["a", "b"]


def test_a_newcomer_comes_next_and_has_saved_nothing() -> None:
    shares = WorkspaceShares()
    for _ in range(100):
        run_one(shares, {"a": 10})
    done = [run_one(shares, {"a": 10, "new": 10}) for _ in range(5)]
    assert done == ["new", "a", "new", "a", "new"]


def test_workspaces_without_jobs_are_forgotten() -> None:
    shares = WorkspaceShares()
    for number in range(1_000):
        run_one(shares, {f"w{number}": 1})
    for _ in range(2):
        run_one(shares, {"w0": 1, "w1": 1})
    run_one(shares, {"w0": 1})
    assert len(shares._seconds) == 1
    assert not shares._running
