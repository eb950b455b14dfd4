from tests.support.worker_fixtures import clock, home

__all__ = ["clock", "home"]
