"""A hostile file fails alone, within its limits, and the next one is read well."""

import io
import os
import random
import threading
import zipfile
import zlib
from collections.abc import Generator
from email.mime.multipart import MIMEMultipart
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from everlake.attachments.extraction import (
    AttachmentText,
    ExtractionLimits,
    Extractor,
    TextCode,
    TextKind,
)
from everlake.attachments.extraction.formats import FileFormat, detect_format
from tests.support.extraction import (
    Extract,
    error_code_of,
    sections_of,
    text_or_code,
)
from tests.support.sample_files import (
    ENDLESS,
    XLS,
    docx,
    flate,
    ods,
    odt,
    paragraph,
    pdf,
    pdf_of,
    pptx,
    stream,
    xlsx,
    zipped,
)

GOOD = docx(paragraph("All is well"))


EXPECTED = {TextCode.DAMAGED, TextCode.UNSUPPORTED, TextCode.ENCRYPTED, TextCode.TOO_LARGE}
"""What is said of files that are wrong by chance."""

AT_ITS_LIMITS = {TextCode.TIMED_OUT, TextCode.OUT_OF_MEMORY, TextCode.CRASHED}
"""What a library may come to by a size that it believes."""


@pytest.fixture(autouse=True)
def _next_file_is_read_well(extract: Extract) -> Generator[None]:
    yield
    assert sections_of(extract(GOOD, "good.docx")) == [(None, "All is well")]


def blown(megabytes: int) -> bytes:
    """Raw deflate (RFC 1951) of that many megabytes of spaces, a thousandth of their size."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    part = b" " * 2**20
    return b"".join([*(packer.compress(part) for _ in range(megabytes)), packer.flush()])


def bomb(megabytes: int, *, stated: int | None = None) -> bytes:
    """A Word file whose document inflates to that much, and says ``stated`` of it."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("word/document.xml", "w") as member:
            member.write(b"<w:document>")
            for _ in range(megabytes):
                member.write(b" " * 2**20)
        if stated is not None:
            archive.infolist()[0].file_size = stated
    return made.getvalue()


def test_a_zip_bomb_is_known_before_it_is_inflated(extract: Extract) -> None:
    content = bomb(400)

    assert len(content) < 500_000
    assert error_code_of(lambda: extract(content, "a.docx")) is TextCode.TOO_LARGE


def test_a_zip_bomb_that_lies_about_its_size_gives_no_more_than_it_says(extract: Extract) -> None:
    assert error_code_of(lambda: extract(bomb(400, stated=100), "a.docx")) is TextCode.DAMAGED


def test_zips_in_zips_are_not_opened(extract: Extract) -> None:
    nested = bomb(50)
    for _ in range(20):
        nested = zipped({"inner.zip": nested})

    assert error_code_of(lambda: extract(nested, "all.zip")) is TextCode.UNSUPPORTED
    held = zipped({"word/document.xml": bomb(1), "word/media/all.zip": nested})
    assert error_code_of(lambda: extract(held, "a.docx")) is TextCode.DAMAGED


def test_an_entity_bomb_is_refused(extract: Extract) -> None:
    entities = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12)
    )
    document = f"<!DOCTYPE w [{entities}]><w>&a11;</w>"

    content = zipped({"word/document.xml": document})

    assert error_code_of(lambda: extract(content, "a.docx")) is TextCode.DAMAGED


def test_an_entity_bomb_in_a_workbook_ends_within_its_limits(extract: Extract) -> None:
    entities = '<!ENTITY a0 "ha">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12)
    )
    content = xlsx("", strings="<si><t>&a11;</t></si>")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["xl/sharedStrings.xml"] = (
        f"<!DOCTYPE sst [{entities}]>".encode() + members["xl/sharedStrings.xml"]
    )

    assert error_code_of(lambda: extract(zipped(members), "a.xlsx")) is TextCode.DAMAGED


def test_a_word_file_nested_a_hundred_thousand_deep_is_read(extract: Extract) -> None:
    depth = 100_000
    content = docx("<w:sdt>" * depth + paragraph("Deep") + "</w:sdt>" * depth)

    assert sections_of(extract(content, "a.docx")) == [(None, "Deep")]


@pytest.mark.parametrize(
    "bodies",
    [
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count 9 /Kids [2 0 R] >>"],
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"2 0 R"],
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            *(
                b"<< /Type /Pages /Count 1 /Parent %d 0 R /Kids [%d 0 R] >>" % (n - 1, n + 1)
                for n in range(2, 20_000)
            ),
        ],
        [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count 2147483647 /Kids [] >>"],
    ],
    ids=["kids-loop", "reference-loop", "deep-tree", "many-pages-said"],
)
def test_a_pdf_whose_pages_lead_nowhere_is_damaged(extract: Extract, bodies: list[bytes]) -> None:
    assert error_code_of(lambda: extract(pdf_of(bodies), "a.pdf")) is TextCode.DAMAGED


def test_a_pdf_page_that_draws_itself_ends(extract: Extract) -> None:
    form = b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 4 0 R >> >>"
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 5 0 R "
            b"/Resources << /XObject << /X 4 0 R >> >> >>"
        ),
        stream(b"/X Do /X Do", form),
        stream(b"/X Do"),
    ]

    found = text_or_code(lambda: extract(pdf_of(bodies), "a.pdf"))

    assert found in {TextCode.CRASHED, AttachmentText(kind=TextKind.PROSE, sections=())}


def test_a_pdf_that_inflates_without_end_stays_within_its_limits(extract: Extract) -> None:
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R >>",
        stream(b"\x78\xda" + blown(900), b"/Filter /FlateDecode"),
    ]

    found = text_or_code(lambda: extract(pdf_of(bodies), "a.pdf"))

    bounded = {TextCode.OUT_OF_MEMORY, TextCode.CRASHED, TextCode.TIMED_OUT}
    assert found in bounded or found == AttachmentText(kind=TextKind.PROSE, sections=())


def test_a_csv_of_ten_gigabytes_is_read_at_its_beginning(
    extractor: Extractor, limits: ExtractionLimits, tmp_path: Path
) -> None:
    path = tmp_path / "huge.csv"
    path.write_bytes(b"Plan,Says\n" + b"Team,too dear\n" * 10_000)
    os.truncate(path, 10 * 2**30)

    text = extractor.extract(path, mime_type="text/csv", filename=None, stop=threading.Event())

    assert text.truncated
    assert text.sections[0].text.startswith("Plan | Says\nPlan: Team | Says: too dear\n")
    assert sum(len(one.text) for one in text.sections) <= limits.max_characters


def test_nothing_but_zeros_is_no_text(extractor: Extractor, tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    path.touch()
    os.truncate(path, 10 * 2**30)

    def read() -> AttachmentText:
        return extractor.extract(path, mime_type="text/csv", filename=None, stop=threading.Event())

    assert error_code_of(read) is TextCode.DAMAGED


def test_a_pdf_larger_than_may_be_is_not_opened(
    extractor: Extractor, limits: ExtractionLimits, tmp_path: Path
) -> None:
    path = tmp_path / "huge.pdf"
    path.write_bytes(pdf(["Hello"]))
    os.truncate(path, limits.max_file_bytes + 1)

    def read() -> AttachmentText:
        return extractor.extract(path, mime_type="", filename="a.pdf", stop=threading.Event())

    assert error_code_of(read) is TextCode.TOO_LARGE


def test_a_sheet_that_says_it_has_billions_of_cells_is_read(extract: Extract) -> None:
    row = '<row r="1"><c r="A1" t="inlineStr"><is><t>one</t></is></c></row>'
    content = xlsx(row, head='<dimension ref="A1:XFD1048576"/>')

    assert sections_of(extract(content, "a.xlsx")) == [("sheet Prices", "one")]


def test_the_gaps_between_rows_and_cells_of_a_sheet_are_not_walked(extract: Extract) -> None:
    cell = '<c{} t="inlineStr"><is><t>{}</t></is></c>'
    rows = f'<row r="1">{cell.format("", "first")}</row>'
    rows += f'<row r="999999999">{cell.format("", "last")}</row>'
    wide = "".join(
        f"""<row r="{number}">{cell.format(f' r="XFD{number}"', number)}</row>"""
        for number in range(1, 20_001)
    )

    text = extract(xlsx(wide), "a.xlsx")

    assert sections_of(extract(xlsx(rows), "a.xlsx")) == [("sheet Prices", "first\nlast")]
    lines = "".join(one.text + "\n" for one in text.sections).splitlines()
    assert lines == [str(number) for number in range(1, 20_001)]


def test_what_a_sheet_repeats_is_not_walked(extract: Extract) -> None:
    cell = "<table:table-cell{}><text:p>{}</text:p></table:table-cell>"
    rows = f"<table:table-row>{cell.format('', 'first')}</table:table-row>"
    rows += '<table:table-row table:number-rows-repeated="999999999"><table:table-cell/>'
    rows += "</table:table-row>"
    wide = cell.format(' table:number-columns-repeated="999999999"', "last")
    rows += f'<table:table-row table:number-rows-repeated="9">{wide}</table:table-row>'

    found = sections_of(extract(ods(rows), "a.ods"))

    assert [line for line in found[0][1].splitlines() if line] == ["first", "last"]


def read_within_minutes(content: bytes, path: Path) -> AttachmentText:
    """Read a file with a time limit that is not reached before the test fails."""
    path.write_bytes(content)
    extractor, stop = Extractor(ExtractionLimits(seconds=3_600)), threading.Event()
    give_up = threading.Timer(200, stop.set)
    give_up.start()
    try:
        return extractor.extract(path, mime_type="", filename=path.name, stop=stop)
    finally:
        give_up.cancel()
        extractor.close()


def test_a_library_that_finds_no_text_is_stopped(tmp_path: Path) -> None:
    assert error_code_of(lambda: read_within_minutes(ENDLESS, tmp_path / "a.pdf")) is (
        TextCode.TIMED_OUT
    )


def test_the_text_before_endless_markup_is_kept(tmp_path: Path) -> None:
    document = docx(paragraph("All is well") + "<!-- -->")
    with zipfile.ZipFile(io.BytesIO(document)) as archive:
        before, after = archive.read("word/document.xml").split(b"<!-- -->")
    made = io.BytesIO()
    with (
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("word/document.xml", "w") as member,
    ):
        member.write(before)
        for _ in range(800):
            member.write(b"<a/>" * 2**18)
        member.write(after)

    text = read_within_minutes(made.getvalue(), tmp_path / "a.docx")

    assert sections_of(text) == [(None, "All is well")]
    assert text.truncated


def test_a_page_of_drawings_without_end_is_cut_off_by_the_clock(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(ENDLESS)
    extractor = Extractor(ExtractionLimits(seconds=2))

    def read() -> AttachmentText:
        return extractor.extract(path, mime_type="", filename="a.pdf", stop=threading.Event())

    assert error_code_of(read) is TextCode.TIMED_OUT
    path.write_bytes(GOOD)
    assert sections_of(read()) == [(None, "All is well")]
    extractor.close()


def test_a_sheet_longer_than_the_text_may_be_is_cut(
    extract: Extract, limits: ExtractionLimits
) -> None:
    row = '<row><c t="inlineStr"><is><t>hello</t></is></c></row>'

    text = extract(xlsx(row * 300_000), "a.xlsx")

    assert text.truncated
    assert 190_000 < sum(len(one.text) for one in text.sections) <= limits.max_characters


def test_a_bomb_of_shared_strings_runs_out_of_its_memory(extract: Extract) -> None:
    strings = f"<si><t>{'a' * 9_980}</t></si>" * 19_000

    content = xlsx('<row r="1"><c r="A1" t="s"><v>0</v></c></row>', strings=strings)

    assert error_code_of(lambda: extract(content, "a.xlsx")) is TextCode.OUT_OF_MEMORY


def test_half_a_million_nested_tags_are_read(extract: Extract) -> None:
    content = b"<html><body>" + b"<div>" * 500_000 + b"Deep"

    assert sections_of(extract(content, "a.html")) == [(None, "Deep")]


def test_mail_nested_ten_thousand_deep_is_damaged(extract: Extract) -> None:
    lines = ["Subject: nest"]
    for number in range(10_000):
        lines += [f'Content-Type: multipart/mixed; boundary="b{number}"', "", f"--b{number}"]

    assert error_code_of(lambda: extract("\n".join(lines).encode(), "a.eml")) is TextCode.DAMAGED


def test_mail_of_a_hundred_thousand_parts_is_cut(extract: Extract) -> None:
    mail = MIMEMultipart()
    mail["Subject"] = "many"
    content = mail.as_bytes().replace(b"\n--", b"\n\n--", 1)
    mark = b"--" + mail.get_boundary("").encode()
    content = content.split(mark)[0] + (mark + b"\n\nhi\n") * 100_000

    assert len(extract(content, "a.eml").sections) <= 20_000


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (pdf(["Hello"]), "a.pdf"),
        (GOOD, "a.docx"),
        (pptx([("Hello", "Notes")]), "a.pptx"),
        (xlsx('<row><c t="inlineStr"><is><t>hello</t></is></c></row>'), "a.xlsx"),
        (XLS, "a.xls"),
        (odt("<text:p>Hello</text:p>"), "a.odt"),
    ],
)
def test_a_file_cut_off_anywhere_ends_in_text_or_is_damaged(
    extract: Extract, content: bytes, name: str
) -> None:
    places = random.Random(name).sample(range(len(content)), 12)
    for place in (0, *places, len(content) - 1):
        found = text_or_code(lambda end=place: extract(content[:end], name))

        assert isinstance(found, AttachmentText) or found in EXPECTED | AT_ITS_LIMITS


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.html", "a.srt", "a.md"])
def test_an_empty_text_has_no_sections(extract: Extract, name: str) -> None:
    assert extract(b"", name).sections == ()


@pytest.mark.parametrize("name", ["a.pdf", "a.docx", "a.pptx", "a.xlsx", "a.xls", "a.eml"])
def test_an_empty_file_of_another_kind_is_damaged(extract: Extract, name: str) -> None:
    assert error_code_of(lambda: extract(b"", name)) is TextCode.DAMAGED


def test_encrypted_files_are_told(extract: Extract) -> None:
    locked = pdf(
        ["Hello"],
        tail=b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >> /ID [<00> <00>]"
        % (b"11" * 32, b"22" * 32),
    )
    office = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    office += "EncryptedPackage".encode("utf-16-le") + bytes(512)

    assert error_code_of(lambda: extract(locked, "a.pdf")) is TextCode.ENCRYPTED
    assert error_code_of(lambda: extract(office, "a.docx")) is TextCode.ENCRYPTED


NAMES = ("pdf", "docx", "pptx", "xlsx", "xls", "ods", "csv", "html", "rtf", "eml", "vtt", "txt")
HEADS = (b"", b"%PDF-1.7\n", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"{\\rtf1 ", XLS)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(HEADS), st.binary(max_size=2_000), st.sampled_from(NAMES))
def test_any_bytes_of_any_name_end_in_text_or_in_an_error_of_ours(
    extract: Extract, head: bytes, content: bytes, suffix: str
) -> None:
    data, name = head + content, f"a.{suffix}"
    found = text_or_code(lambda: extract(data, name))

    if detect_format(io.BytesIO(data), "", name) is FileFormat.RECORDING:
        assert found is TextCode.EXTRA_MISSING
    else:
        assert isinstance(found, AttachmentText) or found in EXPECTED | AT_ITS_LIMITS


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from([pdf(["Hello"]), XLS, xlsx("<row/>"), GOOD]), st.randoms())
def test_a_file_with_some_bytes_changed_ends_in_text_or_in_an_error_of_ours(
    extract: Extract, content: bytes, chance: random.Random
) -> None:
    changed = bytearray(content)
    for _ in range(5):
        changed[chance.randrange(len(changed))] = chance.randrange(256)

    found = text_or_code(lambda: extract(bytes(changed), "a.pdf"))

    assert isinstance(found, AttachmentText) or found in EXPECTED | AT_ITS_LIMITS


def test_flate_of_a_right_page_is_read(extract: Extract) -> None:
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R /Resources "
            b"<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>"
        ),
        flate(b"BT /F1 12 Tf 50 700 Td (Packed) Tj ET"),
    ]

    assert sections_of(extract(pdf_of(bodies), "a.pdf")) == [("page 1", "Packed")]
