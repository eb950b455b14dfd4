"""Records out of real files, whatever their form."""

import gzip
import os
import threading
from pathlib import Path

import pytest
import zstandard

from everlake.client.errors import InputFileError
from everlake.client.input_files import ByteCounter, InputFile, find_input_files
from everlake.client.record_reader import read_records
from everlake.client.types import InputItem, InputRecord, RejectedInput, UnreadableInput
from everlake.contract.media_types import MediaType

MOST = 100


def read(path: Path, most: int = MOST) -> list[InputItem]:
    return list(read_records(find_input_files([str(path)]).files, ByteCounter(), max_bytes=most))


def items(found: list[InputItem]) -> list[tuple[bytes, int]]:
    """The text and the line of each record."""
    assert all(isinstance(each, InputRecord) for each in found), found
    return [(each.text, each.location.line) for each in found if isinstance(each, InputRecord)]


LINES = {
    "blank lines and white space": (
        b'\n\n {"a":1} \r\n\n{"b":2}',
        [(b'{"a":1}', 3), (b'{"b":2}', 5)],
    ),
    "something broken": (b'{"a":1}\n{oops\n\xff\n', [(b'{"a":1}', 1), (b"{oops", 2), (b"\xff", 3)]),
    "only something broken": (b"oops", [(b"oops", 1)]),
    "several on a line": (
        b'{"a":1}{"b":"}{"} {"c":3}\n{"d":4}\n{"e":5}{"f":6}',
        [
            (b'{"a":1}', 1),
            (b'{"b":"}{"}', 1),
            (b'{"c":3}', 1),
            (b'{"d":4}', 2),
            (b'{"e":5}', 3),
            (b'{"f":6}', 3),
        ],
    ),
    "one of several broken": (
        b'{"a":1}{"b":oops}{"c":3}\n{"d":4}',
        [(b'{"a":1}', 1), (b'{"b":oops}', 1), (b'{"c":3}', 1), (b'{"d":4}', 2)],
    ),
    "a broken line that only looks like several": (
        b'{"a":"}{", oops}\n{"b":2}',
        [(b'{"a":"}{", oops}', 1), (b'{"b":2}', 2)],
    ),
    "a byte order mark": (b'\xef\xbb\xbf{"a":1}\n', [(b'{"a":1}', 1)]),
    "nothing": (b" \n ", []),
}


@pytest.mark.parametrize("name", LINES)
def test_every_line_of_a_file_of_lines_is_a_record(tmp_path: Path, name: str) -> None:
    content, expected = LINES[name]
    (tmp_path / "f.ndjson").write_bytes(content)

    found = read(tmp_path / "f.ndjson")

    assert items(found) == expected
    assert {each.media_type for each in found if isinstance(each, InputRecord)} <= {
        MediaType.NDJSON
    }


@pytest.mark.parametrize("name", ["f.ndjson", "f.json"])
def test_a_line_longer_than_a_record_may_hold_several(tmp_path: Path, name: str) -> None:
    texts = [b'{"a":%d}' % number for number in range(100)]
    (tmp_path / name).write_bytes(b"".join(texts) + b"\n")

    assert items(read(tmp_path / name)) == [(text, 1) for text in texts]


def test_a_file_whose_only_line_holds_several_is_read(tmp_path: Path) -> None:
    (tmp_path / "f.json").write_bytes(b'{"a":1}{"b":2}')

    found = read(tmp_path / "f.json")

    assert items(found) == [(b'{"a":1}', 1), (b'{"b":2}', 1)]
    assert [str(one.location) for one in found if isinstance(one, InputRecord)] == [
        f"{tmp_path}/f.json:1 (record 1)",
        f"{tmp_path}/f.json:1 (record 2)",
    ]


DOCUMENTS = {
    "an array": (b'[{"a":\n1}, 2,\n"x"]', [(b'{"a":\n1}', 1), (b"2", 2), (b'"x"', 3)]),
    "an empty array": (b" [ ] ", []),
    "a wrapper": (b'\n{ "records" :\n[{"a":1},{"b":2}] }\n', [(b'{"a":1}', 3), (b'{"b":2}', 3)]),
    "one record on some lines": (b'{"a":\n1}\n', [(b'{"a":\n1}', 1)]),
    "several, one after another": (b'{"a":\n1}\n{"b":\n2}', [(b'{"a":\n1}', 1), (b'{"b":\n2}', 3)]),
}


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize("suffix", [".json", ""])
def test_records_of_a_document_are_its_own_text(tmp_path: Path, name: str, suffix: str) -> None:
    content, expected = DOCUMENTS[name]
    path = tmp_path / f"f{suffix}"
    path.write_bytes(content)

    found = read(path)

    assert items(found) == expected
    assert {each.media_type for each in found if isinstance(each, InputRecord)} <= {MediaType.JSON}


@pytest.mark.parametrize(
    "content",
    [b'{"a":1}\n{"b":2}\n', b'{"a":1}\n{oops\n', b'{oops\n{"b":2}\n', b'{"a":1}', b"{oops"],
)
def test_lines_are_recognised_without_a_suffix(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "f.json").write_bytes(content)

    found = items(read(tmp_path / "f.json"))

    assert [text for text, _ in found] == content.splitlines()


def test_an_array_is_recognised_in_spite_of_a_suffix_for_lines(tmp_path: Path) -> None:
    (tmp_path / "f.ndjson").write_bytes(b'[{"a":1},\n{"b":2}]')

    assert items(read(tmp_path / "f.ndjson")) == [(b'{"a":1}', 1), (b'{"b":2}', 2)]


NOT_READ = {
    "text": (b"id,text\n", "holds no JSON records: it begins with 'id,text\\n'"),
    "UTF-16": ('[{"a":1}]'.encode("utf-16"), "looks like UTF-16"),
    "UTF-16 without a mark": ('[{"a":1}]'.encode("utf-16-le"), "looks like UTF-16"),
}


@pytest.mark.parametrize("name", NOT_READ)
def test_a_file_without_records_is_reported_and_not_read(tmp_path: Path, name: str) -> None:
    content, reason = NOT_READ[name]
    (tmp_path / "f.json").write_bytes(content)

    [unread] = read(tmp_path / "f.json")

    assert isinstance(unread, UnreadableInput)
    assert unread.message.startswith(f"{tmp_path}/f.json ")
    assert reason in unread.message


TRUNCATED = {
    "within a record": (b'[{"a":1},{"b":', 1, "ends before its array does"),
    "after a record": (b'[{"a":1}', 0, "ends before its array does"),
    "before the wrapper ends": (b'{"records":[{"a":1}]', 0, "ends before its array does"),
    "with more after it": (b'[{"a":1}] , {"b":2}', 0, "was not read: ', {\"b\":2}'"),
    "with more in the wrapper": (b'{"records":[{"a":1}],"x":1}', 0, "was not read"),
}


@pytest.mark.parametrize("name", TRUNCATED)
def test_an_array_with_a_wrong_end_is_reported(tmp_path: Path, name: str) -> None:
    content, rejected, reason = TRUNCATED[name]
    (tmp_path / "f.json").write_bytes(content)

    first, *others, last = read(tmp_path / "f.json")

    assert isinstance(first, InputRecord)
    assert (
        len([each for each in others if isinstance(each, RejectedInput)]) == len(others) == rejected
    )
    assert isinstance(last, UnreadableInput)
    assert reason in last.message


@pytest.mark.parametrize("name", ["f.ndjson", "f.json"])
def test_a_record_that_is_too_long_is_rejected_and_not_kept(tmp_path: Path, name: str) -> None:
    long = b'{"a":"' + b"x" * 5_000_000 + b'"}'
    texts = [b'{"a":1}', long, b'{"b":2}']
    joined = b"\n".join(texts) if name == "f.ndjson" else b"[" + b",\n".join(texts) + b"]"
    (tmp_path / name).write_bytes(joined)

    first, rejected, last = read(tmp_path / name)

    assert isinstance(rejected, RejectedInput)
    assert rejected.payload is None
    assert rejected.location.line == 2
    assert items([first, last]) == [(b'{"a":1}', 1), (b'{"b":2}', 3)]


def test_records_are_numbered_over_all_files(tmp_path: Path) -> None:
    (tmp_path / "1.ndjson").write_bytes(b"1\n2\n")
    (tmp_path / "2.json").write_bytes(b"[3, 4]")

    found = read(tmp_path)

    places = [each.location for each in found if isinstance(each, InputRecord)]
    assert [place.order for place in places] == [0, 1, 2, 3]
    assert [str(place).rpartition("/")[2] for place in places] == [
        "1.ndjson:1",
        "1.ndjson:2",
        "2.json:1 (record 1)",
        "2.json:1 (record 2)",
    ]


COMPRESSED = {
    "one gzip member": ("f.ndjson.gz", lambda a, b: gzip.compress(a + b)),
    "two gzip members": ("f.ndjson.gz", lambda a, b: gzip.compress(a) + gzip.compress(b)),
    "two zstd frames": ("f.ndjson.zst", lambda a, b: zstandard.compress(a) + zstandard.compress(b)),
    "by its first bytes: gzip": ("f", lambda a, b: gzip.compress(a + b)),
    "by its first bytes: zstd": ("f.json", lambda a, b: zstandard.compress(a + b)),
}


@pytest.mark.parametrize("name", COMPRESSED)
def test_compressed_files_are_decompressed_and_counted_by_their_size_on_disk(
    tmp_path: Path, name: str
) -> None:
    called, pack = COMPRESSED[name]
    path = tmp_path / called
    path.write_bytes(pack(b'{"a":1}\n' * 400_000, b'{"b":2}\n' * 400_000))
    [file] = find_input_files([str(path)]).files
    byte_counter = ByteCounter()

    found = list(read_records([file], byte_counter, max_bytes=MOST))

    assert len(found) == 800_000
    assert byte_counter.count == file.size == path.stat().st_size


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_truncated_compressed_file_is_reported_after_its_records(tmp_path: Path, pack) -> None:
    suffix = ".gz" if pack is gzip.compress else ".zst"
    path = tmp_path / f"f.ndjson{suffix}"
    lines = b"".join(b'{"n":"%s"}\n' % os.urandom(20).hex().encode() for _ in range(100_000))
    path.write_bytes(pack(lines)[:-5])

    *found, last = read(path)

    assert len(found) > 50_000
    assert isinstance(last, UnreadableInput)
    assert f"{path} cannot be read: " in last.message


def test_a_named_pipe_is_read_once_and_has_no_size(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    [file] = find_input_files([str(pipe)]).files
    writing = threading.Thread(target=pipe.write_bytes, args=(b'{"a":1}\n',))
    writing.start()

    found = list(read_records([file], ByteCounter(), max_bytes=MOST))
    writing.join()

    assert file == InputFile(str(pipe), None)
    assert items(found) == [(b'{"a":1}', 1)]


def test_a_missing_file_is_reported_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "f.json").write_bytes(b"[]")

    with pytest.raises(InputFileError, match="nope cannot be read: No such file or directory"):
        find_input_files([str(tmp_path / "f.json"), str(tmp_path / "nope")])
