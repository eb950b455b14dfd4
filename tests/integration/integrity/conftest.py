from tests.support.lake_fixtures import any_lake, bucket, lake
from tests.support.store_fixtures import store, store_under_test, store_url
from tests.support.worker_fixtures import clock, home

__all__ = [
    "any_lake",
    "bucket",
    "clock",
    "home",
    "lake",
    "store",
    "store_under_test",
    "store_url",
]
