"""``everlake doctor``."""

import sys
import time
from collections.abc import Mapping

from everlake.attachments.extraction import TextError
from everlake.attachments.extraction.transcription_check import check_transcription
from everlake.cli.console import out, print_list
from everlake.cli.options import DataOption, JsonOption, load_settings
from everlake.operations.health_checks import INSTALLATION_CHECKS, Check, CheckFailed, run_checks
from everlake.settings import Settings, SettingsError, variable_name
from everlake.worker.attachments.fetcher_factory import check_outbound_settings
from everlake.worker.attachments.speech_settings import (
    load_transcription_options,
    transcription_limits,
)


def doctor(data: DataOption = None, json: JsonOption = False) -> None:
    """Check settings, database, storage, disk and versions.

    The exit code is 1 if a check fails.

    Example: everlake doctor
    """
    results = run_checks(load_settings(data), _CHECKS)
    print_list(
        results,
        json=json,
        as_json=lambda result: result,
        headers=("CHECK", "", ""),
        as_row=lambda result: (result.check, "ok" if result.ok else "FAILED", result.message),
    )
    ok = all(result.ok for result in results)
    if not json:
        out.print("All checks passed." if ok else "Correct what has FAILED, and run this again.")
    if not ok:
        sys.exit(1)


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
    "attachments": _check_attachments,
    "speech": _check_speech,
}
