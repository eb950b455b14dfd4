"""What a database cannot do now, told as a person can act on it."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from everlake.catalog.errors import CatalogUnavailable

_NO_CONNECTION = "Too many at once: no connection to the database was free in time. Try again."


@contextmanager
def advising(
    driver_error: type[Exception], advice: Callable[[BaseException | None], str | None]
) -> Generator[None]:
    """Turn what the database cannot do now into :class:`CatalogUnavailable`.

    Args:
        driver_error: the base of what the driver itself raises.
        advice: what to do about an error of the driver's; None leaves the error as it is.
    """
    try:
        yield
    except PoolTimeout as error:
        raise CatalogUnavailable(_NO_CONNECTION) from error
    except (DBAPIError, driver_error) as error:
        found = advice(error.orig if isinstance(error, DBAPIError) else error)
        if found is None:
            raise
        raise CatalogUnavailable(found) from error
