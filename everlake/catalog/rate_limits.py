"""Rate limits of keys over all machines: the generic cell rate algorithm in one statement.

It is used in PostgreSQL only. A single machine counts in a file, at a hundredth of the cost
(:mod:`everlake.api.rate_limit`).
"""

from sqlalchemy import Connection, Double, bindparam, cast, func, select
from sqlalchemy.dialects import postgresql

from everlake.catalog.table_definitions import rate_limits

_c = rate_limits.c
_NOW = cast(func.extract("epoch", func.clock_timestamp()), Double)
_INTERVAL = bindparam("interval", type_=Double)
_TOLERANCE = bindparam("tolerance", type_=Double)
_INSERT = postgresql.insert(rate_limits).values(key_id=bindparam("key"), empty_at=_NOW + _INTERVAL)
_CONSUME = _INSERT.on_conflict_do_update(
    index_elements=[_c.key_id],
    set_={"empty_at": func.greatest(_c.empty_at, _NOW) + _INTERVAL},
    where=_c.empty_at - _TOLERANCE <= _NOW,
).returning(_c.empty_at)
_WAIT = select(_c.empty_at - _TOLERANCE - _NOW).where(_c.key_id == bindparam("key"))


def consume(tx: Connection, key_id: str, *, interval: float, tolerance: float) -> float:
    """Count a request of a key, or return how many seconds it has to wait.

    Args:
        key_id: the key's id.
        interval: seconds between requests at the key's rate.
        tolerance: seconds by which requests may be early, which allows bursts.

    Returns:
        0 when the request is allowed and counted.
    """
    values = {"key": key_id, "interval": interval, "tolerance": tolerance}
    if tx.execute(_CONSUME, values).first() is not None:
        return 0.0
    wait = tx.execute(_WAIT, {"key": key_id, "tolerance": tolerance}).scalar()
    return max(float(wait or 0.0), 0.001)
