"""``/healthz``, ``/readyz`` and ``/metrics``: the state of the server, without a key."""

from litestar import Response

from everlake.api.responses import json_response
from everlake.api.routing import handles
from everlake.api.services import Services
from everlake.contract import endpoints
from everlake.contract.errors import RETRY_AFTER_SECONDS, ErrorCode, WireError
from everlake.contract.health import Health
from everlake.runtime.metrics_exposition import MEDIA_TYPE
from everlake.runtime.queue_collector import QUERY_TIMEOUT
from everlake.timeouts import run_with_timeout


@handles(endpoints.GET_HEALTH)
async def get_health() -> Response[bytes]:
    """Return 200: the process is running."""
    return json_response(Health("ok"))


@handles(endpoints.GET_READINESS)
async def get_readiness(services: Services) -> Response[bytes]:
    """Return 200 when the database and the storage take writes, 503 when they do not."""
    failures = await run_with_timeout(services.database_timeout, services.readiness.failures)
    if failures:
        raise WireError(
            ErrorCode.UNAVAILABLE,
            "Not ready: " + "; ".join(f"{part}: {reason}" for part, reason in failures.items()),
            details=dict(failures),
            retry_after=RETRY_AFTER_SECONDS,
        )
    return json_response(Health("ok"))


@handles(endpoints.GET_METRICS)
async def get_metrics(services: Services) -> Response[bytes]:
    """Return the metrics of this machine's processes and of the queue, for Prometheus."""
    # A catalog that does not answer takes QUERY_TIMEOUT, and the other metrics are served.
    seconds = services.database_timeout + QUERY_TIMEOUT
    text = await run_with_timeout(seconds, services.metrics_exposition.render)
    return Response(text, headers={"Content-Type": MEDIA_TYPE})
