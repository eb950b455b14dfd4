"""Runtime: processes, locks, sockets, signals and process metrics."""
