"""Texts that stand where a record's members and their values stand, right ones and odd ones."""

from collections.abc import Sequence

from everlake.contract.envelope import RECORD_TYPES
from tests.faults.ledger import PRODUCT, PROJECT


def text(value: str) -> bytes:
    """A JSON string, not escaped."""
    return f'"{value}"'.encode()


def nested(depth: int, inner: bytes = b"") -> bytes:
    """Arrays in arrays."""
    return b"[" * depth + inner + b"]" * depth


RIGHT: dict[bytes, Sequence[bytes]] = {
    b"_type": [*map(text, RECORD_TYPES), text(" Email "), text("CALL\\t"), text("m\\u0065ssage")],
    b"_schema_version": [b'"1.0.0"', b'"1.0.\\u0030"'],
    b"_event_at": [
        *map(text, ("2026-03-01T10:00:00Z", "2024-02-29T23:59:59.5Z", "0001-01-01T00:00:00.123Z")),
    ],
    b"_product_id": [text(PRODUCT)],
    b"_project_ids": [b"[%s]" % text(PROJECT), b"[ %s,\n%s ]" % (text(PROJECT), text(PROJECT))],
    b"_project_id": [text(PROJECT)],
    b"_nature": [b'"evidence"', b'"guidance"', b'"context"'],
    b"_thread_id": [b'""', text("é" * 512), text("😀")],
    b"_participants": [
        b"[]",
        b'[{"id":"a","role":"internal"},{"role":"unknown","id":"","email":"a@b","type":"bot"}]',
        b"[%s]" % b",".join([b'{"id":"a","role":"external","name":"\\u00e9"}'] * 40),
    ],
    b"_attachments": [
        b"[]",
        b'[{"type":"file","size":0,"vendor_url":"HTTPS://example.com/a?b#c"},{"type":"audio"}]',
        b"[%s]" % b",".join([b'{"type":"image","size":12345678901234567890}'] * 10),
    ],
    b"_tags": [b"[]", b'["a","",""]', b"[%s]" % b",".join([b'"t"'] * 200)],
    b"_pii": [
        b"{}",
        b'{"sensitive_score":1e0,"contains_email":true}',
        b'{"detected_entities":[{"type":"x","confidence":0.5}],"redaction_status":"encrypted"}',
    ],
    b"data": [
        b"{}",
        b'{"text":"hello"}',
        b'{"messages":[{"from":"Ada","text":"Can I?"},{"from":"Bob","text":"No."}]}',
        b'{ "a" : 1.50,\n\t"b":[-0.0,1E400,null,{"":{}}],\r\n"a":2 }',
        '{"é":"caf\\u00e9 😀 \u2028 \u0085","\\u0000":"\\ud83d\\ude00"}'.encode(),
        b'{"deep":%s}' % nested(300, b"1"),
        b'{"n":%s}' % (b"9" * 400),
        b'{"long":"%s"}' % (b"x" * 3_000),
    ],
}
"""Right values of each member, save ``_vendor_ids``, which tells one record from the other."""

ODD: Sequence[bytes] = [
    *(b"", b" ", b"null", b"true", b"True", b"None", b"undefined", b"[]", b"{}", b"[[]]", b"[{}]"),
    *(b"0", b"-0", b"-1", b"1.0", b"1.5", b"2", b"1e999", b"-1E-999", b"9" * 30, b"9" * 5_000),
    *(b"01", b"+1", b".5", b"1.", b"1e", b"0x10", b"NaN", b"Infinity", b"-Infinity", b"--1"),
    *(b'""', b'" "', b'"x', b"'x'", b'"\\x"', b'"\\u12"', b'"\x00"', b'"\n"', b'"a\tb"', b"x"),
    *(b'"\\u0000"', b'"\\ud800"', b'"\\udc00"', b'"\\udc00\\ud800"', b'"\\uD83D\\uDE00"'),
    *(
        b'"\xff"',
        b'"\xc0\xaf"',
        b'"\xed\xa0\x80"',
        b'"\xf4\x90\x80\x80"',
        b'"\xe2\x82"',
        b"\xef\xbb\xbf1",
    ),
    *(text(one * size) for one in "xé😀" for size in (64, 65, 128, 129, 256, 257, 320, 321)),
    *(text(one * size) for one in "xé" for size in (512, 513, 1_024, 1_025, 2_048, 2_049)),
    *(
        text(one)
        for one in ("a b@c", "a@b\\n", "@", "a@", "ftp://x", "http://", "http:///x", "//x")
    ),
    *(text(f"2024-02-29T{time}") for time in ("24:00:00Z", "23:59:60Z", "00:00:00z", "00:00:00")),
    *(text(f"2024-02-29T00:00:00{rest}") for rest in ("+00:00", ".Z", ".1234Z", ".\u0661Z", "Z ")),
    *(text(f"{day}T00:00:00Z") for day in ("2026-02-29", "0000-01-01", "10000-01-01", "2026-1-1")),
    *(text(name) for name in ("other", "internal", "evidence", "1.0.0", "prod-2", "../..", "%00")),
    *(nested(depth) for depth in (10, 500, 899, 900, 901, 1_000, 1_100, 3_000)),
    *(b'{"a":' * depth + b"1" + b"}" * depth for depth in (500, 900, 1_100)),
    *(
        b"[" * 2_000,
        b'{"a":' * 2_000,
        b"[%s1]" % (b"1," * 3_000),
        b"[%s]" % b",".join([b"{}"] * 300),
    ),
    *(b'{"id":"a"}', b'[{"id":1,"role":"boss"},2,{}]', b'[{"type":"file","size":-1}]'),
    *(b"[%s]" % b",".join([b'{"type":"file"}'] * count) for count in (10, 11, 200)),
    *(b"[%s]" % b",".join([b'"t"'] * 201), b'{"sensitive_score":2}', b'{"sensitive_score":1e-400}'),
    *(b'{"a":1,"a":1}', b'{"a":"b",}', b'{"a" "b"}', b"{1:2}", b'{"a":"b"', b"[1,]", b"/*x*/1"),
]
"""Values that are wrong in most places."""

NAMES: Sequence[bytes] = [
    *(b'"x"', b'""', b'"_x"', b'"_Type"', b'"_type "', b'"records"', b'"batchId"', b'"data"'),
    *(
        b'"_project_id"',
        b'"_project_ids"',
        b'"_data_text"',
        b'"d\\u0061ta"',
        b'"\\u0000"',
        b'"\xff"',
    ),
    *(b'"\\ud800"', b"data", b"1", b"null", b'"' + b"n" * 5_000 + b'"', '"é"'.encode()),
]
"""Names that are wrong in most places."""
