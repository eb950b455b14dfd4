from tests.integration.catalog.conftest import catalog, home, other, url

__all__ = ["catalog", "home", "other", "url"]
