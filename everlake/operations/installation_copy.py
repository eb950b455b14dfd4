"""Copy of an installation: its catalog into another database, its objects into another storage."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from everlake.catalog import table_copy
from everlake.catalog.database import Catalog
from everlake.catalog.table_copy import TableDigest
from everlake.integrity.copy.archive import (
    check_target_objects,
    copy_archive,
    list_archive_objects,
    verify_archive,
)
from everlake.integrity.copy.files import copy_files, list_files, verify_files
from everlake.integrity.copy.types import ObjectTotals
from everlake.integrity.types import StepProgressCallback
from everlake.operations.errors import OperationError
from everlake.storage import ObjectStore


class CatalogsDiffer(OperationError):
    """A table of the new database does not hold what the old one has."""

    def __init__(self, table: str, source: TableDigest, target: TableDigest) -> None:
        super().__init__(
            f"{table} differs: {source.rows:,} rows here and {target.rows:,} there. Something "
            "wrote to one of the databases meanwhile: stop it, empty the new database, and run "
            "this again"
        )


def check_target(source: Catalog, target: Catalog) -> None:
    """Check that the new database is empty, or holds the beginning of a copy of this source.

    Raises:
        UnexpectedRows: it holds other rows.
    """
    table_copy.check_target_rows(source, target)


def copy_objects(
    source: ObjectStore, target: ObjectStore, directory: Path, report_progress: StepProgressCallback
) -> ObjectTotals:
    """Copy the objects that a storage lacks, then read and compare all of them.

    Call this before :func:`copy_catalog`, so that the new catalog never names an object that is
    not there.

    Args:
        source: the storage in use, which nothing may write to meanwhile.
        target: the new storage.
        directory: with space for the largest attachment.
        report_progress: called with the step, the objects that are done, and their number.

    Raises:
        UnexpectedObjects: the new storage holds objects of another installation.
        ObjectsDiffer: an object is not the same on both sides.
        StorageError: an object cannot be read or written.
        OSError: ``directory`` cannot be written.
    """
    objects, copied_objects = list_archive_objects(source), list_archive_objects(target)
    files, copied_files = list_files(source), list_files(target)
    check_target_objects(objects | files, copied_objects | copied_files)

    def step(name: str, total: int) -> Callable[[int], None]:
        return partial(_report, report_progress, name, total)

    copy_archive(source, target, objects, copied_objects, step("copying objects", len(objects)))
    copy_files(
        source,
        target,
        files,
        copied_files,
        step("copying files", len(files)),
        directory=directory,
    )
    archive = verify_archive(source, target, objects, step("comparing objects", len(objects)))
    others = verify_files(source, target, files, step("comparing files", len(files)))
    return ObjectTotals(archive.objects + others.objects, archive.bytes + others.bytes)


def copy_catalog(
    source: Catalog,
    target: Catalog,
    *,
    to_other_storage: bool,
    report_progress: StepProgressCallback,
) -> dict[str, TableDigest]:
    """Copy the rows that a database lacks, then read and compare all of them.

    Args:
        source: the catalog in use, which nothing may write to meanwhile.
        target: a catalog of this version.
        to_other_storage: whether the objects are copied as well. The lake is not: its tables are
            rebuilt in the new storage, so that rows about their versions are left out.
        report_progress: called with the step, the rows that are done, and their number if known.

    Returns:
        number and digest of the rows, by table.

    Raises:
        CatalogsDiffer: a table is not the same on both sides.
        CatalogUnavailable: one of the databases cannot be read or written now.
    """
    left_out = table_copy.STORAGE_BOUND_TABLES if to_other_storage else frozenset[str]()
    names = [name for name in table_copy.TABLE_NAMES if name not in left_out]
    for name in names:
        total = table_copy.count(source, name)
        table_copy.copy(
            source, target, name, partial(_report, report_progress, f"copying {name}", total)
        )
    digests: dict[str, TableDigest] = {}
    for name in names:
        ours, theirs = (
            table_copy.digest_table(
                catalog, name, partial(_report, report_progress, f"reading {name} {side}", None)
            )
            for catalog, side in ((source, "here"), (target, "there"))
        )
        if ours != theirs:
            raise CatalogsDiffer(name, ours, theirs)
        digests[name] = ours
    return digests


def _report(report_progress: StepProgressCallback, step: str, total: int | None, done: int) -> None:
    report_progress(step, done, total)
