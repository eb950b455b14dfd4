"""Files of every format as tests need them, made by hand so that they can be made wrong."""

import base64
import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
X = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


def pdf(pages: Sequence[str], *, tail: bytes = b"") -> bytes:
    """A PDF with a line of text a page."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, text in enumerate(pages):
        drawn = f"BT /F1 12 Tf 50 700 Td ({text}) Tj ET".encode("latin-1")
        bodies.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] "
            b"/Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % (5 + 2 * number)
        )
        bodies.append(stream(drawn))
    return pdf_of(bodies, tail=tail)


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), entries, content)


def flate(content: bytes) -> bytes:
    return stream(zlib.compress(content, 9), b"/Filter /FlateDecode")


def pdf_of(bodies: Sequence[bytes], *, tail: bytes = b"") -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalog."""
    made = bytearray(b"%PDF-1.7\n")
    places: list[int] = []
    for number, body in enumerate(bodies, start=1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n" % (len(bodies) + 1)
    made += b"".join(b"%010d 00000 n \n" % place for place in places)
    made += b"trailer\n<< /Size %d /Root 1 0 R %s >>\n" % (len(bodies) + 1, tail)
    return bytes(made) + b"startxref\n%d\n%%%%EOF\n" % start


def docx(body: str, **parts: str) -> bytes:
    """A Word file; ``body`` is XML inside ``w:body``, ``parts`` are further ones of its folder."""
    document = f"<w:document {W}><w:body>{body}</w:body></w:document>"
    return zipped(
        {"[Content_Types].xml": "<Types/>", "word/document.xml": document}
        | {f"word/{name}.xml": text for name, text in parts.items()}
    )


def paragraph(text: str) -> str:
    return f"<w:p><w:r><w:t>{escape(text)}</w:t></w:r></w:p>"


def pptx(slides: Sequence[tuple[str, str | None]]) -> bytes:
    """A presentation of slides with their notes; the files' numbers run against the order."""
    members: dict[str, str | bytes] = {}
    listed = related = ""
    for place, (text, notes) in enumerate(slides):
        number = len(slides) - place
        listed += f'<p:sldId id="{256 + place}" r:id="rId{place}"/>'
        related += (
            f'<Relationship Id="rId{place}" Type="{OFFICE}/slide" '
            f'Target="slides/slide{number}.xml"/>'
        )
        members[f"ppt/slides/slide{number}.xml"] = _drawn(text)
        if notes is not None:
            members[f"ppt/notesSlides/notesSlide{number}.xml"] = _drawn(notes)
            members[f"ppt/slides/_rels/slide{number}.xml.rels"] = _relations(
                f'<Relationship Id="rId1" Type="{OFFICE}/notesSlide" '
                f'Target="../notesSlides/notesSlide{number}.xml"/>'
            )
    members["ppt/presentation.xml"] = (
        f'<p:presentation xmlns:p="urn:p" {R}><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>'
    )
    members["ppt/_rels/presentation.xml.rels"] = _relations(related)
    return zipped(members)


def _drawn(text: str) -> str:
    return f'<p:sld xmlns:p="urn:p" {A}><a:p><a:r><a:t>{escape(text)}</a:t></a:r></a:p></p:sld>'


def _relations(inside: str) -> str:
    return f'<Relationships xmlns="{RELATIONS}">{inside}</Relationships>'


def xlsx(rows: str, *, strings: str = "", head: str = "") -> bytes:
    """A workbook of one sheet, "Prices"; ``rows`` is XML inside ``sheetData``."""
    main = "application/vnd.openxmlformats-officedocument.spreadsheetml."
    sheet, shared = "worksheets/sheet1.xml", "sharedStrings.xml"
    return zipped(
        {
            "[Content_Types].xml": (
                '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
                f'<Override PartName="/xl/workbook.xml" ContentType="{main}sheet.main+xml"/>'
                f'<Override PartName="/xl/{sheet}" ContentType="{main}worksheet+xml"/>'
                f'<Override PartName="/xl/{shared}" ContentType="{main}sharedStrings+xml"/>'
                "</Types>"
            ),
            "_rels/.rels": _relations(
                f'<Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
            ),
            "xl/workbook.xml": (
                f'<workbook {X} {R}><sheets><sheet name="Prices" sheetId="1" r:id="rId1"/></sheets>'
                "</workbook>"
            ),
            "xl/_rels/workbook.xml.rels": _relations(
                f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="{sheet}"/>'
                f'<Relationship Id="rId2" Type="{OFFICE}/sharedStrings" Target="{shared}"/>'
            ),
            "xl/sharedStrings.xml": f"<sst {X}>{strings}</sst>",
            "xl/worksheets/sheet1.xml": (
                f"<worksheet {X}>{head}<sheetData>{rows}</sheetData></worksheet>"
            ),
        }
    )


def ods(rows: str) -> bytes:
    """An OpenDocument spreadsheet of one sheet, "Prices"; ``rows`` is XML inside the table."""
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "content.xml": (
                f"<office:document-content {spaces}><office:body><office:spreadsheet>"
                f'<table:table table:name="Prices">{rows}</table:table>'
                "</office:spreadsheet></office:body></office:document-content>"
            ),
        }
    )


def odt(body: str) -> bytes:
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "text")
    )
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": (
                f"<office:document-content {spaces}><office:body><office:text>{body}"
                "</office:text></office:body></office:document-content>"
            ),
        }
    )


def repeated_drawing(times: int) -> bytes:
    """A PDF page that draws the same thing, ten million spaces of its language, so many times."""
    return pdf_of(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            (
                b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] /Contents 4 0 R "
                b"/Resources << /XObject << /X 5 0 R >> >> >>"
            ),
            flate(b"/X Do " * times),
            stream(
                zlib.compress(b" " * 10_000_000, 9),
                b"/Filter /FlateDecode /Type /XObject /Subtype /Form /BBox [0 0 9 9]",
            ),
        ]
    )


ENDLESS = repeated_drawing(1_000_000)
"""A PDF of less than 20 KB on which PDFium works for hours, in one call and without more memory."""

XLS = zlib.decompress(
    base64.b64decode(
        """
eNrtWE1oE0EU/maaf9v81LTQCiUUrLY2B/XipV2Vak8p0Qr+UNA03UNoTCR60YNWa46C4EnxUqgHL1Uv/lAFvXkQ
WvQgCEKiR0+Cgoc265uX3TatFRrQQnW+Zd68eW++nbfzu7vzc5HS1KP2MlahHw2oWH54amyCkt8phEF+y1Kqk/so
WRqbCn4fDaTHjdmmN141hmq8y5B46HpFEvhEaQTnMJTPmbENxEGOISVUDH0kBe6SJYg2jqqZZZrlVpYPuOZzlvvZ
coNlH9UtiVOYM4Z69tmz+ITsZF8Q6r5PmPOBLbvRgtdqFl+5Kap13ThQyKSym8zR4WrENGhAB82cWVDlEO4hAJwk
xBOJ+MBACVEa7Gl8t2LAN2dVv4xp+8baBcj+Y6Xd+xu7jwZxtf2WdAETsM7wIinSpG51VRdyspBJm+cXEKdZAU7k
SGZTOVLZR/lwJpc2yXzMTJ2lbDifzQfULs+7QnjFrtDEq6WR5BhCrEd4zYQprIX7X98mRpPGabZM8ElQPS+2q/Bg
4apiEDnInoYl2cOMXSyv8V23sd7OMkphU96VbLGVw5Nc5zp7u6idvYx3xo4afSfpxS9HnnYUPxvdpM8Mli9FZ94b
U+ik82uM+OqaRK/oFXduKzwznFzYe8tHlm2/7DM+GbZjt+xDMYRFtbIIEZbVkuodsVSSdl8ptliDLZit+uMFtS+Y
vYf3ucC8JKbiyTV4knmqhy/LgD0ms1vILT2Q3Gq/bMZjVY12xWUEoKGhoaGhoaGh8X9C8Ntp9V3cZX8mqLd9r/1f
Z5FSRf8m+WdxFHm6LtBH5SHkKC/gYl3zpxVu4dxLrJPj/C9UOE6tFzCOUY5jvO75S19rovZ51k0M/7klVG/7lXri
/Mvt/wTED9aS
"""
    )
)
"""A workbook of Excel 97 with one sheet, "Prices", of three rows."""
