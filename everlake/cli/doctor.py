"""``everlake doctor``."""

import sys
import time
from collections.abc import Mapping

from everlake.attachments.extraction import TextError
from everlake.attachments.extraction.transcription_check import check_transcription
from everlake.cli.console import out, print_list
from everlake.cli.options import DataOption, JsonOption, load_settings
from everlake.operations.health_checks import (
    INSTALLATION_CHECKS,
    Check,
    CheckFailed,
    CheckWarning,
    Severity,
    run_checks,
    waiting_batches,
)
from everlake.runtime.liveness import live_workers
from everlake.settings import Settings, SettingsError, variable_name
from everlake.worker.attachments.fetcher_factory import check_outbound_settings
from everlake.worker.attachments.speech_settings import (
    load_transcription_options,
    transcription_limits,
)

_SHOWN = {Severity.OK: "ok", Severity.WARNING: "WARNING", Severity.ERROR: "FAILED"}
_EXIT_CODES = {Severity.ERROR: 1, Severity.WARNING: 3}
_CONCLUSIONS = {
    Severity.OK: "All checks passed.",
    Severity.WARNING: "Everything works; look at each WARNING.",
    Severity.ERROR: "Correct what has FAILED, and run this again.",
}


def doctor(data: DataOption = None, json: JsonOption = False) -> None:
    """Check settings, database, storage, lake, workers, queue, disk, clock and versions.

    The exit code is 1 if something does not work, and 3 if there are warnings alone.

    Example: everlake doctor
    """
    results = run_checks(load_settings(data), _CHECKS)
    print_list(
        results,
        json=json,
        as_json=lambda result: result,
        headers=("CHECK", "", ""),
        as_row=lambda result: (result.check, _SHOWN[result.severity], result.message),
    )
    worst = max((result.severity for result in results), key=list(Severity).index)
    if not json:
        out.print(_CONCLUSIONS[worst])
    if worst is not Severity.OK:
        sys.exit(_EXIT_CODES[worst])


def _check_worker(settings: Settings) -> str:
    try:
        alive = live_workers(settings.data_directory)
    except PermissionError as error:
        raise CheckFailed(
            f"{error.filename} cannot be opened: run this as the user that runs Everlake"
        ) from error
    if alive:
        return f"{len(alive)} alive on this machine"
    waiting, _ = waiting_batches(settings)
    if waiting and not settings.database.url:
        raise CheckWarning(
            f"none is alive, and {waiting:,} batches wait: start everlake serve or everlake worker"
        )
    return "none is alive on this machine"


def _check_attachments(settings: Settings) -> str:
    try:
        allowed = check_outbound_settings(settings)
    except SettingsError as error:
        raise CheckFailed(str(error)) from error
    if not settings.fetching.concurrency:
        return "not fetched"
    return f"fetched from public addresses{''.join(f', {network}' for network in allowed)}"


def _check_speech(settings: Settings) -> str:
    try:
        options = load_transcription_options(settings)
        if options is None:
            return "not transcribed"
        began = time.monotonic()
        check_transcription(transcription_limits(settings), options)
    except SettingsError as error:
        raise CheckFailed(str(error)) from error
    except TextError as error:
        name = variable_name("attachment_speech_model")
        memory = variable_name("attachment_speech_memory")
        raise CheckFailed(
            f"{name}={settings.transcription.model!r}: a recording cannot be transcribed "
            f"({error.code}): the model is damaged, or needs more memory than {memory} allows"
        ) from error
    seconds = time.monotonic() - began
    return f"transcribed by {options.model}, which is ready after {seconds:.1f} s"


_CHECKS: Mapping[str, Check] = {
    **INSTALLATION_CHECKS,
    "worker": _check_worker,
    "attachments": _check_attachments,
    "speech": _check_speech,
}
