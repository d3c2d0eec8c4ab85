"""Digests and alerts, as people read them: whole mails in tests/golden, and what must hold of every one of them."""

import email
import re
from email.message import EmailMessage
from email.policy import default
from html import unescape
from html.parser import HTMLParser

import pytest
from digest_files import (
    EN,
    FR,
    HOSTILE,
    LINK,
    MARIE,
    MORNING,
    a_digest,
    a_held_line,
    a_line,
    a_line_at_risk,
    a_new_line,
    a_while_away,
    alerts,
    an_alert,
    an_away_line,
    an_incident,
    digests,
    hidden,
)
from golden_files import TEMPLATES, assert_golden

from mailwatch.domain.composition import Composed, Rendered, compose_report, own_message_id
from mailwatch.domain.digests import AwayLine, Digest
from mailwatch.domain.incidents import TroubleKind
from mailwatch.domain.languages import Language
from mailwatch.domain.outbox import Envelope
from mailwatch.domain.requests import State
from mailwatch.domain.rules import RULES
from mailwatch.rendering import TemplateRenderer
from mailwatch.rendering.lines import MAX_SHOWN, quiet
from mailwatch.rendering.reports import COLUMNS, fold

OURS = TemplateRenderer(None, TEMPLATES, pytest.fail)
SENDER = "inscriptions@cscmonavenir.example"
BOTH = pytest.mark.parametrize("language", [FR, EN])
CASES = [*digests(FR)]
ALERTS = [*alerts()]


def composed(rendered: Rendered, kind: str = "digest", **fields: str) -> Composed:
    message_id = own_message_id(b"key", MARIE, "2026-11-24", kind, "cscmonavenir.example")
    given = {"sender_name": "mailwatch", "sender": SENDER, "recipient": MARIE, "message_id": message_id}
    return compose_report(rendered, **(given | fields), now=MORNING)  # type: ignore[arg-type]  # all are texts


def read_back(body: bytes) -> EmailMessage:
    """The message as the standard library reads it, once the rules of form are checked."""
    assert body.isascii()
    assert b"\n" not in body.replace(b"\r\n", b"")
    assert max(map(len, body.split(b"\r\n"))) <= 998
    message = email.message_from_bytes(body, policy=default)
    assert isinstance(message, EmailMessage)
    assert [part.defects for part in message.walk()] == [[], [], []]
    return message


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


# --- whole mails -----------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("case", CASES)
def test_whole_digests_are_as_reviewed(case: str, language: Language) -> None:
    rendered = OURS.render_digest(digests(language)[case])

    body = composed(rendered).body

    assert_golden(f"digest.{language}.{case}.eml", body)
    assert read_back(body)["Subject"] == rendered.subject


@BOTH
@pytest.mark.parametrize("case", ALERTS)
def test_whole_alerts_are_as_reviewed(case: str, language: Language) -> None:
    rendered = OURS.render_alert(alerts()[case], language)

    body = composed(rendered, "alert").body

    assert_golden(f"alert.{language}.{case}.eml", body)
    assert read_back(body)["Subject"] == rendered.subject


def test_a_report_says_that_it_is_automatic_and_whose_it_is() -> None:
    result = composed(OURS.render_digest(a_digest(new=(a_line(),))))

    message = read_back(result.body)
    assert result.envelope == Envelope(reverse_path=SENDER, recipient=MARIE)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "DR, RN, NRN, OOF, AutoReply"
    assert message["Message-ID"] == message["X-Mailwatch-Message-ID"] == message["References"] == result.message_id
    assert result.message_id.startswith("<mw.dig.")
    assert (message["From"], message["To"]) == (f"mailwatch <{SENDER}>", MARIE)
    assert message["Content-Language"] == "fr"
    assert message["In-Reply-To"] is None


@pytest.mark.parametrize("field", ["subject", "sender_name"])
def test_nothing_breaks_out_of_a_header(field: str) -> None:
    hostile = "Bonjour\r\nBcc: tous@cscmonavenir.example\r\n\r\nCorps"
    rendered = Rendered(
        subject=hostile if field == "subject" else "Objet", text="t\n", html="<p>t</p>", languages=(FR,)
    )

    message = read_back(composed(rendered, **({"sender_name": hostile} if field == "sender_name" else {})).body)

    assert message["Bcc"] is None
    assert message["Date"] is not None
    assert len(list(message.iter_parts())) == 2


@pytest.mark.parametrize("sender", ["x@y.example\r\nBcc: z@y.example", "x y@z.example", ""])
def test_a_sender_that_no_header_holds_is_refused(sender: str) -> None:
    with pytest.raises(ValueError, match="address"):
        composed(Rendered(subject="s", text="t", html="h", languages=(FR,)), sender=sender)


def test_a_message_id_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="Message-ID"):
        composed(Rendered(subject="s", text="t", html="h", languages=(FR,)), message_id="<a\r\nBcc: b@c.example>")


# --- subjects --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("digest", "french", "english"),
    [
        (
            {"rest": (a_line(1, business_days_late=4), a_line(2, business_days_late=1), a_line(3))},
            "3 demandes en retard, la plus ancienne de 6 jours ouvrables",
            "3 requests overdue, the oldest by 6 business days",
        ),
        (
            {"new": (a_line(business_days_late=4),), "rest": (a_line_at_risk(),), "held": (a_held_line(),)},
            "1 demande en retard de 4 jours ouvrables",
            "1 request overdue by 4 business days",
        ),
        (
            {"new": (a_new_line(),)},
            "1 demande en retard d’un jour ouvrable",
            "1 request overdue by 1 business day",
        ),
        (
            {"new": (a_new_line(business_days_late=0), a_line(1, business_days_late=0))},
            "2 demandes en retard, la plus ancienne de moins d’un jour ouvrable",
            "2 requests overdue, the oldest by less than one business day",
        ),
        (
            {"held": (a_held_line(),), "new": (a_line_at_risk(),)},
            "1 demande sans accusé de réception depuis le lundi 23 novembre",
            "1 request without an acknowledgement since Monday, November 23",
        ),
        (
            {"held": (a_held_line(), a_held_line(reference="MW-1"))},
            "2 demandes sans accusé de réception, la plus ancienne depuis le lundi 23 novembre",
            "2 requests without an acknowledgement, the oldest since Monday, November 23",
        ),
        (
            {"new": (a_line_at_risk(),)},
            "1 demande à laquelle répondre au plus tard le mercredi 25 novembre",
            "1 request to answer by Wednesday, November 25",
        ),
        (
            {"rest": (a_line_at_risk(), a_line_at_risk(reference="MW-1"))},
            "2 demandes dont l’échéance approche, la première le mercredi 25 novembre",
            "2 requests due soon, the first on Wednesday, November 25",
        ),
    ],
)
def test_the_subject_says_the_number_and_the_oldest(digest: dict[str, object], french: str, english: str) -> None:
    subjects = [plain(OURS.render_digest(a_digest(language, **digest)).subject) for language in (FR, EN)]

    assert subjects == [french, english]


def test_a_request_that_is_held_and_late_counts_once() -> None:
    late = a_held_line(standing=a_line().standing, business_days_late=2)

    digest = a_digest(held=(late,), rest=(late,))

    assert (digest.overdue, digest.days_late, len(digest.lines)) == (1, 2, 1)


@pytest.mark.parametrize(
    ("case", "french", "english"),
    [
        (
            "began",
            "mailwatch – incident : connexion refusée (inscriptions@cscmonavenir.example)",
            "mailwatch – incident: login refused (inscriptions@cscmonavenir.example)",
        ),
        ("over", "mailwatch – incident terminé : disjoncteur déclenché", "mailwatch – incident over: breaker tripped"),
    ],
)
def test_the_subject_of_an_alert_says_what(case: str, french: str, english: str) -> None:
    assert [plain(OURS.render_alert(alerts()[case], language).subject) for language in (FR, EN)] == [french, english]


# --- back from an absence --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "more", "french", "english"),
    [
        (
            (State.ANSWERED, State.OPEN, State.ACKNOWLEDGED),
            0,
            "Bon retour : 3 demandes pendant votre absence, dont 2 en attente",
            "Welcome back: 3 requests while you were away, 2 still waiting",
        ),
        (
            (State.OPEN,),
            0,
            "Bon retour : 1 demande pendant votre absence, en attente",
            "Welcome back: 1 request while you were away, still waiting",
        ),
        (
            (State.CLOSED,),
            0,
            "Bon retour : 1 demande pendant votre absence",
            "Welcome back: 1 request while you were away",
        ),
        (
            (State.OPEN,),  # how many of the others wait isn't known
            5,
            "Bon retour : 6 demandes pendant votre absence",
            "Welcome back: 6 requests while you were away",
        ),
    ],
)
def test_the_subject_welcomes_back_where_nothing_is_late(
    lines: tuple[State, ...], more: int, french: str, english: str
) -> None:
    away = a_while_away(*(an_away_line(number, state) for number, state in enumerate(lines)), more=more)

    subjects = [plain(OURS.render_digest(a_digest(language, away=away)).subject) for language in (FR, EN)]

    assert subjects == [french, english]


def test_what_is_late_goes_before_a_welcome_in_the_subject() -> None:
    digest = a_digest(new=(a_new_line(),), away=a_while_away(an_away_line()))

    assert plain(OURS.render_digest(digest).subject) == "1 demande en retard d’un jour ouvrable"


@pytest.mark.parametrize(
    ("lines", "french", "english"),
    [
        (
            [an_away_line(1, State.ANSWERED, answered_by="Anne Ly"), an_away_line(2, State.ANSWERED), an_away_line()],
            "3 demandes sont arrivées : 2 ont reçu une réponse (Anne Ly, Paul Roy), 1 attend une réponse.",
            "3 requests came in: 2 were answered (Anne Ly, Paul Roy), 1 waits for an answer.",
        ),
        (
            [an_away_line(1, State.ANSWERED, answered_by="")],
            "1 demande est arrivée : 1 a reçu une réponse.",
            "1 request came in: 1 was answered.",
        ),
        (
            [an_away_line(1, State.CLOSED), an_away_line(2, State.SET_ASIDE), an_away_line(3), an_away_line(4)],
            "4 demandes sont arrivées : 2 ont été réglées autrement, 2 attendent une réponse.",
            "4 requests came in: 2 were settled otherwise, 2 wait for an answer.",
        ),
    ],
)
def test_who_is_back_reads_how_many_came_and_who_answered(lines: list[AwayLine], french: str, english: str) -> None:
    for language, expected in ((FR, french), (EN, english)):
        rendered = OURS.render_digest(a_digest(language, away=a_while_away(*lines)))

        assert expected in plain(rendered.text).replace("\n", " ")
        assert expected in plain(rendered.html)


@BOTH
def test_each_request_says_what_became_of_it_and_only_one_that_waits_is_due(language: Language) -> None:
    lines = [an_away_line(i, state) for i, state in enumerate((State.ANSWERED, State.CLOSED, State.SET_ASIDE), start=1)]

    settled = plain(OURS.render_digest(a_digest(language, away=a_while_away(*lines))).text)
    waiting = plain(OURS.render_digest(a_digest(language, away=a_while_away(an_away_line()))).text)

    outcomes = {
        FR: ("Réponse envoyée le mer. 9 déc. à 14 h par Paul Roy", "Fermée le mer. 9 déc.", "Mise de côté le mer."),
        EN: ("Answered on Wed, Dec 9, 2:00 p.m. by Paul Roy", "Closed on Wed, Dec 9", "Set aside on Wed, Dec 9"),
    }[language]
    due = {FR: "Réponse attendue : lun. 14 déc. à 16 h 30", EN: "Answer due: Mon, Dec 14, 4:30 p.m."}[language]
    assert [f"MW-00000{number} – {outcome}" in settled for number, outcome in enumerate(outcomes, start=1)] == [
        True
    ] * 3
    assert (due in settled, due in waiting) == (False, True)


@BOTH
def test_what_came_meanwhile_stands_first(language: Language) -> None:
    rendered = OURS.render_digest(digests(language)["back"])

    for words in (rendered.text, rendered.html):
        places = [words.index(reference) for reference in ("MW-000001", "MW-000004", "MW-2B7M4X")]
        assert places == sorted(places)


@pytest.mark.parametrize(
    ("more", "french", "english"),
    [
        (0, "", ""),
        (1, "L’autre demande est dans votre boîte.", "The other request is in your mailbox."),
        (12, "Les 12 autres demandes sont dans votre boîte.", "The other 12 requests are in your mailbox."),
    ],
)
def test_what_is_not_listed_is_counted(more: int, french: str, english: str) -> None:
    for language, expected in ((FR, french), (EN, english)):
        text = plain(OURS.render_digest(a_digest(language, away=a_while_away(an_away_line(), more=more))).text)

        assert expected in text
        assert ("autre" in text or "other" in text) == bool(more)


def test_coming_back_is_a_reason_to_write_only_if_something_came() -> None:
    assert a_digest(away=a_while_away()).is_empty
    assert not a_digest(away=a_while_away(an_away_line(1, State.CLOSED))).is_empty
    nothing = OURS.render_digest(a_digest(rest=(a_line(),), away=a_while_away()))
    assert nothing == OURS.render_digest(a_digest(rest=(a_line(),)))


@BOTH
def test_a_stranger_is_only_words_after_an_absence_too(language: Language) -> None:
    line = an_away_line(1, State.ANSWERED, subject=HOSTILE, sender="<b>\u202e\r\nx@y.example", answered_by="<i>Ly</i>")

    rendered = OURS.render_digest(a_digest(language, away=a_while_away(line)))

    assert not re.search("<script|<b>|<i>|[\x00-\x09\x0b-\x1f\u2028\u202a-\u202e]", rendered.html)
    assert "<i>Ly</i>" in rendered.text


# --- what is said, and to whom ---------------------------------------------------------------------------------------


@BOTH
def test_sections_stand_in_the_order_of_what_to_do_first(language: Language) -> None:
    rendered = OURS.render_digest(digests(language)["owner"])

    for words in (rendered.text, rendered.html):
        places = [words.index(reference) for reference in ("MW-4C8H2T", "MW-2B7M4X", "MW-7F3K9Q", "MW-9D5W6X")]
        assert places == sorted(places)


@BOTH
def test_managers_see_neither_sender_nor_subject_nor_a_label_for_them(language: Language) -> None:
    rendered = OURS.render_digest(digests(language)["manager"])

    for words in (rendered.text, rendered.html):
        assert not re.search(r"courriel\.example|maternelle|Objet|Subject:|\bDe\s:|From:|<a ", words)
        assert "MW-7F3K9Q" in words
        assert "Marie Tremblay" in words


@BOTH
def test_whom_one_stands_in_for_is_said(language: Language) -> None:
    rendered = OURS.render_digest(a_digest(language, rest=(a_line(covers="Paul Roy"), a_line(2, covers="Anne Ly"))))

    expected = {
        FR: "Vous recevez aussi les demandes de Paul Roy, Anne Ly, le temps de leur absence.",
        EN: "You also receive the requests of Paul Roy, Anne Ly, who are away.",
    }[language]
    assert expected in rendered.text.replace("\n", " ")
    assert expected in rendered.html


@BOTH
def test_the_silent_register_and_junk_are_counted_apart(language: Language) -> None:
    counted = OURS.render_digest(a_digest(language, rest=(a_line(),), silent={"bulk": 4, "spam": 2})).text
    empty = OURS.render_digest(a_digest(language, rest=(a_line(),), silent={"bulk": 0})).text

    expected = {FR: "envois en nombre : 4\n- courrier indésirable : 2\n", EN: "bulk mail: 4\n- junk mail: 2\n"}
    assert expected[language] in plain(counted)
    assert "release" not in empty


@BOTH
def test_every_reason_to_withhold_is_told_in_words(language: Language) -> None:
    silent = {"disabled", "elsewhere", "answered"}
    withholding = {rule.name for rule in RULES if rule.rung >= 13 or rule.kind == "request"} - silent - {"form"}

    for rule in sorted(withholding | {"failed", "unreadable", "resync"}):
        text = OURS.render_digest(a_digest(language, held=(a_held_line(withheld_by=rule),))).text
        assert f"({rule})" not in text.replace("\n", " "), rule


@BOTH
def test_a_reason_without_words_is_named(language: Language) -> None:
    rendered = OURS.render_digest(a_digest(language, held=(a_held_line(withheld_by="<our> rule"),)))

    assert "(<our> rule)" in rendered.text
    assert "(&lt;our&gt; rule)" in rendered.html


@BOTH
@pytest.mark.parametrize("kind", TroubleKind)
def test_every_trouble_has_a_meaning_and_a_remedy_in_words(kind: TroubleKind, language: Language) -> None:
    template = (TEMPLATES / language / "alert.words.txt").read_text()

    assert template.count(f'"{kind}": "') == 3
    rendered = OURS.render_alert(an_alert(began=(an_incident(kind),)), language)
    label = {FR: "Que faire :", EN: "What to do:"}[language]
    for words in (rendered.text, rendered.html):
        assert len(plain(words).split(label)) == 2


@BOTH
def test_what_to_do_is_said_once_for_incidents_of_one_kind(language: Language) -> None:
    boxes = [f"box{number}@cscmonavenir.example" for number in range(40)]
    alert = an_alert(began=tuple(an_incident(TroubleKind.MAILBOX_SILENT, box) for box in boxes))

    rendered = OURS.render_alert(alert, language)

    assert rendered.text.count("mailwatch check") == rendered.html.count("mailwatch check") == 1
    assert all(box in rendered.text and box in rendered.html for box in boxes)
    assert rendered.subject.endswith(" (40)")


@BOTH
def test_the_end_of_an_incident_says_how_long_it_lasted(language: Language) -> None:
    assert "3 h 20 min" in plain(OURS.render_alert(alerts()["over"], language).text)


@pytest.mark.parametrize(
    ("fields", "french", "english"),
    [
        ({}, "Réponse attendue : lun. 16 nov. à 16 h 30", "Answer due: Mon, Nov 16, 4:30 p.m."),
        (
            {"due_at": a_line().due_at.replace(month=12, day=1)},
            "Réponse attendue : mar. 1er déc. à 16 h 30",
            "Answer due: Tue, Dec 1, 4:30 p.m.",
        ),
        (
            {"due_at": a_line().due_at.replace(year=2027, month=1, day=4, minute=0)},
            "Réponse attendue : lun. 4 janv. 2027 à 16 h\n",
            "Answer due: Mon, Jan 4, 2027, 4:00 p.m.",
        ),
    ],
)
def test_instants_are_short_and_unmistakable(fields: dict[str, object], french: str, english: str) -> None:
    texts = [plain(OURS.render_digest(a_digest(language, rest=(a_line(**fields),))).text) for language in (FR, EN)]

    assert [french in texts[0], english in texts[1]] == [True, True]


# --- strangers' words ------------------------------------------------------------------------------------------------


@BOTH
def test_a_hostile_subject_is_only_words(language: Language) -> None:
    rendered = OURS.render_digest(digests(language)["hostile"])

    shown = "Rappel Bcc: tous@cscmonavenir.example [2J gpj.exe <script>alert(1)</script><b>{{ organisation }}</b>"
    assert shown in re.sub(r"\n +", " ", rendered.text)
    assert "<script" not in rendered.html
    assert "&lt;b&gt;{{ organisation }}&lt;/b&gt;{% raw %}" in rendered.html
    for words in (rendered.text, rendered.html):
        assert not re.search("[\x00-\x09\x0b-\x1f\u2028\u202a-\u202e]", words)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (HOSTILE.split("<")[0], "Rappel Bcc: tous@cscmonavenir.example [2J gpj.exe"),
        ("in\u00adscription", "inscription"),
        ("نامه\u200cها", "نامه\u200cها"),
        ("x" * 200, "x" * (MAX_SHOWN - 1) + "…"),
        ("", ""),
    ],
)
def test_what_is_invisible_or_too_long_is_left_out(text: str, shown: str) -> None:
    assert quiet(text) == shown


# --- plain text ------------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("case", CASES)
def test_plain_text_fits_a_terminal(case: str, language: Language) -> None:
    lines = OURS.render_digest(digests(language)[case]).text.splitlines()

    assert [line for line in lines if len(line) > COLUMNS and LINK not in line] == []
    assert [line for line in lines if line.endswith(" ") and line != "-- "] == []


def test_a_folded_line_is_indented_as_it_began_and_keeps_its_no_break_spaces() -> None:
    line = "   12. " + "mot " * 16 + "mot 16\u00a0h\u00a030"

    assert fold(line).splitlines() == ["   12. " + " ".join(["mot"] * 17), "       16\u00a0h\u00a030"]


def test_french_typography_is_respected() -> None:
    texts = [OURS.render_digest(digest).text for case, digest in digests(FR).items() if case != "hostile"]
    texts += [OURS.render_alert(alert, FR).text for alert in alerts().values()]

    for text in texts:
        ours = text.replace(LINK, "")
        assert re.findall(r"[^\u00a0][;?!»]|«[^\u00a0]|'|[^\u00a0]:", re.sub(r"(Objet|De)\u00a0: .*", "", ours)) == []


# --- HTML ------------------------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """The tags that stand open, every tag with its attributes, and the words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in {"meta", "br", "hr"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def count(self, *tags: str) -> int:
        return sum(tag in tags for tag, _ in self.seen)


def pages(language: Language) -> dict[str, Rendered]:
    found = {case: OURS.render_digest(digest) for case, digest in digests(language).items()}
    return found | {f"alert-{case}": OURS.render_alert(alert, language) for case, alert in alerts().items()}


@BOTH
def test_tables_say_what_they_are_and_nothing_is_loaded(language: Language) -> None:
    for case, rendered in pages(language).items():
        page = Page(rendered.html)

        assert page.open == [], case
        assert page.count("img", "script", "link", "style", "iframe", "form") == 0, case
        assert page.count("table") == page.count("caption") == page.count("thead"), case
        assert (page.count("table") > 0) != (page.count("ul") > 0 and case.startswith("alert")), case
        assert {attrs.get("scope") for tag, attrs in page.seen if tag == "th"} <= {"col", "row", "rowgroup"}, case
        assert {attrs.get("lang") for tag, attrs in page.seen if tag in {"html"}} == {str(language)}, case


@BOTH
def test_html_needs_nothing_that_outlook_has_not(language: Language) -> None:
    for case, rendered in pages(language).items():
        styles = " ".join(attrs["style"] or "" for _, attrs in Page(rendered.html).seen if "style" in attrs)

        assert not re.search(r"flex|grid|float|position:|\drem|\dem\b|rgba|url\(", styles), case
        assert "word-wrap:break-word" in styles, case


@BOTH
def test_colours_have_enough_contrast(language: Language) -> None:
    """WCAG 2, 1.4.3: 4.5 to 1, on the white of the page."""
    html = "".join(rendered.html for rendered in pages(language).values())

    colours = set(re.findall(r"[;\"]color:#([0-9a-f]{6})", html))
    assert colours
    assert [colour for colour in colours if contrast_on_white(colour) < 4.5] == []


def contrast_on_white(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


@BOTH
@pytest.mark.parametrize("case", ["owner", "manager", "held-only", "back", "alert-all"])
def test_what_the_text_says_the_html_says(case: str, language: Language) -> None:
    rendered = pages(language)[case]
    labels = {"objet", "subject", "service"}

    said = set(re.findall(r"\w{4,}", rendered.text.replace(LINK, "").lower()))
    shown = set(re.findall(r"\w{4,}", unescape(re.sub(r"<[^>]+>", " ", rendered.html)).lower()))

    assert said - shown - labels == set()


@BOTH
def test_however_many_requests_stay_below_what_mail_programs_cut_off_and_the_others_are_counted(
    language: Language,
) -> None:
    lines = tuple(map(a_line, range(1, 1_001)))
    rendered = OURS.render_digest(a_digest(language, held=lines, new=lines, rest=lines[:31]))
    others = "970 autres" if language is Language.FR else "970 more"
    the_last = "Une autre, plus récente, ne figure" if language is Language.FR else "One more, newer than these, isn’t"

    assert len(rendered.html.encode()) < 102_000
    for shown in (rendered.text, rendered.html):
        assert shown.count(lines[29].reference) == 3
        assert shown.count(lines[30].reference) == 0
        assert (shown.count(others), shown.count(the_last)) == (2, 1)
    assert OURS.render_digest(a_digest(language, rest=lines[:30])).text.count("mailwatch requests list") == 0


def test_a_link_is_escaped_and_leads_where_it_says() -> None:
    rendered = OURS.render_digest(a_digest(rest=(a_line(link=LINK),)))

    assert [attrs["href"] for tag, attrs in Page(rendered.html).seen if tag == "a"] == [LINK]


def test_an_empty_digest_is_seen_to_be_empty() -> None:
    assert a_digest(silent={"spam": 3}).is_empty
    assert not a_digest(held=(a_held_line(),)).is_empty


def test_the_same_digest_gives_the_same_bytes() -> None:
    first, second = (composed(OURS.render_digest(digests(FR)["owner"])).body for _ in range(2))

    assert first == second


def test_hidden_lines_are_otherwise_whole() -> None:
    digest: Digest = digests(FR)["manager"]

    assert digest.rest[0] == hidden(a_line())
