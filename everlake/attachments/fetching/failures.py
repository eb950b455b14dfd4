"""Fetch errors that several modules raise."""

from everlake.attachments.errors import FetchCode, FetchError


def bad_response(problem: str) -> FetchError:
    """Return the error of an invalid response.

    Args:
        problem: a predicate whose subject is the server, such as "sent an invalid length".
    """
    return FetchError(
        FetchCode.BAD_ANSWER, f"the server of the URL {problem}: try the URL in a browser"
    )


def cut_off() -> FetchError:
    """Return the error of a response that ended before its end."""
    return FetchError(
        FetchCode.CUT_OFF,
        "the server of the URL closed the connection before the end of its response: the fetch "
        "is retried",
        retryable=True,
    )


def too_slow(least_speed: int) -> FetchError:
    """Return the error of a server that sends, but slower than ``least_speed`` bytes a second."""
    return FetchError(
        FetchCode.TIMED_OUT,
        f"the server of the URL sent less than {least_speed:,} bytes a second: the fetch is "
        "retried",
        retryable=True,
    )


def timed_out() -> FetchError:
    """Return the error of a server that is silent for too long, or too slow as a whole."""
    return FetchError(
        FetchCode.TIMED_OUT,
        "the server of the URL sent nothing for too long, or took too long as a whole",
        retryable=True,
    )
