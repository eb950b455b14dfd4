"""Errors of pylance and pyarrow as `LanceError`."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false
# Reason: pyarrow has neither annotations nor stubs.

from collections.abc import Generator
from contextlib import contextmanager

import pyarrow as pa

from everlake.tables.errors import LanceError


@contextmanager
def lance_errors() -> Generator[None]:
    """Raise LanceError for any error of Lance in the block."""
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError, pa.ArrowException) as error:
        raise LanceError(str(error)) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # a panic in Lance's Rust code
            raise
        raise LanceError(str(error)) from error
