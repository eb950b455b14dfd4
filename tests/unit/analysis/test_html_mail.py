"""History in HTML mail, as the mail programs mark it."""

import json

import pytest

from everlake.analysis import extract_utterances
from everlake.mail_markup import mark_history
from everlake.markup import html_to_text

OWN = "On it! Two lines"
MAILS = {
    "gmail": (
        '<div dir="ltr">On it! Two lines</div><br><div class="gmail_quote gmail_q'
        'uote_container"><div dir="ltr" class="gmail_attr">Ar Mai 3 Maw 2026 am 1'
        '0:11 ysgrifennodd Oskar:<br></div><blockquote class="gmail_quote" style='
        '"margin:0 0 0 .8ex;border-left:1px solid #ccc"><p>Please send the log.</'
        "p></blockquote></div>"
    ),
    "gmail_inline": (
        '<div dir="ltr">On it!<div class="gmail_quote"><div class="gmail_attr">On'
        ' Tue, Mar 3, 2026 at 10:11 AM Oskar &lt;<a href="mailto:o@u.example">o@u'
        '.example</a>&gt; wrote:<br></div><blockquote class="gmail_quote"><p>Plea'
        'se send the log.</p></blockquote><div>Two lines</div><blockquote class="'
        'gmail_quote"><p>Please send the log.</p></blockquote></div></div>'
    ),
    "gmail_fwd": (
        '<div dir="ltr">On it! Two lines<br><div class="gmail_quote"><div class="'
        'gmail_attr">---------- Neges ymlaen ---------<br>Oddi wrth: Oskar<br></d'
        "iv><br><p>Please send the log.</p><div>more</div></div></div>"
    ),
    "gmail_sig": (
        '<div dir="ltr">On it! Two lines<div><div class="gmail_signature" data-sm'
        'artmail="gmail_signature"><div>Please Mira<br>CEO</div></div></div></div'
        ">"
    ),
    "outlook": (
        '<html><body><div class="elementToProof">On it! Two lines</div><div id="a'
        'ppendonsend"></div><hr tabindex="-1" style="display:inline-block;width:9'
        '8%"><div id="divRplyFwdMsg" dir="ltr"><font><b>Frá:</b> Oskar &lt;o@u.ex'
        "ample&gt;<br><b>Sent kl:</b> 3.3.2026<br><b>Efni:</b> Export</font><div>"
        "&nbsp;</div></div><div><p>Please send the log.</p></div></body></html>"
    ),
    "outlook_desktop": (
        '<div class="WordSection1"><p class="MsoNormal">On it! Two lines</p><div>'
        '<div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in'
        ' 0in 0in"><p class="MsoNormal"><b>Frá:</b> Oskar<br></p></div></div><p c'
        'lass="MsoNormal">Please x</p></div>'
    ),
    "outlook_x": (
        '<div>On it! Two lines</div><div id="x_divRplyFwdMsg">Please</div><div>Please</div>'
    ),
    "apple": (
        '<html><body>On it! Two lines<br><div><br><blockquote type="cite"><div>On'
        " 3 Mar 2026, at 10:11, Oskar &lt;o@u.example&gt; wrote:</div><br><div><p"
        ">Please send the log.</p></div></blockquote></div><br></body></html>"
    ),
    "apple_out": (
        "<div>On it! Two lines</div><div><div>On 3 Mar 2026, at 10:11, Oskar &lt;"
        'o@u.example&gt; wrote:</div><blockquote type="cite"><p>Please send the l'
        "og.</p></blockquote></div>"
    ),
    "yahoo": (
        '<div class="ydp1a2b3c4dyahoo-style-wrap"><div>On it! Two lines</div></di'
        'v><div id="ydp5e6f7a8byahoo_quoted_1234567890" class="ydp5e6f7a8byahoo_q'
        'uoted"><div><div>Þann 3. mars Oskar:</div><div><p>Please send the log.</'
        "p></div></div></div>"
    ),
    "mailru": (
        '<html><body><div>On it! Two lines</div><br><blockquote style="border-lef'
        't:1px solid #0857A6;margin:10px;padding:0 0 0 10px">Вторник, 3 марта 202'
        "6, 10:11 +03:00 от Оскар &lt;o@u.example&gt;:<br><div><p>Please send the"
        " log.</p></div></blockquote></body></html>"
    ),
    "mailru2": (
        "<div>On it! Two lines</div><div>Вторник, 3 марта 2026, 10:11 +03:00 от О"
        'скар &lt;<a href="mailto:o@u.example">o@u.example</a>&gt;:</div><blockqu'
        "ote><p>Please send the log.</p></blockquote>"
    ),
    "yandex": (
        '<div>On it! Two lines</div><div>&nbsp;</div><div>03.03.2026, 10:11, "Оск'
        'ар" &lt;o@u.example&gt;:</div><blockquote><p>Please</p></blockquote>'
    ),
    "yandex2": (
        "<div>On it! Two lines</div><div>----------------</div><div>Кому: Мира (m"
        '@u.example);</div><div>Тема: Экспорт;</div><div>03.03.2026, 10:11, "Оска'
        'р" &lt;o@u.example&gt;:</div><blockquote><div><p>Please send the log.</p'
        "></div></blockquote>"
    ),
    "zoho": (
        '<div>On it! Two lines</div><div class="zmail_extra_hr" style="border-top'
        ':1px solid"></div><div class="zmail_extra" data-zbluepencil-ignore="true'
        '"><div>---- On Tue, 03 Mar 2026 10:11:00 +0100 <b>Oskar &lt;o@u.example&'
        'gt;</b> wrote ----</div><blockquote id="blockquote_zmail"><p>Please send'
        " the log.</p></blockquote></div>"
    ),
    "thunderbird": (
        '<p>On it! Two lines</p><div class="moz-cite-prefix">3.3.2026 10:11(e)an,'
        ' Oskar igorleak idatzi zuen:<br></div><blockquote type="cite" cite="mid:'
        'abc@x"><p>Please send the log.</p></blockquote><p></p><pre class="moz-si'
        'gnature" cols="72">-- \nPlease Mira</pre>'
    ),
    "proton": (
        '<div style="font-family:Arial">On it! Two lines</div><div class="protonm'
        'ail_signature_block"><div class="protonmail_signature_block-proton">Sent'
        ' with Proton Mail. Please</div></div><div class="protonmail_quote">On Tu'
        "esday, March 3rd, 2026 at 10:11 AM, Oskar &lt;o@u.example&gt; wrote:<br>"
        '<blockquote class="protonmail_quote" type="cite"><p>Please send the log.'
        "</p></blockquote><br></div>"
    ),
    "gmx": (
        '<div>On it! Two lines</div><div name="quote" style="margin:10px"><div><b'
        '>Gesendet:</b> Dienstag<br><b>Von:</b> O</div><div name="quoted-content"'
        "><p>Please send the log.</p></div></div>"
    ),
    "qq": (
        '<div>On it! Two lines</div><div><br></div><div style="font-size:12px">--'
        '----------------&nbsp;原始邮件&nbsp;------------------</div><div style="back'
        'ground:#efefef"><div><b>发件人:</b>&nbsp;"Oskar"&lt;o@u.example&gt;;</div><'
        "div><b>发送时间:</b>&nbsp;2026年3月3日</div></div><div><p>Please send the log.<"
        "/p></div>"
    ),
    "samsung": (
        '<div>On it! Two lines</div><div id="composer_signature"><div>Sent from m'
        "y Galaxy</div></div><div>-------- Original message --------</div><div>Fr"
        "om: O</div><div><p>Please send the log.</p></div>"
    ),
    "roundcube": (
        '<p>On it! Two lines</p><p id="reply-intro">On 2026-03-03 10:11, Oskar wr'
        'ote:</p><blockquote type="cite" style="padding: 0 0.4em; border-left: #1'
        '010ff 2px solid"><p>Please send the log.</p></blockquote>'
    ),
}


def said(record_type: str, html: str) -> tuple[str, str]:
    """The words with a speaker and the words without."""
    data = {"from": "Mira Vogel", "body": html}
    utterances = extract_utterances(record_type, json.dumps(data).encode())
    own = " ".join(each.text for each in utterances if each.speaker)
    return " ".join(own.split()), " ".join(each.text for each in utterances if not each.speaker)


@pytest.mark.parametrize("name", MAILS)
@pytest.mark.parametrize("record_type", ["email", "support_ticket"])
def test_the_history_of_an_html_mail_is_nobodys(record_type: str, name: str) -> None:
    own, others = said(record_type, MAILS[name])
    assert own == OWN
    assert "Please" in others


def test_a_paragraph_that_the_sender_indented_is_the_senders() -> None:
    html = (
        '<div>On it!</div><blockquote style="margin:0 0 0 40px;border:none;padding:0px">'
        "<div>Two lines</div></blockquote>"
    )
    assert said("email", html) == (OWN, "")


@pytest.mark.parametrize(
    "html",
    [
        "<p>Use it if 5 &gt; 3</p><p>ok</p>",
        '<div id="signature-pad">Sign here</div><div class="quotes">ok</div>',
        '<div style="border-top:1px solid red">one</div><div>two</div>',
        "</blockquote></div><div>one</div><br>two",
    ],
)
def test_html_without_history_is_the_senders(html: str) -> None:
    assert said("email", html) == (" ".join(html_to_text(html).split()), "")
    assert not mark_history(html).has_history


def test_words_after_a_quotation_are_the_senders() -> None:
    html = '<div class="yahoo_quoted"><p>old <b>words</b></div><div>new words</div>'
    assert said("email", html) == ("new words", "> old words")


def test_header_blocks_of_a_mail_are_no_dialogue() -> None:
    block = "From: Oskar <o@u.example>\nSent: Monday\nTo: Mira\nSubject: Export\n\nold"
    assert said("email", f"New words.\n\n{block}\n\n{block}\n\n{block}")[0] == "New words."
