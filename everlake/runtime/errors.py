"""Errors of processes, locks and sockets; each message says what to do."""


class AddressInUse(Exception):
    """The address cannot be listened on; another program may have it."""


class LockHeld(Exception):
    """Another process holds a lock that this one needs."""


class StartupTimeout(Exception):
    """The API did not answer in time after its processes were started."""
