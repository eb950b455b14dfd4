from tests.support.store_fixtures import store, store_under_test, store_url

__all__ = ["store", "store_under_test", "store_url"]
