from tests.support.extraction_fixtures import extract, extractor, limits

__all__ = ["extract", "extractor", "limits"]
