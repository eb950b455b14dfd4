"""Extras: optional parts of the package, whose libraries need not be installed."""


def how_to_install(extra: str) -> str:
    """Return how an operator installs an extra, as the end of a message."""
    return f"run make install EXTRAS={extra} in the checkout, or install the wheel with [{extra}]"
