"""Errors of the landing archive."""


class LandingDamaged(Exception):
    """A landing object is not what was written; the message says which part is wrong."""
