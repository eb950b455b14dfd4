"""Conditions in Lance's SQL dialect.

Values come from users. A text enters a condition only through :func:`literal`.
"""

from collections.abc import Iterable


def literal(text: str) -> str:
    """Return ``text`` as an SQL string. Only the quote has a meaning in the dialect: it is doubled.

    Raises:
        ValueError: the text is not valid Unicode.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("A filter's value must be valid Unicode.") from None
    return "'" + text.replace("'", "''") + "'"


def equals(column: str, value: str) -> str:
    """Return the condition that ``column`` is ``value``."""
    return f"{column} = {literal(value)}"


def one_of(column: str, values: Iterable[str]) -> str:
    """Return the condition that ``column`` is one of ``values``, at least one."""
    return f"{column} IN ({', '.join(literal(value) for value in values)})"


def all_of(conditions: Iterable[str]) -> str | None:
    """Return the conjunction of conditions, None when there are none."""
    return " AND ".join(f"({condition})" for condition in conditions) or None
