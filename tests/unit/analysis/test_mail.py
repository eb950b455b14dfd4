"""What the sender of a mail wrote, apart from history, copied headers and signatures."""

import pytest

from everlake.analysis.mail import split_quotes

ATTRIBUTIONS = [
    "2026-03-03 10:11 GMT+03:00 Oskar <\noskar@us.example>:",
    "On 3 March 2026 at 10:11, Acme customer support team <help@us.example> wrote:",
    "On Mar 3, 2026, 10:11 AM +0100, Oskar Lind <oskar@us.example>, wrote:",
    "Oskar Lind/US/ACME@ACME wrote on 03/03/2026 10:11:00 AM:",
    "-----Oskar Lind wrote: -----",
    "Quoting Oskar Lind <oskar@us.example>:",
    "* Oskar Lind <oskar@us.example> [2026-03-03 10:11]:",
    "2026-03-03 10:11에 Oskar Lind 이(가) 쓴 글:",
    "On Tue, Mar 3, 2026 at 10:11 AM Oskar Lind <oskar@us.example> wrote:",
    "On 3 Mar 2026, at 10:11, Oskar Lind <oskar@us.example> wrote:",
    "On 3/3/26 10:11, Oskar Lind wrote:",
    "On Tue, Mar 3, 2026 at 10:11 AM Oskar Lind <\noskar@us.example> wrote:",
    "On Tue, Mar 3, 2026 at 10:11 AM Oskar Lind\n<oskar@us.example>\nwrote:",
    "Oskar Lind <oskar@us.example> wrote:",
    '"Oskar Lind" [mailto:oskar@us.example] wrote on 3/3/2026 10:11:',
    "Tuesday, March 3, 2026, 10:11:00 AM, Oskar Lind wrote:",
    "Tuesday, March 3, 2026 10:11 AM, Oskar <oskar@us.example> wrote:",
    "2026-03-03 10:11 GMT+01:00 Oskar Lind <oskar@us.example>:",
    "On March 3, 2026 10:11:00 AM GMT+01:00, Oskar Lind <oskar@us.example> wrote:",
    "---- On Tue, 03 Mar 2026 10:11:00 +0100 Oskar Lind <oskar@us.example> wrote ----",
    "---- On Tue, 03 Mar 2026 10:11:00 +0100 Oskar Lind <oskar@us.example> wrote ---",
    "On Tuesday, March 3rd, 2026 at 10:11 AM, Oskar Lind <oskar@us.example> wrote:",
    "Am Di., 3. März 2026 um 10:11 Uhr schrieb Oskar Lind <oskar@us.example>:",
    "Am 03.03.2026 um 10:11 schrieb Oskar Lind:",
    "Am 03.03.26 um 10:11 schrieb Oskar\nLind <oskar@us.example>:",
    "Am Dienstag, 3. März 2026, 10:11 MEZ hat Oskar Lind <o@us.example> Folgendes geschrieben:",
    "Oskar Lind <oskar@us.example> schrieb am Di., 3. März 2026, 10:11:",
    "Am Dienstag, den 03.03.2026, 10:11 +0100 schrieb Oskar Lind:",
    "Le mar. 3 mars 2026 à 10:11, Oskar Lind <oskar@us.example> a écrit :",
    "Le 3 mars 2026 à 10:11, Oskar Lind a écrit :",
    "Le mardi 3 mars 2026 à 10:11:00 UTC+1, Oskar Lind <oskar@us.example> a écrit :",
    "El mar, 3 mar 2026 a las 10:11, Oskar Lind (<oskar@us.example>) escribió:",
    "El 3 mar 2026, a las 10:11, Oskar Lind <oskar@us.example> escribió:",
    "El martes, 3 de marzo de 2026, 10:11:00 CET, Oskar Lind <oskar@us.example> escribió:",
    "Il giorno mar 3 mar 2026 alle ore 10:11 Oskar Lind <oskar@us.example> ha scritto:",
    "Il 03/03/2026 10:11, Oskar Lind ha scritto:",
    "Il giorno 3 mar 2026, alle ore 10:11, Oskar Lind ha scritto:",
    "Em ter., 3 de mar. de 2026 às 10:11, Oskar Lind <oskar@us.example> escreveu:",
    "Oskar Lind <oskar@us.example> escreveu no dia terça, 3/03/2026 à(s) 10:11:",
    "Em 03/03/2026 10:11, Oskar Lind escreveu:",
    "Op di 3 mrt 2026 om 10:11 schreef Oskar Lind <oskar@us.example>:",
    "Op 3 mrt. 2026 om 10:11 heeft Oskar Lind <oskar@us.example> het volgende geschreven:",
    "Op 03-03-2026 om 10:11 schreef Oskar Lind:",
    "Den tirs. 3. mar. 2026 kl. 10.11 skrev Oskar Lind <oskar@us.example>:",
    "Den 3. mar. 2026 kl. 10.11 skrev Oskar Lind:",
    "tir. 3. mars 2026 kl. 10:11 skrev Oskar Lind <oskar@us.example>:",
    "3. mars 2026 kl. 10:11 skrev Oskar Lind <oskar@us.example>:",
    "Den tis 3 mars 2026 kl 10:11 skrev Oskar Lind <oskar@us.example>:",
    "3 mars 2026 kl. 10:11 skrev Oskar Lind <oskar@us.example>:",
    "ti 3. maalisk. 2026 klo 10.11 Oskar Lind (oskar@us.example) kirjoitti:",
    "Oskar Lind <oskar@us.example> kirjoitti 3.3.2026 kello 10.11:",
    "Oskar Lind kirjoitti 3.3.2026 klo 10.11:",
    "wt., 3 mar 2026 o 10:11 Oskar Lind <oskar@us.example> napisał(a):",
    "W dniu 3.03.2026 o 10:11, Oskar Lind pisze:",
    "Wiadomość napisana przez Oskar Lind <oskar@us.example> w dniu 3 mar 2026, o godz. 10:11:",
    "út 3. 3. 2026 v 10:11 odesílatel Oskar Lind <oskar@us.example> napsal:",
    "Dne 3. 3. 2026 v 10:11 Oskar Lind napsal(a):",
    "3. 3. 2026 v 10:11, Oskar Lind <oskar@us.example>:",
    "Oskar Lind <oskar@us.example> ezt írta (időpont: 2026. márc. 3., K, 10:11):",
    "2026. 03. 03. 10:11 keltezéssel, Oskar Lind írta:",
    "2026-03-03 10:11 időpontban Oskar Lind ezt írta:",
    "вт, 3 мар. 2026 г. в 10:11, Oskar Lind <oskar@us.example>:",
    "3 марта 2026 г., в 10:11, Оскар Линд <oskar@us.example> написал(а):",
    "03.03.2026 10:11, Оскар Линд пишет:",
    "Вторник, 3 марта 2026, 10:11 +03:00 от Оскар Линд <oskar@us.example>:",
    '03.03.2026, 10:11, "Оскар Линд" <oskar@us.example>:',
    "вт, 3 бер. 2026 р. о 10:11 Оскар Лінд <oskar@us.example> пише:",
    "3 бер. 2026 р. о 10:11 Оскар Лінд <oskar@us.example> написав(ла):",
    "Oskar Lind <oskar@us.example>, 3 Mar 2026 Sal, 10:11 tarihinde şunu yazdı:",
    "3.03.2026 10:11 tarihinde Oskar Lind yazdı:",
    "Oskar Lind <oskar@us.example> şunları yazdı (3 Mar 2026 10:11):",
    "2026年3月3日(火) 10:11 Oskar Lind <oskar@us.example>:",
    "2026年3月3日 10:11、大下翔太 <oskar@us.example>のメール:",
    "2026/03/03 10:11、大下翔太のメール:",
    "On 2026/03/03 10:11, 大下翔太 wrote:",
    "Oskar Lind <oskar@us.example> 于2026年3月3日周二 10:11写道：",
    "在 2026年3月3日，上午10:11，Oskar Lind <oskar@us.example> 写道：",
    '在 2026-03-03 10:11:00，"Oskar Lind" <oskar@us.example> 写道：',
    'At 2026-03-03 10:11:00, "Oskar Lind" <oskar@us.example> wrote:',
    "Oskar Lind <oskar@us.example> 於 2026年3月3日 週二 上午10:11寫道：",
    "Oskar Lind <oskar@us.example> 在 2026年3月3日 上午10:11 寫道：",
    "2026년 3월 3일 (화) 오전 10:11, Oskar Lind <oskar@us.example>님이 작성:",
    "2026. 3. 3. 오전 10:11, Oskar Lind <oskar@us.example> 작성:",
    "2026년 3월 3일 오전 10:11, 홍길동 <oskar@us.example> 작성:",
    "În mar., 3 mar. 2026 la 10:11, Oskar Lind <oskar@us.example> a scris:",
    "Στις Τρί 3 Μαρ 2026 στις 10:11 π.μ., ο/η Oskar Lind <oskar@us.example> έγραψε:",
    "Vào Th 3, 3 thg 3, 2026 vào lúc 10:11 Oskar Lind <oskar@us.example> đã viết:",
    "Pada tanggal Sel, 3 Mar 2026 pukul 10.11 Oskar Lind <oskar@us.example> menulis:",
    "uto 3. ožu 2026. u 10:11 Oskar Lind <oskar@us.example> napisao je:",
    "O xov, 3 mar 2026 ás 10:11, Oskar Lind (<oskar@us.example>) escribiu:",
    "уто, 3. мар 2026. у 10:11 Oskar Lind <oskar@us.example> је написао/ла:",
    "V V tor., 3. mar. 2026 ob 10:11 je oseba Oskar Lind <oskar@us.example> napisala:",
    "Oskar Lind (<oskar@us.example>) erabiltzaileak hau idatzi du (2026 mar. 3, ar. (10:11)):",
    "Më mar, 3 mar 2026 në 10:11 Oskar Lind <oskar@us.example> shkroi:",
    "Mnamo Jtt, 3 Mac 2026 saa 10:11 asubuhi Oskar Lind <oskar@us.example> aliandika:",
    "Noong Mar, Mar 3, 2026 nang 10:11 AM, sumulat si Oskar Lind <oskar@us.example> ng:",
    "სამ, 3 მარ. 2026, 10:11-ზე Oskar Lind <oskar@us.example> დაწერა:",
    "در تاریخ سه\u200cشنبه ۳ مارس ۲۰۲۶،\u200f ۱۰:۱۱ Oskar Lind <oskar@us.example> نوشت:",
    "मंगल, 3 मार्च 2026 को 10:11 am बजे को Oskar Lind <oskar@us.example> ने लिखा:",
]
HEADER_FIELDS = [
    "From|Sent|To|Subject",
    "From|Date|To|Subject",
    "Von|Gesendet|An|Betreff",
    "Von|Datum|An|Betreff",
    "De|Envoyé|À|Objet",
    "De|Envoyé le|À|Objet",
    "De|Date|À|Objet",
    "De|Enviado el|Para|Asunto",
    "De|Enviado|Para|Asunto",
    "De|Fecha|Para|Asunto",
    "Da|Inviato|A|Oggetto",
    "Da|Data|A|Oggetto",
    "De|Enviado|Para|Assunto",
    "De|Enviada em|Para|Assunto",
    "Van|Verzonden|Aan|Onderwerp",
    "Van|Datum|Aan|Onderwerp",
    "Fra|Sendt|Til|Emne",
    "Från|Skickat|Till|Ämne",
    "Från|Datum|Till|Ämne",
    "Lähettäjä|Lähetetty|Vastaanottaja|Aihe",
    "Od|Wysłano|Do|Temat",
    "Od|Data|Do|Temat",
    "Od|Odesláno|Komu|Předmět",
    "Od|Datum|Komu|Předmět",
    "Feladó|Elküldve|Címzett|Tárgy",
    "Feladó|Dátum|Címzett|Tárgy",
    "От|Отправлено|Кому|Тема",
    "От кого|Дата|Кому|Тема",
    "Від|Надіслано|Кому|Тема",
    "Kimden|Gönderildi|Kime|Konu",
    "Kimden|Tarih|Kime|Konu",
    "差出人|送信日時|宛先|件名",
    "差出人|日付|宛先|件名",
    "发件人|发送时间|收件人|主题",
    "发件人|日期|收件人|主题",
    "寄件者|寄件日期|收件者|主旨",
    "寄件人|日期|收件人|主旨",
    "보낸 사람|보낸 날짜|받는 사람|제목",
    "보낸사람|날짜|받는사람|제목",
    "Frá|Sent|Til|Efni",
    "Nork|Bidalia|Nori|Gaia",
    "Nga|Dërguar|Për|Tema",
    "Шаље|Послато|Коме|Наслов",
    "Kimdən|Göndərilib|Kimə|Mövzu",
    "ვისგან|გაგზავნილია|ვის|თემა",
    "از|ارسال شده|به|موضوع",
    "प्रेषक|भेजा गया|प्रति|विषय",
]
MARKERS = [
    "-----Original Message-----",
    "-------- Original message --------",
    "---------- Forwarded message ---------",
    "---------- Forwarded message ----------",
    "----- Forwarded Message -----",
    "Begin forwarded message:",
    "Anfang der weitergeleiteten Nachricht:",
    "-----Ursprüngliche Nachricht-----",
    "-------- Weitergeleitete Nachricht --------",
    "Début du message transféré :",
    "-----Message d'origine-----",
    "-----Message d’origine-----",
    "---------- Message transféré ---------",
    "-----Mensaje original-----",
    "---------- Mensaje reenviado ---------",
    "Inicio del mensaje reenviado:",
    "-----Messaggio originale-----",
    "---------- Messaggio inoltrato ---------",
    "Inizio messaggio inoltrato:",
    "-----Mensagem original-----",
    "---------- Mensagem encaminhada ---------",
    "-----Oorspronkelijk bericht-----",
    "---------- Doorgestuurd bericht ---------",
    "Begin doorgestuurd bericht:",
    "-----Oprindelig meddelelse-----",
    "---------- Videresendt besked ---------",
    "Start på videresendt besked:",
    "-----Opprinnelig melding-----",
    "---------- Videresendt melding ---------",
    "-----Ursprungligt meddelande-----",
    "---------- Vidarebefordrat meddelande ---------",
    "Vidarebefordrat brev:",
    "-----Alkuperäinen viesti-----",
    "---------- Välitetty viesti ---------",
    "-----Oryginalna wiadomość-----",
    "---------- Przekazana wiadomość ---------",
    "Początek przekazywanej wiadomości:",
    "-----Původní zpráva-----",
    "---------- Přeposlaná zpráva ---------",
    "-----Eredeti üzenet-----",
    "---------- Továbbított üzenet ---------",
    "-----Исходное сообщение-----",
    "-------- Пересылаемое сообщение --------",
    "Начало переадресованного сообщения:",
    "-----Оригінальне повідомлення-----",
    "-----Orijinal İleti-----",
    "---------- Yönlendirilen ileti ---------",
    "İletilen ileti başlangıcı:",
    "-----元のメッセージ-----",
    "---------- 転送メッセージ ----------",
    "-----邮件原件-----",
    "------------------ 原始邮件 ------------------",
    "---------- 转发的邮件 ---------",
    "-----原始郵件-----",
    "---------- 轉寄郵件 ---------",
    "-----원본 메시지-----",
    "---------- 전달된 메일 ---------",
    "## Please do not write below this line ##",
    "##- Please type your reply above this line -##",
    "=== Original Message ===",
    "__________ Original Message __________",
    "============ Forwarded message ============",
    "*-----Original Message-----*",
    "--- Original Message ---",
    "-- Original Message --",
    "------- Original Message -------",
]
CLIENT_LINES = [
    "Sent from my iPhone",
    "Sent from my iPad",
    "Sent from my Galaxy",
    "Sent from my Samsung Galaxy smartphone.",
    "Sent from my Verizon, Samsung Galaxy smartphone",
    "Sent from Mail for Windows",
    "Sent from Mail for Windows 10",
    "Sent from Outlook for Android",
    "Sent from Yahoo Mail on Android",
    "Sent from Yahoo Mail for iPhone",
    "Sent from Proton Mail for iOS",
    "Sent with Proton Mail secure email.",
    "Sent with ProtonMail Secure Email.",
    "Get Outlook for iOS",
    "Get Outlook for iOS<https://aka.ms/o0ukef>",
    "Get [Outlook for iOS](https://aka.ms/o0ukef)",
    "Sent from my mobile phone",
    "Sent via the Samsung Galaxy S22, an AT&T 5G smartphone",
    "Sent from my BlackBerry 10 smartphone.",
    "Von meinem iPhone gesendet",
    "Von meinem Samsung Galaxy Smartphone gesendet.",
    "Gesendet von Mail für Windows",
    "Gesendet von Outlook für iOS",
    "Gesendet mit der GMX Mail App",
    "Gesendet von Yahoo Mail auf Android",
    "Diese Nachricht wurde von meinem Android-Gerät mit GMX Mail gesendet.",
    "Holen Sie sich Outlook für iOS",
    "Outlook für iOS beziehen",
    "Envoyé de mon iPhone",
    "Envoyé depuis mon mobile",
    "Envoyé à partir de Outlook pour iOS",
    "Envoyé à partir de Courrier pour Windows",
    "Obtenir Outlook pour iOS",
    "Télécharger Outlook pour iOS",
    "Enviado desde mi iPhone",
    "Enviado desde Correo para Windows",
    "Obtener Outlook para iOS",
    "Enviado do meu iPhone",
    "Enviado a partir do meu iPhone",
    "Obter o Outlook para iOS",
    "Enviado do Yahoo Mail no Android",
    "Inviato da iPhone",
    "Inviato dal mio iPhone",
    "Inviato da Posta per Windows",
    "Ottieni Outlook per iOS",
    "Scarica Outlook per iOS",
    "Verstuurd vanaf mijn iPhone",
    "Verzonden vanuit Mail voor Windows",
    "Outlook voor iOS downloaden",
    "Download Outlook voor iOS",
    "Sendt fra min iPhone",
    "Sendt fra Mail til Windows",
    "Hent Outlook til iOS",
    "Få Outlook for iOS",
    "Skickat från min iPhone",
    "Skickades från E-post för Windows",
    "Hämta Outlook för iOS",
    "Lähetetty iPhonesta",
    "Lähetetty Windowsin Sähköpostista",
    "Hanki Outlook for iOS",
    "Wysłane z iPhone'a",
    "Wysłano z iPhone'a",
    "Wysłane z Poczty systemu Windows",
    "Pobierz program Outlook dla systemu iOS",
    "Odesláno z iPhonu",
    "Odesláno z mého iPhonu",
    "Odesláno z Pošty pro Windows",
    "Získat Outlook pro iOS",
    "iPhone-omról küldve",
    "Az iPhone készülékemről küldve",
    "Küldve az iPhone-omról",
    "Az Outlook iOS letöltése",
    "Отправлено с iPhone",
    "Отправлено из Почты для Windows",
    "Отправлено из мобильной Яндекс.Почты",
    "Отправлено из Mail.ru для iOS",
    "Надіслано з iPhone",
    "Надіслано з мого iPhone",
    "iPhone'umdan gönderildi",
    "Samsung Galaxy akıllı telefonumdan gönderildi.",
    "iPhone için Outlook'u edinin",
    "iPhoneから送信",
    "iPhone から送信",
    "Outlook for iOS を入手",
    "发自我的iPhone",
    "发自我的 iPhone",
    "发送自 Windows 版邮件",
    "從我的 iPhone 傳送",
    "發自我的 iPhone",
    "来自我的华为手机",
    "나의 iPhone에서 보냄",
    "내 iPhone에서 보냄",
    "Galaxy에서 보냄",
    "iOS용 Outlook 다운로드",
]
RULER = "________________________________"
FRAMED = [
    "{name}: {value}",
    "*{name}:* {value}",
    "**{name}:** {value}",
    "*{name}: *{value}",
    "{name} : {value}",
    "{name}\uff1a{value}",
]


def own_words(text: str, *, angle_quotes: bool = True) -> str:
    segments = split_quotes(text, angle_quotes=angle_quotes)
    return "\n".join(segment for is_own, segment in segments if is_own)


def header_block(names: str, style: str = "{name}: {value}", sender: str = "Oskar Lind") -> str:
    values = (sender, "3. 3. 2026 10:11", "Mira Vogel", "Export")
    pairs = zip(names.split("|"), values, strict=True)
    return "\n".join(style.format(name=name, value=value) for name, value in pairs)


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_the_reply_above_an_attribution_is_the_senders(attribution: str) -> None:
    for reply in ("On it, thanks!", "Danke, 3 Stück.\nBitte um 10 Uhr"):
        for gap in ("\n", "\n\n"):
            for quote in ("Please send the log.", "> Please send the log."):
                history = f"{attribution}\n{quote}"
                assert split_quotes(reply + gap + history) == [(True, reply), (False, history)]


@pytest.mark.parametrize("names", HEADER_FIELDS)
def test_a_header_block_begins_the_history(names: str) -> None:
    for style in FRAMED:
        block = header_block(names, style)
        for ruler in ("", f"{RULER}\n", "-----\n\n"):
            history = f"{ruler}{block}\n\nPlease try again."
            assert split_quotes(f"It fails.\n\n{history}") == [
                (True, "It fails."),
                (False, history),
            ]


@pytest.mark.parametrize("names", HEADER_FIELDS)
def test_a_header_block_may_begin_with_any_field(names: str) -> None:
    lines = header_block(names, sender="Oskar Lind <oskar@us.example>").split("\n")
    for first in range(len(lines)):
        block = "\n".join(lines[first:] + lines[:first])
        assert own_words(f"It fails.\n\n{block}\n\nPlease try again.") == "It fails."


@pytest.mark.parametrize(
    "block",
    [
        "From: Oskar <o@us.example>\nSent: x\nTo: A <a@b.example>;\nB <b@b.example>\nSubject: a",
        "From: Oskar\n\nSent: Tuesday\n\nTo: Mira\n\nSubject: Export",
        "From: Oskar <oskar@us.example> Sent: Tuesday 10:11 To: Mira Subject: Export",
        "----------------\nКому: Мира (mira@nordlicht.example);\nТема: Экспорт;",
        f"{RULER}\nSendandi: Oskar <oskar@us.example>\nSent kl: 3.3.2026 10:11\nEfni: Export",
    ],
    ids=["wrapped", "blank lines", "one line", "no sender", "unknown language"],
)
def test_header_blocks_of_other_forms(block: str) -> None:
    history = f"{block}\n\nPlease try again."
    assert split_quotes(f"It fails.\n\n{history}") == [(True, "It fails."), (False, history)]


@pytest.mark.parametrize("marker", MARKERS)
def test_a_marker_begins_the_history(marker: str) -> None:
    history = f"{marker}\nall of\n\nthis"
    assert split_quotes(f"See below.\n\n{history}") == [(True, "See below."), (False, history)]
    assert own_words(history) == ""


@pytest.mark.parametrize("line", CLIENT_LINES)
def test_what_a_mail_program_signs_is_nobodys(line: str) -> None:
    assert split_quotes(f"It fails.\n\n{line}") == [(True, "It fails."), (False, line)]
    for history in (header_block("From|Sent|To|Subject"), ATTRIBUTIONS[-1], MARKERS[0]):
        assert own_words(f"It fails.\n\n{line}\n\n{history}\nold") == "It fails."


def test_words_below_a_client_line_are_the_senders() -> None:
    assert own_words("Sent from my iPhone\n\nPS: it is order 88") == "PS: it is order 88"


@pytest.mark.parametrize(
    "text",
    [
        "On Tuesday the manager wrote: no\nSo we left.",
        "On Tuesday the manager wrote:\nno, we can't\nWhat now?",
        "On March 3, 2026 your colleague wrote:\nno\nbut",
        "On 3 March 2026 at 10:11 your support team wrote:\nIt is fixed.\nIt is not.",
        "I wrote to support@x.example on 3/3/2026 at 10:11 and they wrote:\nno way",
        "He wrote:\nno\nI say yes",
        "We need:\n- From: A to: B\n- From: C to: D",
        "From: Berlin\nTo: Munich\nDate: 3 March\nI need a ticket.",
        "Von: Berlin\nNach: München\nDatum: 3.3.2026",
        "De: Madrid\nPara: Lisboa\nFecha: viernes\nGracias",
        "From: me\nTo: everyone\nSubject: party\nCome!",
        "From: Berlin\nTo: Munich\nDate: 3 March\nContact: a@b.example",
        "As ann@acme.example wrote:\nwe need it",
        "Order of 2026-03-03 10:11 for a@b.example:\n2 boxes",
        "The log of 2026-03-03 10:11 shows the following:\nError",
        "Date: Friday\nTime: 10:00\nPlace: Berlin\nSubject: planning",
        "Name: Ann\nEmail: a@b.example\nSubject: Help\nMessage: it fails",
        "Errors for files\n> 500 MB only.\nThanks",
        "Hello\n\n---\n\nMore",
        f"Hello\n{RULER}\nMore",
        "Title\n=====\ntext",
        "My steps:\n1. open\n---\n2. close",
        "Thanks\n\u2014\nMore",
        "The customer's\noriginal message\nwas lost",
        "Sent from my office last week, the parcel never came.\nWhere is it?",
        "Sent by mistake, sorry\nplease ignore",
        "Von meinem Mann gesendet\nSehr schön",
        "Thanks.\n\nBest regards,\nMira",
    ],
)
def test_what_looks_like_history_and_is_the_senders_own(text: str) -> None:
    assert split_quotes(text) == [(True, text)]
    assert split_quotes(text, angle_quotes=False) == [(True, text)]


def test_words_below_a_signature_and_a_quotation_are_the_senders() -> None:
    text = f"Hi\n-- \nMira\n\n{ATTRIBUTIONS[-1]}\n> one?\nYes.\n> two?\nNo."
    assert own_words(text) == "Hi\nYes.\nNo."


def test_a_quotation_below_an_attribution_is_one_outside_of_email_too() -> None:
    text = f"Hi\n\n{ATTRIBUTIONS[-1]}\n\n> one?\n\nYes."
    assert own_words(text, angle_quotes=False) == "Hi\nYes."


def test_no_line_is_lost() -> None:
    text = f"Hi\n\n{ATTRIBUTIONS[-1]}\n> one?\nYes.\n\n{RULER}\n{header_block(HEADER_FIELDS[0])}"
    kept = "\n".join(segment for _, segment in split_quotes(text))
    assert kept.split() == text.split()


NOTICES = [
    "CAUTION: This email originated from outside of the organization. Do not open attachments.",
    "[EXTERNAL] This message came from outside the company.\nBe careful with links.",
    "ACHTUNG: Diese E-Mail kommt von außerhalb des Unternehmens.",
    "ATTENTION : ce courriel provient de l'extérieur. Ne cliquez pas sur les liens.",
    (
        "This e-mail and any attachments are confidential and may be privileged. If you are not\n"
        "the intended recipient, please notify the sender and delete it."
    ),
    (
        "Diese E-Mail enthält vertrauliche Informationen. Wenn Sie nicht der richtige Adressat "
        "sind, informieren Sie bitte den Absender."
    ),
    (
        "Este mensaje es confidencial y va dirigido exclusivamente a su destinatario. Si lo ha "
        "recibido por error, bórrelo."
    ),
    "Virus-free.www.avast.com",
    "Please consider the environment before printing this e-mail.",
    (
        "_______________________________________________\nHelp mailing list -- help@x.example\n"
        "To unsubscribe send an email to help-leave@x.example"
    ),
    'You received this message because you are subscribed to the Google Groups "Help" group.',
]


@pytest.mark.parametrize("notice", NOTICES)
def test_notices_of_servers_and_companies_are_nobodys(notice: str) -> None:
    assert split_quotes(f"It fails.\n\n{notice}") == [(True, "It fails."), (False, notice)]
    assert split_quotes(f"{notice}\n\nIt fails.") == [(False, notice), (True, "It fails.")]


@pytest.mark.parametrize(
    "text",
    [
        "Caution: the printer gets hot. I burnt my hand outside.",
        "Warning: an external disk is needed.",
        "This message is confidential, and I am not the recipient. Why?",
        "This e-mail feature is slow.\nWho is the recipient?",
        "To unsubscribe I clicked the link, and nothing happened.",
        "Is it virus-free.",
        "The notice says:\nthis e-mail is confidential",
    ],
)
def test_what_looks_like_a_notice_and_is_the_senders_own(text: str) -> None:
    assert split_quotes(text) == [(True, text)]


@pytest.mark.parametrize(
    "text",
    [
        "As you wrote on 2 May 2024 at 9:01:\nthe parcel is lost.\nI do not agree.",
        "Caution: the external power supply of the company is hot.\nPlease send a new one.",
    ],
)
def test_sentences_about_mails_and_dangers_are_the_senders_own(text: str) -> None:
    assert split_quotes(text) == [(True, text)]
