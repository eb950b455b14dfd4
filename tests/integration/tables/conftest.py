from tests.support.lake_fixtures import any_lake, bucket, lake

__all__ = ["any_lake", "bucket", "lake"]
