from tests.support.lake_fixtures import lake

__all__ = ["lake"]
