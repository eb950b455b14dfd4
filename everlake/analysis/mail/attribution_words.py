"""Words in the attributions that mail programs write, by kind and in all languages together."""

from everlake.analysis.member_names import word_list

VERBS = (
    # Latin script
    "wrote|writes|quoting|zitat von|citando a|has written|schrieb|schreibt|hat geschrieben"
    "|a écrit|écrit|écrivait|a ecrit"
    "|escribió|escribio|ha escrito|escribía|ha scritto|scrive|scrisse|escreveu|schreef"
    "|heeft geschreven|het volgende geschreven|geschreven|skrev|skrev følgende|kirjoitti"
    "|napisał(?:\\(a\\)|a|/a|\\(-a\\))?|pisze|napsal(?:\\(a\\)|a|/a)?|napísal(?:\\(a\\)|a|/a)?"
    "|(?:ezt )?írta|yazdı|yazmış|a scris|je napisa[ol](?:/la|la|\\(la\\)|la je)?|napisao je"
    "|va escriure|ha escrit|đã viết|menulis|rašė|rakstīja|kirjutas|skrifaði"
    # Cyrillic, Greek
    "|написал(?:\\(а\\)|а|\\(-а\\)|/а)?|пишет|писал(?:\\(а\\)|а)?|написав(?:\\(ла\\)|ла)?|написала"
    "|пише|писав|написа|έγραψε|(?:је )?написао(?:/ла|ла)?|(?:је )?написала|напиша"
    # Galician, Basque, Albanian, Afrikaans, Welsh, Swahili, Filipino, Slovenian
    "|escribiu|hau idatzi du|shkroi|geskryf|ysgrifennodd|aliandika|sumulat|napisala"
)
"""Regular expression of the verbs."""

UNSPACED_VERBS = (
    "写道|寫道|写到|寫到|写了|のメール|書きました|書いた|からのメール|님이 작성|작성|님이 씀"
    "|썼습니다|쓰셨습니다"
    "|نوشت|لکھا|लिखा|लिहिले|লিখেছেন|எழுதியது|రాసారు|დაწერა|تمت كتابة"
    "|님의 말|쓴 글|보낸 메일|كتب|כתב|เขียน"
)
"""The same in scripts that put no space around words."""

CONNECTORS = frozenset(
    word_list(
        "at on um uhr am pm a.m p.m à a las el al de del día dia alle ore giorno il às as em "
        "den kl klo o ob godz godzinie dniu dnia w v ve dne в г о об р год года року рік "
        "tarihinde saat günü op om h le la les los lo ha het via from by with von vom van "
        "und du da das do dos od ode από στις στην ο η ο/η от від par por per för for til "
        "till fra från utc gmt cet cest est pst the ezt időpont dátum şunu şunları "
        "następujące użytkownik odesílatel używatel používateľ uživatel пользователь "
        "користувач siguiente volgende følgende seuraavasti tersebut pada tanggal pukul vào "
        "lúc thg ora kell i ч час года. н т д μ π der die ter ten te zu zur zum y e bin ibn "
        "bint al-din mc ás noong nang si ng mnamo saa asubuhi mchana jioni usiku më në je "
        "oseba ob hau du erabiltzaileak lietotājs lietotāja plkst. ar је у на"
    )
)
"""Lower-case words around a date, a time, a name or an address."""

CALENDAR = frozenset(
    word_list(
        "mon tue wed thu fri sat sun jan feb mar apr may jun jul aug sep sept oct nov dec "
        "die mit don fre sam son mär mai okt dez mie jue vie sáb sab dom lun ene abr ago dic "
        "mer jeu ven dim fév avr jui aoû déc mart gio gen mag giu lug set ott seg ter qua "
        "qui sex fev out maa din woe vri zat zon maart mei tir ons tor lør søn man tis lör "
        "sön mån maj ma ti ke to pe la su tam hel huh tou kes hei elo syy lok jou pon wto "
        "śro czw pią sob nie sty lut kwi cze lip sie wrz paź lis gru úte stř čtv pát ned led "
        "úno bře dub kvě čer srp zář říj pro hét kedd sze csü pén szo vas már ápr máj jún "
        "júl szept febr пон вто сре чет пят суб вос янв фев мар апр мая май июн июл авг сен "
        "окт ноя дек вів сер пʼя п'я нед січ лют бер кві тра чер лип вер жов лис гру paz pzt "
        "sal çar per cum cmt oca şub nis haz tem ağu eyl eki kas ara δευ τρί τετ πέμ παρ σάβ "
        "κυρ ιαν φεβ μαρ απρ μαΐ ιου αυγ σεπ οκτ νοε δεκ vin joi dum ian iun iul noi sel rab "
        "kam jum min des agu prv uto sri"
    )
)
"""First three or four letters of weekdays and months."""

SHORT_DAYS = frozenset(
    word_list(
        "mo di mi do fr sa so ma ti ke to pe la su wo vr za zo lu me je ve gi út st čt pá ne "
        "po ter qua wt śr cz pt nd пн вт ср чт пт сб вс нд h k cs p sz v pn μμ πμ "
        "xov mér xan xuñ xul hën mër enj pre sht shk pri qer kor gush tet nën dhj velj ožu tra "
        "svi kol ruj stu sij fim mið þri fös lau alh iju jtt chwef iau ots urt api eka uzt abu "
        "ira urr aza abe og al az ast ost lar ig čet уто ост мај јан јул јун авг"
    )
)
"""Weekdays of one or two letters, and short names that other words begin with."""
