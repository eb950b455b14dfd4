"""``everlake doctor``: is this machine set up right, and what to do where it is not."""

import platform
import shutil
import sys
import time
from collections.abc import Callable

from everlake import __version__
from everlake.attachments.text import TextError
from everlake.catalog.engine import Catalog
from everlake.catalog.errors import CatalogError
from everlake.cli.context import DataOption, JsonOption, out, print_json, print_table, settings_of
from everlake.settings import Settings, SettingsError, variable_of
from everlake.storage import StorageError, open_store
from everlake.worker.attachments.outside import check_way_outside
from everlake.worker.attachments.speech import check_speech, try_speech

_LOW_DISK_BYTES = 1024**3

Check = Callable[[Settings], str]


class _Trouble(Exception):
    pass


def doctor(data: DataOption = None, json: JsonOption = False) -> None:
    """Check configuration, database, storage, disk and versions; exit code 1 on trouble.

    Example: everlake doctor
    """
    settings = settings_of(data)
    rows: list[tuple[str, bool, str]] = []
    for name, check in _CHECKS.items():
        try:
            rows.append((name, True, check(settings)))
        except (_Trouble, CatalogError, StorageError, OSError) as error:
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


def _versions(_: Settings) -> str:
    return f"Everlake {__version__}, Python {platform.python_version()} on {platform.system()}"


def _data(settings: Settings) -> str:
    directory = settings.data_directory
    if not directory.is_dir():
        raise _Trouble(f"there is no {directory} yet: run everlake init or serve")
    return str(directory)


def _database(settings: Settings) -> str:
    if not settings.database_url and not (settings.data_directory / "everlake.db").exists():
        raise _Trouble("there is none yet: run everlake init or serve")
    catalog = Catalog.open(settings.catalog_url, **settings.catalog_options)
    try:
        catalog.check()
    finally:
        catalog.close()
    return "opens, and its schema is the one this version needs"


def _storage(settings: Settings) -> str:
    if not settings.storage_url:
        _data(settings)
    open_store(settings.archive_url).check()
    return "takes objects and syncs them"


def _disk(settings: Settings) -> str:
    free = shutil.disk_usage(settings.data_directory).free
    if free < _LOW_DISK_BYTES:
        raise _Trouble(f"only {free / 1024**2:,.0f} MB are free: make room")
    return f"{free / 1024**3:,.1f} GB free"


def _attachments(settings: Settings) -> str:
    try:
        allowed = check_way_outside(settings)
    except SettingsError as error:
        raise _Trouble(str(error)) from error
    if not settings.attachment_concurrency:
        return "none are fetched"
    return f"fetched from public addresses{''.join(f', {one}' for one in allowed)}"


def _speech(settings: Settings) -> str:
    try:
        speech = check_speech(settings)
        if speech is None:
            return "not written down"
        began = time.monotonic()
        try_speech(settings, speech)
    except SettingsError as error:
        raise _Trouble(str(error)) from error
    except TextError as error:
        name = variable_of("attachment_speech_model")
        memory = variable_of("attachment_speech_memory")
        raise _Trouble(
            f"{name}={settings.attachment_speech_model!r}: a recording cannot be written down "
            f"({error.code}): the model is damaged, or needs more than {memory} allows"
        ) from error
    took = time.monotonic() - began
    return f"written down by {speech.model}, which is ready after {took:.1f} s"


_CHECKS: dict[str, Check] = {
    "versions": _versions,
    "data directory": _data,
    "database": _database,
    "storage": _storage,
    "disk": _disk,
    "attachments": _attachments,
    "speech": _speech,
}
