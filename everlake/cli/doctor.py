"""``everlake doctor``: is this machine set up right, and what to do where it is not."""

import platform
import shutil
import sys
import time
from collections.abc import Callable

from everlake import __version__
from everlake.attachments.extraction import TextError
from everlake.catalog.errors import CatalogError
from everlake.catalog.opening import open_catalog
from everlake.cli.context import DataOption, JsonOption, load_settings, out, print_json, print_table
from everlake.settings import Settings, SettingsError, variable_name
from everlake.storage import StorageError, open_store
from everlake.worker.attachments.fetcher_factory import check_outbound_settings
from everlake.worker.attachments.speech_settings import (
    load_transcription_options,
    try_transcription,
)

_MIN_FREE_BYTES = 1024**3

Check = Callable[[Settings], str]


class _CheckFailed(Exception):
    pass


def doctor(data: DataOption = None, json: JsonOption = False) -> None:
    """Check configuration, database, storage, disk and versions; exit code 1 on trouble.

    Example: everlake doctor
    """
    settings = load_settings(data)
    rows: list[tuple[str, bool, str]] = []
    for name, check in _CHECKS.items():
        try:
            rows.append((name, True, check(settings)))
        except (_CheckFailed, CatalogError, StorageError, OSError) as error:
            rows.append((name, False, str(error)))
    if json:
        for name, well, text in rows:
            print_json({"check": name, "ok": well, "message": text})
    else:
        print_table(("CHECK", "", ""), [(n, "ok" if well else "TROUBLE", t) for n, well, t in rows])
        well = all(row[1] for row in rows)
        out.print("Everything is in order." if well else "Mend what is in trouble, then run again.")
    if not all(row[1] for row in rows):
        sys.exit(1)


def _check_versions(_: Settings) -> str:
    return f"Everlake {__version__}, Python {platform.python_version()} on {platform.system()}"


def _check_data_directory(settings: Settings) -> str:
    directory = settings.data_directory
    if not directory.is_dir():
        raise _CheckFailed(f"there is no {directory} yet: run everlake init or serve")
    return str(directory)


def _check_database(settings: Settings) -> str:
    if not settings.database.url and not (settings.data_directory / "everlake.db").exists():
        raise _CheckFailed("there is none yet: run everlake init or serve")
    catalog = open_catalog(settings.catalog_url, **settings.catalog_options)
    try:
        catalog.check()
    finally:
        catalog.close()
    return "opens, and its schema is the one this version needs"


def _check_storage(settings: Settings) -> str:
    if not settings.storage.url:
        _check_data_directory(settings)
    open_store(settings.archive_url).check()
    return "takes objects and syncs them"


def _check_disk(settings: Settings) -> str:
    free = shutil.disk_usage(settings.data_directory).free
    if free < _MIN_FREE_BYTES:
        raise _CheckFailed(f"only {free / 1024**2:,.0f} MB are free: make room")
    return f"{free / 1024**3:,.1f} GB free"


def _check_attachments(settings: Settings) -> str:
    try:
        allowed = check_outbound_settings(settings)
    except SettingsError as error:
        raise _CheckFailed(str(error)) from error
    if not settings.fetching.concurrency:
        return "none are fetched"
    return f"fetched from public addresses{''.join(f', {one}' for one in allowed)}"


def _check_speech(settings: Settings) -> str:
    try:
        speech = load_transcription_options(settings)
        if speech is None:
            return "not written down"
        began = time.monotonic()
        try_transcription(settings, speech)
    except SettingsError as error:
        raise _CheckFailed(str(error)) from error
    except TextError as error:
        name = variable_name("attachment_speech_model")
        memory = variable_name("attachment_speech_memory")
        raise _CheckFailed(
            f"{name}={settings.transcription.model!r}: a recording cannot be written down "
            f"({error.code}): the model is damaged, or needs more than {memory} allows"
        ) from error
    took = time.monotonic() - began
    return f"written down by {speech.model}, which is ready after {took:.1f} s"


_CHECKS: dict[str, Check] = {
    "versions": _check_versions,
    "data directory": _check_data_directory,
    "database": _check_database,
    "storage": _check_storage,
    "disk": _check_disk,
    "attachments": _check_attachments,
    "speech": _check_speech,
}
