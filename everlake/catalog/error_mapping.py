"""What a database cannot do now, told as a person can act on it."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from everlake.catalog.errors import CatalogUnavailable

_POOL_EXHAUSTED = "Too many at once: no connection to the database was free in time. Try again."


@contextmanager
def map_errors(
    driver_error: type[Exception], classify: Callable[[Exception], CatalogUnavailable | None]
) -> Generator[None]:
    """Turn what the database cannot do now into :class:`CatalogUnavailable`.

    Args:
        driver_error: the base of what the driver itself raises.
        classify: what to raise for an error of the driver's, or of SQLAlchemy's around it; None
            leaves the error as it is.
    """
    try:
        yield
    except PoolTimeout as error:
        raise CatalogUnavailable(_POOL_EXHAUSTED) from error
    except (DBAPIError, driver_error) as error:
        refusal = classify(error)
        if refusal is None:
            raise
        raise refusal from error
