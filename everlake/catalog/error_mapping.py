"""Translation of database errors into catalog errors."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from everlake.catalog.errors import CatalogUnavailable

_POOL_EXHAUSTED_MESSAGE = (
    "Too many requests at once: no connection to the database was free in time. Try again."
)


@contextmanager
def map_errors(
    driver_error: type[Exception], classify: Callable[[Exception], CatalogUnavailable | None]
) -> Generator[None]:
    """Raise :class:`CatalogUnavailable` for database errors that are not programming errors.

    Args:
        driver_error: base class of the driver's own errors.
        classify: returns the catalog error for an error of the driver or of SQLAlchemy; None
            leaves the error as it is.
    """
    try:
        yield
    except PoolTimeout as error:
        raise CatalogUnavailable(_POOL_EXHAUSTED_MESSAGE) from error
    except (DBAPIError, driver_error) as error:
        mapped = classify(error)
        if mapped is None:
            raise
        raise mapped from error
