from tests.support.lake_fixtures import any_lake, bucket, lake
from tests.support.worker_fixtures import clock, home

__all__ = ["any_lake", "bucket", "clock", "home", "lake"]
