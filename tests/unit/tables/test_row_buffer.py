import pytest

from everlake.tables import arrow, row_buffer
from everlake.tables.row_buffer import RowBuffer


def buffer() -> RowBuffer[int]:
    return RowBuffer(
        lambda rows: arrow.from_columns({"n": [row for row in rows if row >= 0]}), lambda _: 8
    )


@pytest.mark.parametrize("rows_per_chunk", [1, 2, 100])
def test_rows_come_out_in_order_and_once(
    monkeypatch: pytest.MonkeyPatch, rows_per_chunk: int
) -> None:
    monkeypatch.setattr(row_buffer, "_CHUNK_ROWS", rows_per_chunk)
    rows = buffer()
    for some in ([1], [2, 3], [], [4]):
        rows.extend(some)
    assert rows.size_bytes == 32
    assert arrow.to_rows(rows.drain()) == [{"n": n} for n in (1, 2, 3, 4)]
    assert (rows.drain(), rows.size_bytes) == (None, 0)


def test_contributions_without_rows_leave_nothing_to_write() -> None:
    rows = buffer()
    rows.extend([-1, -2])
    assert rows.drain() is None
