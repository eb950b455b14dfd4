"""Values on which different comparisons give different results."""

TEXTS = ["", "a", "A", "b'", 'b"', "é", "e\u0301", "🦢", "a b", "%", "\\", "NULL", "\x00", "zz"]
TIMES = ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "2024-02-29T12:00:00Z"]
LATEST_TIME = "9999-12-31T23:59:59Z"
INGESTED_AT_VALUES = [0, 1_700_000_000_001, 1_700_000_000_999]
