"""Every format gives its words, and where in the file they stand."""

import codecs
import importlib.util
import io
from email.message import EmailMessage

import openpyxl
import pytest

from everlake.attachments.extraction import ExtractionLimits, TextCode, TextError, TextKind
from tests.support.extraction import Extract, sections_of
from tests.support.sample_files import (
    XLS,
    docx,
    ods,
    odt,
    paragraph,
    pdf,
    pptx,
    xlsx,
    zipped,
)


@pytest.fixture(scope="module")
def limits() -> ExtractionLimits:
    return ExtractionLimits()


def test_a_pdf_gives_its_pages(extract: Extract) -> None:
    assert sections_of(extract(pdf(["The price is too high", "", "Good bye"]), "offer.pdf")) == [
        ("page 1", "The price is too high"),
        ("page 3", "Good bye"),
    ]


def test_a_pdf_without_any_text_has_no_sections(extract: Extract) -> None:
    assert extract(pdf([""]), "scan.pdf").sections == ()


def test_word_gives_paragraphs_tables_notes_and_comments(extract: Extract) -> None:
    row = "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in ("Team", "12 euros"))
    body = paragraph("Plans & prices") + f"<w:tbl><w:tr>{row}</w:tr></w:tbl>" + paragraph("End")
    space = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    comments = f"<w:comments {space}>{paragraph('Ask Ana')}</w:comments>"

    assert sections_of(extract(docx(body, comments=comments), "plans.docx")) == [
        (None, "Plans & prices\nTeam | 12 euros\nEnd"),
        ("comments", "Ask Ana"),
    ]


def test_word_leaves_out_what_was_deleted_and_what_is_said_twice(extract: Extract) -> None:
    body = (
        "<w:p><w:r><w:delText>gone</w:delText></w:r><w:r><w:t>kept</w:t><w:tab/><w:t>on</w:t></w:r>"
        '</w:p><mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/'
        f'markup-compatibility/2006"><mc:Choice>{paragraph("box")}</mc:Choice>'
        f"<mc:Fallback>{paragraph('box')}</mc:Fallback></mc:AlternateContent>"
    )

    assert sections_of(extract(docx(body), "a.docx")) == [(None, "kept\ton\nbox")]


def test_slides_come_in_their_order_with_their_notes(extract: Extract) -> None:
    content = pptx([("First", "Say hello"), ("Second", None)])

    assert sections_of(extract(content, "talk.pptx")) == [
        ("slide 1", "First"),
        ("slide 1", "Say hello"),
        ("slide 2", "Second"),
    ]


def test_a_sheet_gives_a_line_a_row_with_the_headers_names(extract: Extract) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Prices"
    for row in (["Plan", "Price", "Since"], ["Team", 12.0, None], ["Solo", 7.5, "May\nthen"]):
        sheet.append(row)
    made = io.BytesIO()
    book.save(made)

    assert sections_of(extract(made.getvalue(), "prices.xlsx")) == [
        (
            "sheet Prices",
            (
                "Plan | Price | Since\n"
                "Plan: Team | Price: 12\n"
                "Plan: Solo | Price: 7.5 | Since: May then"
            ),
        )
    ]


def test_a_sheet_of_old_excel_is_read(extract: Extract) -> None:
    assert sections_of(extract(XLS, "prices.xls")) == [
        (
            "sheet Prices",
            (
                "Plan | Price | Since\n"
                "Plan: Team | Price: 12 | Since: 2026-03-01\n"
                "Plan: Solo | Price: 7.5"
            ),
        )
    ]


def test_a_lone_cell_far_out_costs_nothing(extract: Extract) -> None:
    cell = '<c r="{}" t="inlineStr"><is><t>{}</t></is></c>'
    rows = f'<row r="1">{cell.format("A1", "near")}</row>'
    rows += f'<row r="1048576">{cell.format("XFD1048576", "far")}</row>'

    assert sections_of(extract(xlsx(rows), "stray.xlsx")) == [("sheet Prices", "near\nfar")]


def test_an_open_document_sheet_and_text_are_read(extract: Extract) -> None:
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    row = f"<table:table-row>{cell.format('Team')}{cell.format('cheap')}</table:table-row>"

    assert sections_of(extract(ods(row), "prices.ods")) == [("sheet Prices", "Team | cheap")]
    assert sections_of(extract(odt("<text:h>Head</text:h><text:p>Body</text:p>"), "a.odt")) == [
        (None, "Head\nBody")
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_csv_is_read_with_whatever_parts_its_cells(extract: Extract, separator: str) -> None:
    content = f'Plan{separator}Says\nTeam{separator}"too{separator} dear\nfor us"\n'.encode()

    assert sections_of(extract(content, "answers.csv")) == [
        (
            None,
            f"Plan | Says\nPlan: Team | Says: too{separator.strip()} dear for us",
        )
    ]


def test_csv_without_a_header_gets_no_names(extract: Extract) -> None:
    assert sections_of(extract(b"1,Ana\n2,Ben\n", "a.csv")) == [(None, "1 | Ana\n2 | Ben")]


@pytest.mark.parametrize(
    "encoded",
    [
        "Größe: 5 €\r\nzu teuer ".encode(),
        codecs.BOM_UTF8 + "Größe: 5 €\nzu teuer".encode(),
        codecs.BOM_UTF16_LE + "Größe: 5 €\nzu teuer".encode("utf-16-le"),
        codecs.BOM_UTF16_BE + "Größe: 5 €\nzu teuer".encode("utf-16-be"),
        "Größe: 5 €\nzu teuer".encode("utf-16-le"),
        "Größe: 5 €\nzu teuer".encode("cp1252"),
    ],
)
def test_plain_text_is_read_in_its_encoding(extract: Extract, encoded: bytes) -> None:
    assert sections_of(extract(encoded, "a.txt")) == [(None, "Größe: 5 €\nzu teuer")]


def test_text_of_another_script_is_read_in_its_encoding(extract: Extract) -> None:
    said = "Приложение слишком дорогое, мы подумаем ещё и напишем вам позже."

    assert sections_of(extract(said.encode("cp1251"), "a.txt")) == [(None, said)]


def test_control_characters_and_trailing_space_are_left_out(extract: Extract) -> None:
    content = "a\0\x07b  \t\r\nc\x0cd\n\n\n\ne\ufeff".encode()

    assert sections_of(extract(content[3:], "a.md")) == [(None, "b\nc\nd\n\ne")]


def test_html_gives_what_its_reader_sees(extract: Extract) -> None:
    page = "<html><head><meta charset=cp1252><title>t</title></head><body><p>Caf\xe9<br>zu</body>"

    assert sections_of(extract(page.encode("cp1252"), "a.html")) == [(None, "Café\nzu")]


def test_rich_text_is_read(extract: Extract) -> None:
    assert sections_of(extract(rb"{\rtf1\ansi Caf\'e9 \b is\b0  open\par Now}", "a.rtf")) == [
        (None, "Café is open\nNow")
    ]


def test_email_gives_headers_its_text_and_the_names_of_what_is_attached(extract: Extract) -> None:
    mail = EmailMessage()
    mail["Subject"] = "Größe der Rechnung"
    mail["From"] = "Ana <ana@example.com>"
    mail["To"] = "help@example.com"
    mail["Date"] = "Mon, 02 Mar 2026 10:00:00 +0000"
    mail["X-Spam"] = "no"
    mail.set_content("Too dear.\n")
    mail.add_alternative("<p>Too dear in HTML.</p>", subtype="html")
    mail.add_attachment(b"secret words", maintype="text", subtype="plain", filename="Größe.txt")

    assert sections_of(extract(mail.as_bytes(), "a.eml")) == [
        (
            None,
            (
                "Subject: Größe der Rechnung\nFrom: Ana <ana@example.com>\nTo: help@example.com\n"
                "Date: Mon, 02 Mar 2026 10:00:00 +0000\nAttached: Größe.txt\n\nToo dear."
            ),
        ),
    ]


def test_email_in_html_alone_and_forwarded_mail_are_read(extract: Extract) -> None:
    inner = EmailMessage()
    inner["Subject"] = "Inner"
    inner.set_content("<p>Deep</p>", subtype="html")
    mail = EmailMessage()
    mail["Subject"] = "Outer"
    mail.set_content("See below")
    mail.make_mixed()
    mail.attach(_forwarded(inner))

    assert sections_of(extract(mail.as_bytes(), "a.eml")) == [
        (None, "Subject: Outer\n\nSee below"),
        (None, "Subject: Inner\n\nDeep"),
    ]


def _forwarded(inner: EmailMessage) -> EmailMessage:
    part = EmailMessage()
    part.set_content(inner)
    del part["Content-Disposition"]
    return part


@pytest.mark.parametrize("blank", ["", " \n\xa0\n", "\u200b"])
def test_a_blank_plain_part_gives_way_to_html(extract: Extract, blank: str) -> None:
    mail = EmailMessage()
    mail["Subject"] = "Refund"
    mail.set_content(blank)
    mail.add_alternative("<p>Please refund it.</p>", subtype="html")

    assert sections_of(extract(mail.as_bytes(), "a.eml")) == [
        (None, "Subject: Refund\n\nPlease refund it.")
    ]


def test_the_history_of_an_html_mail_is_quoted(extract: Extract) -> None:
    mail = EmailMessage()
    mail["Subject"] = "Re: Refund"
    mail.set_content('<p>Done.</p><div class="yahoo_quoted">Please</div>', subtype="html")

    assert sections_of(extract(mail.as_bytes(), "a.eml")) == [
        (None, "Subject: Re: Refund\n\nDone.\n\n> Please")
    ]


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("iso-2022-jp", "iso2022_jp"),
        ("ISO-2022-KR", "iso2022_kr"),
        ("hz-gb-2312", "hz"),
        ("utf-7", "utf-7"),
        ("ks_c_5601-1987", "cp949"),
        ("gb2312", "gb18030"),
    ],
)
def test_a_mail_is_read_in_its_stated_charset(extract: Extract, charset: str, codec: str) -> None:
    said = "한국어" if "kr" in codec or codec == "cp949" else "日本"
    mail = (
        f"Subject: x\nContent-Type: text/plain; charset={charset}\n"
        "Content-Transfer-Encoding: 8bit\n\n"
    ).encode() + said.encode(codec)

    assert sections_of(extract(mail, "a.eml")) == [(None, f"Subject: x\n\n{said}")]


def test_headers_may_be_raw_utf_8(extract: Extract) -> None:
    mail = "From: Müller <m@example.com>\nSubject: Größe 返金\n\nText\n".encode()

    assert sections_of(extract(mail, "a.eml")) == [
        (None, "Subject: Größe 返金\nFrom: Müller <m@example.com>\n\nText")
    ]


@pytest.mark.parametrize(
    "above",
    [
        b"\n",
        b"\r\n\r\n",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf\n",
        b"From ada@example.com Tue Mar  3 10:11:00 2026\n",
        b"\nFrom - Tue Mar  3 10:11:00 2026\n",
        b"173\n",
    ],
)
def test_what_is_above_the_headers_is_passed_over(extract: Extract, above: bytes) -> None:
    mail = above + b"From: ada@example.com\nSubject: Refund\n\nPlease."

    assert sections_of(extract(mail, "a.eml")) == [
        (None, "Subject: Refund\nFrom: ada@example.com\n\nPlease.")
    ]


def test_a_line_above_the_headers_is_kept_with_them(extract: Extract) -> None:
    text = extract(b"saved by script\nFrom: ada@example.com\n\nPlease.", "a.eml")

    assert sections_of(text) == [(None, "From: ada@example.com\nsaved by script\n\nPlease.")]


def test_a_mail_in_utf_16_is_read(extract: Extract) -> None:
    mail = "From: ada@example.com\n\nGrüße".encode("utf-16")

    assert sections_of(extract(mail, "a.eml")) == [(None, "From: ada@example.com\n\nGrüße")]


def test_a_mail_file_without_headers_is_plain_text(extract: Extract) -> None:
    text = extract(b"Please refund it.\nThank you: Ada", "a.eml")

    assert text.kind is TextKind.PROSE
    assert sections_of(text) == [(None, "Please refund it.\nThank you: Ada")]


def test_a_mailbox_is_read_message_by_message(extract: Extract) -> None:
    mailbox = (
        b"From ada@example.com Tue Mar  3 10:11:00 2026\nFrom: ada@example.com\nSubject: One\n\n"
        b"Please.\n>From here on.\nFrom my side.\n\n"
        b"From bo@example.com Tue Mar  3 10:12:00 2026\nFrom: bo@example.com\nSubject: Two\n\nDone."
    )

    text = extract(mailbox, "a.mbox")

    assert text.kind is TextKind.MAIL
    assert sections_of(text) == [
        (
            None,
            "Subject: One\nFrom: ada@example.com\n\nPlease.\nFrom here on.\nFrom my side.",
        ),
        (None, "Subject: Two\nFrom: bo@example.com\n\nDone."),
    ]


@pytest.mark.parametrize("name", ["a.msg", "a.oft", "a.eml"])
def test_an_outlook_message_is_refused_with_advice(extract: Extract, name: str) -> None:
    with pytest.raises(TextError, match=r"save it as \.eml") as caught:
        extract(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), name)
    assert caught.value.code is TextCode.UNSUPPORTED


@pytest.mark.parametrize("name", ["a.vtt", "a.srt"])
def test_captions_stay_as_they_are(extract: Extract, name: str) -> None:
    mark = "WEBVTT\n\n" if name.endswith("vtt") else "1\n"
    said = f"{mark}00:00:01.000 --> 00:00:02.000\n<v Ana>Too dear"

    text = extract(said.encode(), name)

    assert text.kind is TextKind.CAPTIONS
    assert sections_of(text) == [(None, said)]


def test_writing_in_a_picture_is_read(extract: Extract) -> None:
    from PIL import Image, ImageDraw, ImageFont  # noqa: PLC0415

    picture = Image.new("RGB", (700, 120), "white")
    font = ImageFont.load_default(40)
    ImageDraw.Draw(picture).text((20, 30), "Refund in 14 days", fill="black", font=font)
    made = io.BytesIO()
    picture.save(made, "PNG")

    assert sections_of(extract(made.getvalue(), "shot.png")) == [(None, "Refund in 14 days")]


def test_without_the_extra_a_picture_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from everlake.attachments.extraction.ipc import ExtractionTask  # noqa: PLC0415
    from everlake.attachments.extraction.readers import image  # noqa: PLC0415
    from everlake.attachments.extraction.text_builder import TextBuilder  # noqa: PLC0415

    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    task = ExtractionTask(mime_type="image/png", filename=None, limits=ExtractionLimits())

    with pytest.raises(TextError, match=r"extra ocr") as caught:
        image.read(io.BytesIO(), TextBuilder(1), task)

    assert caught.value.code is TextCode.EXTRA_MISSING


@pytest.mark.parametrize(
    ("content", "name", "told"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old.doc", r"\.docx"),
        (zipped({"a.txt": "x"}), "all.zip", "save it as PDF"),
        (b"\x7fELF\x02", "program", "save it as PDF"),
    ],
)
def test_what_is_not_read_is_told_with_what_to_do(
    extract: Extract, content: bytes, name: str, told: str
) -> None:
    with pytest.raises(TextError, match=told) as caught:
        extract(content, name)

    assert caught.value.code is TextCode.UNSUPPORTED
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (pdf(["Hello"]), "a.docx"),
        (docx(paragraph("Hello")), "a.pdf"),
        (docx(paragraph("Hello")), "a"),
    ],
)
def test_a_file_is_read_as_what_it_is_and_not_as_what_its_name_says(
    extract: Extract, content: bytes, name: str
) -> None:
    assert [one.text for one in extract(content, name).sections] == ["Hello"]


def test_a_file_of_unknown_name_is_read_by_its_type(extract: Extract) -> None:
    assert sections_of(extract(b"a,b\n", None, "text/csv; charset=utf-8")) == [(None, "a | b")]
