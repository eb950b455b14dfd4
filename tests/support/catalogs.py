"""Databases with the newest schema, as copies of one that is migrated once a test process."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy.engine import make_url

from everlake.catalog.database import Catalog
from everlake.catalog.opening import open_catalog


def migrated_catalog(url: str) -> Catalog:
    """Open a database with the newest schema; a SQLite file that is missing is copied."""
    path = Path(make_url(url).database or "")
    if url.startswith("sqlite:") and not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(_migrated_file(), path)
        return open_catalog(url)
    catalog = open_catalog(url)
    catalog.upgrade()
    return catalog


@cache
def _migrated_file() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="everlake-schema-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "catalog.db"
    catalog = open_catalog(f"sqlite:///{path}")
    catalog.upgrade()
    catalog.close()
    return path
