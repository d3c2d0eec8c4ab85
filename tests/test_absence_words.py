"""What is said of an absence: in acknowledgements and notices, whole in tests/golden, and in the note to a delegate."""

import email
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from email.policy import default
from html import unescape
from pathlib import Path

import pytest
from absence_files import (
    CONTACT,
    OWN_WORDS,
    PAUL,
    a_closing,
    a_note,
    a_notice,
    acknowledgements,
    an_away,
    notes,
    notices,
)
from digest_files import HOSTILE, LINK, MORNING, a_digest, a_line, a_while_away, an_away_line
from golden_files import NOW, OWN_ID, TEMPLATES, a_mailbox, a_question, assert_golden, some_facts
from test_digests import Page, plain

from mailwatch.domain.composition import (
    AwayFacts,
    Composed,
    Rendered,
    compose_acknowledgement,
    compose_report,
    own_message_id,
)
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.rendering import TemplateRenderer
from mailwatch.rendering.reports import COLUMNS

FR, EN = Language.FR, Language.EN
OURS = TemplateRenderer(None, TEMPLATES, pytest.fail)
LANGUAGES = pytest.mark.parametrize("language", [FR, EN, None], ids=["fr", "en", "bilingual"])
BOTH = pytest.mark.parametrize("language", [FR, EN])
HOSTILE_NAME = "D’Arcy <b>&\r\nBcc: x@y.example\u2028{{ reference }}{% raw %}"


def acknowledged(away: AwayFacts, language: Language | None = FR, mailbox: Mailbox | None = None) -> Rendered:
    return OURS.render_acknowledgement(mailbox or a_mailbox(), language, replace(some_facts(), away=away))


def every_message(language: Language | None) -> list[Rendered]:
    """All acknowledgements and notices of the golden files."""
    return [
        *(OURS.render_acknowledgement(box, language, facts) for box, facts in acknowledgements().values()),
        *(OURS.render_notice(box, language, facts) for box, facts in notices().values()),
    ]


def composed(rendered: Rendered, mailbox: Mailbox) -> Composed:
    return compose_acknowledgement(rendered, mailbox, a_question(), "parent@example.org", OWN_ID, NOW)


def words_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


# --- whole mails -----------------------------------------------------------------------------------------------------


@LANGUAGES
@pytest.mark.parametrize("case", acknowledgements())
def test_whole_acknowledgements_during_an_absence_are_as_reviewed(case: str, language: Language | None) -> None:
    mailbox, facts = acknowledgements()[case]
    rendered = OURS.render_acknowledgement(mailbox, language, facts)

    body = composed(rendered, mailbox).body

    assert_golden(f"acknowledgement.{language or 'bilingual'}.away-{case}.eml", body)
    assert email.message_from_bytes(body, policy=default)["Subject"] == rendered.subject


@LANGUAGES
@pytest.mark.parametrize("case", notices())
def test_whole_notices_are_as_reviewed(case: str, language: Language | None) -> None:
    mailbox, facts = notices()[case]
    rendered = OURS.render_notice(mailbox, language, facts)

    body = composed(rendered, mailbox).body

    assert_golden(f"notice.{language or 'bilingual'}.{case}.eml", body)
    assert email.message_from_bytes(body, policy=default)["Subject"] == rendered.subject


@BOTH
@pytest.mark.parametrize("case", notes(FR))
def test_whole_notes_are_as_reviewed(case: str, language: Language) -> None:
    rendered = OURS.render_note(notes(language)[case])
    message_id = own_message_id(b"key", PAUL.email, "MW-7F3K9Q", "note", "cscmonavenir.example")
    address = {"sender": "inscriptions@cscmonavenir.example", "recipient": PAUL.email}

    body = compose_report(rendered, sender_name="mailwatch", message_id=message_id, now=MORNING, **address).body

    assert_golden(f"note.{language}.{case}.eml", body)
    assert email.message_from_bytes(body, policy=default)["Subject"] == rendered.subject


# --- who is away, until when, and whom to turn to --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("away", "french", "english"),
    [
        (
            an_away(),
            "Marie Tremblay est hors du bureau et sera de retour le lundi 14 décembre 2026.",
            "Marie Tremblay is out of the office and will be back on Monday, December 14, 2026.",
        ),
        (
            an_away(returns_on=date(2026, 12, 1)),
            "Marie Tremblay est hors du bureau et sera de retour le mardi 1er décembre 2026.",
            "Marie Tremblay is out of the office and will be back on Tuesday, December 1, 2026.",
        ),
        (
            an_away(returns_on=None),
            "Marie Tremblay est hors du bureau ; la date de son retour n’est pas encore connue.",
            "Marie Tremblay is out of the office; the date of return is not known yet.",
        ),
        (
            a_closing(),
            "Notre service est fermé et rouvrira le lundi 4 janvier 2027.",
            "Our service is closed, and opens again on Monday, January 4, 2027.",
        ),
        (
            a_closing(returns_on=None),
            "Notre service est fermé ; la date de la réouverture n’est pas encore connue.",
            "Our service is closed; the date on which it opens again is not known yet.",
        ),
    ],
)
def test_who_is_away_and_until_when_stands_high_up(away: AwayFacts, french: str, english: str) -> None:
    for language, expected in ((FR, french), (EN, english)):
        for rendered in (
            acknowledged(away, language),
            OURS.render_notice(a_mailbox(), language, a_notice(away=away)),
        ):
            assert plain(rendered.text).split("\n\n")[2] == expected
            assert f"<strong>{expected}</strong></p>" in plain(rendered.html)


@pytest.mark.parametrize(
    ("away", "french", "english"),
    [
        (an_away(), "absence, retour le lundi 14 décembre", "out of the office, back on Monday, December 14"),
        (an_away(returns_on=None), "absence en cours", "out of the office for now"),
        (
            a_closing(),
            "service fermé, réouverture le lundi 4 janvier",
            "service closed, open again on Monday, January 4",
        ),
        (a_closing(returns_on=None), "service fermé en ce moment", "service closed for now"),
    ],
)
def test_the_subject_says_so_too(away: AwayFacts, french: str, english: str) -> None:
    notice = a_notice(reference="", away=away)
    subjects = [
        acknowledged(away, None).subject,
        OURS.render_notice(a_mailbox(), None, notice).subject,
        OURS.render_notice(a_mailbox(), EN, replace(notice, reference="MW-7F3K9Q")).subject,
    ]

    assert [plain(subject) for subject in subjects] == [
        f"Demande reçue – {french} / Request received – {english} [MW-7F3K9Q]",
        f"Message reçu – {french} / Message received – {english}",
        f"Message received – {english} [MW-7F3K9Q]",
    ]


@BOTH
def test_whom_to_turn_to_is_named_with_everything_that_is_known(language: Language) -> None:
    expected = {
        FR: "vous adresser à :\nPaul Roy, Technicien, Service des inscriptions\n"
        "Courriel : paul.roy@cscmonavenir.example\nTéléphone : 416-555-0123, poste 2211\n",
        EN: "you can turn to:\nPaul Roy, Technicien, Service des inscriptions\n"
        "E-mail: paul.roy@cscmonavenir.example\nTelephone: 416-555-0123, poste 2211\n",
    }[language]

    for rendered in (acknowledged(an_away(), language), OURS.render_notice(a_mailbox(), language, a_notice())):
        assert expected in plain(rendered.text)
        assert " ".join(expected.split()) in plain(words_of(rendered.html))
        assert '<a href="mailto:paul.roy@cscmonavenir.example"' in rendered.html


@BOTH
def test_what_is_not_known_of_the_cover_leaves_no_trace(language: Language) -> None:
    bare = an_away(cover=replace(PAUL, title="", phone=""))

    text = plain(acknowledged(bare, language).text)

    assert "\nPaul Roy\n" in text
    assert "Téléphone" not in text
    assert "Telephone" not in text


@BOTH
@pytest.mark.parametrize("away", [an_away(cover=None), a_closing()])
def test_where_nobody_covers_the_contact_is_named_once(language: Language, away: AwayFacts) -> None:
    mailbox = a_mailbox(contact=CONTACT)
    meanwhile = {FR: "Entre-temps, vous pouvez vous adresser à : ", EN: "In the meantime, you can turn to: "}[language]

    for rendered in (
        acknowledged(away, language, mailbox),
        OURS.render_notice(mailbox, language, a_notice(away=away)),
    ):
        for words in (plain(rendered.text), plain(words_of(rendered.html))):
            assert meanwhile + CONTACT[language] in words
            assert words.count("416-555-0100") == 1


def test_where_somebody_covers_the_contact_does_not_compete() -> None:
    assert "416-555-0100" not in acknowledged(an_away(), None, a_mailbox(contact=CONTACT)).text


@LANGUAGES
def test_where_there_is_nobody_to_turn_to_nobody_is_promised(language: Language | None) -> None:
    rendered = acknowledged(an_away(cover=None), language)

    for words in (rendered.text, rendered.html):
        assert not re.search("adresser à|turn to", words)
        assert "\n\n\n" not in words


@LANGUAGES
def test_the_organisations_own_words_stand_in_their_language_line_by_line(language: Language | None) -> None:
    rendered = acknowledged(an_away(text=OWN_WORDS), language)

    for each in (language,) if language else (FR, EN):
        assert f"\n\n{OWN_WORDS[each]}\n\n" in rendered.text
        assert OWN_WORDS[each].replace("\n", "<br>") in rendered.html
    assert len(re.findall("maternelle|Kindergarten", rendered.text)) == len(rendered.languages)


@pytest.mark.parametrize(
    ("away", "is_handed"), [(an_away(), True), (an_away(cover=None), False), (a_closing(cover=PAUL), True)]
)
def test_a_request_is_said_to_be_in_somebodys_hands_only_where_somebody_is_there(
    away: AwayFacts, is_handed: bool
) -> None:
    rendered = acknowledged(away, None)

    for words in (rendered.text, rendered.html):
        assert ("est confiée à une personne de notre équipe" in words) == is_handed
        assert ("is being handed to a member of our team" in words) == is_handed
        assert "répondra d’ici cette date." in words
        assert "will answer you by that date." in words
        assert "mardi 1er décembre 2026" in words
        assert "MW-7F3K9Q" in words


@BOTH
def test_a_notice_states_the_reference_only_where_there_is_one(language: Language) -> None:
    known = OURS.render_notice(a_mailbox(), language, a_notice(subject="Inscription", is_internal=True))
    unknown = OURS.render_notice(a_mailbox(), language, a_notice(reference=""))

    labels = {FR: ("Numéro de référence : MW-7F3K9Q", "Objet : Inscription"), EN: ("Reference number: ", "Subject: ")}
    for words in (plain(known.text), plain(words_of(known.html))):
        assert [label in words for label in labels[language]] == [True, True]
        assert "[MW-7F3K9Q]" in words
    for words in (unknown.text, unknown.html):
        assert not re.search(r"MW-|\[|Objet|Subject:|férence", words)
        assert "\n\n\n" not in words


# --- courtesy, languages, form ---------------------------------------------------------------------------------------


@LANGUAGES
def test_no_message_refuses_or_asks_for_thanks(language: Language | None) -> None:
    refusals = r"unable|cannot|can’t|sorry|regret|ne pas répondre|do not reply|impossible|désolé|malheureusement"
    for rendered in every_message(language):
        assert not re.search(refusals, rendered.text, re.IGNORECASE)
        assert not re.search(r"\b(tu|ton|ta|tes|toi)\b", rendered.text)
        assert re.search("Nous vous remercions de votre confiance|Thank you for placing your trust", rendered.text)


def test_french_typography_is_respected() -> None:
    texts = [rendered.text for rendered in every_message(FR)]
    texts += [OURS.render_note(note).text for note in notes(FR).values()]

    for text in texts:
        assert re.findall(r"[^\u00a0][;?»]|«[^\u00a0]|'|[^\u00a0]:(?!//)", text) == []
        assert "  " not in text


@pytest.mark.parametrize(("languages", "first"), [((FR, EN), "Marie Tremblay est"), ((EN, FR), "Marie Tremblay is")])
def test_a_notice_joins_both_languages_as_an_acknowledgement_does(languages: tuple[Language, ...], first: str) -> None:
    rendered = OURS.render_notice(a_mailbox(languages=languages), None, a_notice())

    assert rendered.languages == languages
    assert rendered.text.index(first) == rendered.text.index("Marie Tremblay")
    page = Page(rendered.html)
    assert [attrs["lang"] for tag, attrs in page.seen if tag == "div" and "lang" in attrs] == list(languages)
    assert rendered.text.startswith(
        {FR: "The English version follows.", EN: "La version française suit."}[languages[0]]
    )


@LANGUAGES
def test_the_html_of_messages_is_well_formed_and_loads_nothing(language: Language | None) -> None:
    for rendered in every_message(language):
        page = Page(rendered.html)

        assert page.open == []
        assert page.count("img", "script", "link", "style", "table", "iframe", "form") == 0
        said, shown = (set(re.findall(r"\w{4,}", words)) for words in (rendered.text, words_of(rendered.html)))
        assert said - shown == set()


# --- the note to a delegate ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returns_on", "french", "english"),
    [
        (date(2026, 12, 14), "Retour prévu : lundi 14 décembre 2026", "Expected back: Monday, December 14, 2026"),
        (None, "Retour prévu : date encore inconnue", "Expected back: not known yet"),
    ],
)
def test_a_note_says_in_whose_place_and_until_when(returns_on: date | None, french: str, english: str) -> None:
    labels = {FR: f"Vous remplacez : Marie Tremblay {french}", EN: f"You are covering for: Marie Tremblay {english}"}
    for language, expected in labels.items():
        rendered = OURS.render_note(a_note(language, returns_on=returns_on))

        assert expected in " ".join(plain(rendered.text).split())
        assert expected in plain(words_of(rendered.html))


@BOTH
def test_a_note_says_which_request_and_how_to_answer(language: Language) -> None:
    note = a_note(language, line=a_line(link=LINK))

    rendered = OURS.render_note(note)

    expected = ("MW-7F3K9Q", "jean.cote@courriel.example", "Inscription à la maternelle", "Service des inscriptions")
    for words in (rendered.text, rendered.html):
        assert [
            each for each in (*expected, "inscriptions@cscmonavenir.example", "armoire 3") if each not in words
        ] == []
    assert LINK in rendered.text
    assert [attrs["href"] for tag, attrs in Page(rendered.html).seen if tag == "a"] == [LINK]
    assert (
        plain(rendered.subject)
        == {
            FR: "Demande MW-7F3K9Q : vous remplacez Marie Tremblay",
            EN: "Request MW-7F3K9Q: you are covering for Marie Tremblay",
        }[language]
    )


@BOTH
def test_what_a_note_does_not_know_leaves_no_trace(language: Language) -> None:
    rendered = OURS.render_note(a_note(language, name="", note="", line=a_line(sender="", subject="")))

    assert rendered.text.splitlines()[0] in {"Bonjour,", "Hello,"}
    for words in (rendered.text, rendered.html):
        assert not re.search(r"Objet|Subject|From|\bDe\b|(?i:note à|note for)|<a ", words)


@BOTH
def test_a_note_is_a_table_of_labels_that_fits_a_terminal(language: Language) -> None:
    for case, note in notes(language).items():
        rendered = OURS.render_note(note)
        page = Page(rendered.html)

        assert page.open == [], case
        assert page.count("table") == page.count("caption") == 1, case
        assert {attrs.get("scope") for tag, attrs in page.seen if tag == "th"} == {"row"}, case
        assert page.count("th") == page.count("td") == 5, case
        assert f'<div lang="{language}">' in rendered.html, case
        assert [line for line in rendered.text.splitlines() if len(line) > COLUMNS] == [], case


# --- nobody's words are a template, or more than words ---------------------------------------------------------------


@LANGUAGES
def test_a_name_or_own_words_cannot_break_a_message(language: Language | None) -> None:
    text = {FR: "Ligne <i>1</i>\r\n\r\n{{ away }}\x00{% raw %}", EN: "Line <i>1</i>\r\n\r\n{{ away }}\x00{% raw %}"}
    away = an_away(name=HOSTILE_NAME, cover=replace(PAUL, name=HOSTILE_NAME, title="<u>", phone="\n\n1"), text=text)

    for rendered in (acknowledged(away, language), OURS.render_notice(a_mailbox(), language, a_notice(away=away))):
        assert "D’Arcy <b>& Bcc: x@y.example {{ reference }}{% raw %} " in rendered.text
        assert re.search(r"(Ligne|Line) <i>1</i>\n\n\{\{ away \}\} \{% raw %\}\n", rendered.text)
        assert Page(rendered.html).open == []
        assert not re.search("<[biu]>", rendered.html)
        assert "&lt;i&gt;1&lt;/i&gt;<br><br>{{ away }} {% raw %}</p>" in rendered.html
        for words in (rendered.subject, rendered.text, rendered.html):
            assert not re.search("[\x00-\x09\x0b-\x1f\u2028]", words)
        assert email.message_from_bytes(composed(rendered, a_mailbox()).body, policy=default)["Bcc"] is None


@BOTH
def test_a_note_survives_whatever_stands_in_it(language: Language) -> None:
    note = a_note(
        language,
        name=HOSTILE_NAME,
        absent=HOSTILE_NAME,
        note="<b>1</b>\r\n{{ words }}\x00{% raw %}",
        line=a_line(subject=HOSTILE, sender="<b>\u202e\r\nx@courriel.example"),
    )

    rendered = OURS.render_note(note)

    assert Page(rendered.html).open == []
    assert not re.search("<b>|<script", rendered.html)
    assert "&lt;b&gt;1&lt;/b&gt;<br>{{ words }} {% raw %}</p>" in rendered.html
    for words in (rendered.subject, rendered.text, rendered.html):
        assert not re.search("[\x00-\x09\x0b-\x1f\u2028\u202a-\u202e]", words)
    assert "\n" not in rendered.subject


def test_an_address_is_escaped_where_it_is_a_link() -> None:
    odd = an_away(cover=replace(PAUL, email="a?b&c%d@cscmonavenir.example"))

    html = acknowledged(odd).html

    assert 'href="mailto:a%3Fb%26c%25d@cscmonavenir.example"' in html
    assert ">a?b&amp;c%d@cscmonavenir.example</a>" in html


# --- an operator's templates -----------------------------------------------------------------------------------------


@pytest.fixture
def renderer(tmp_path: Path) -> Callable[..., TemplateRenderer]:
    """renderer({"fr/acknowledgement.txt": "…"}): one with these templates of the operator; a failing one fails."""

    def build(templates: dict[str, str], warn: Callable[[str], None] = pytest.fail) -> TemplateRenderer:
        for name, text in templates.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return TemplateRenderer(tmp_path, TEMPLATES, warn)

    return build


AWAY = replace(some_facts(), away=an_away())
OLD = {"fr/acknowledgement.txt": "Reçu : {{ reference }}\n", "fr/acknowledgement.html": "<p>Reçu : {{ reference }}</p>"}


def test_an_acknowledgement_of_before_there_were_absences_says_them_above_its_words(
    renderer: Callable[..., TemplateRenderer],
) -> None:
    rendered = renderer(OLD).render_acknowledgement(a_mailbox(), FR, AWAY)

    first, *_ = plain(rendered.text).split("\n")
    assert first == "Marie Tremblay est hors du bureau et sera de retour le lundi 14 décembre 2026."
    assert plain(rendered.text).endswith("Téléphone : 416-555-0123, poste 2211\n\nReçu : MW-7F3K9Q\n")
    assert rendered.html.index("hors du bureau") < rendered.html.index("mailto:paul.roy") < rendered.html.index("Reçu")
    assert "absence, retour le" in rendered.subject


def test_and_on_other_days_it_is_alone(renderer: Callable[..., TemplateRenderer]) -> None:
    assert renderer(OLD).render_acknowledgement(a_mailbox(), FR, some_facts()).text == "Reçu : MW-7F3K9Q\n"


@pytest.mark.parametrize(
    "template",
    [
        "{{ reference }} {{ away.words }}",
        "{{ reference }} {% if away %}{{ away.words }}{% endif %}",
        '{% set reference = "x" %}{% include "mailwatch/fr/acknowledgement.txt" %}',
        '{% extends "mailwatch/fr/acknowledgement.txt" %}',
        '{% include "fr/piece.txt" %}',
    ],
)
def test_a_template_that_takes_absences_up_says_them_once(
    renderer: Callable[..., TemplateRenderer], template: str
) -> None:
    theirs = renderer({"fr/acknowledgement.txt": template, "fr/piece.txt": "Pièce. {{ away.words }}"})

    text = theirs.render_acknowledgement(a_mailbox(), FR, AWAY).text

    assert text.count("hors du bureau") == 1
    assert not text.startswith("Marie")


def test_a_template_may_say_an_absence_in_its_own_way(renderer: Callable[..., TemplateRenderer]) -> None:
    own = "{% if away %}{{ away.name }} : {{ away.return_date }}, {{ away.cover.email }}{% endif %}"

    text = renderer({"fr/acknowledgement.txt": own}).render_acknowledgement(a_mailbox(), FR, AWAY).text

    assert text == "Marie Tremblay : lundi 14 décembre 2026, paul.roy@cscmonavenir.example\n"


def test_what_is_said_of_an_absence_may_be_the_operators(renderer: Callable[..., TemplateRenderer]) -> None:
    theirs = renderer(
        {"fr/away.txt": "Absence : {{ away.name }}.", "fr/away.html": "<p>Absence : {{ away.name }}.</p>"}
    )

    for rendered in (
        theirs.render_acknowledgement(a_mailbox(), FR, AWAY),
        theirs.render_notice(a_mailbox(), FR, a_notice()),
    ):
        assert "\n\nAbsence : Marie Tremblay.\n\n" in rendered.text
        assert "\n<p>Absence : Marie Tremblay.</p>\n" in rendered.html


@pytest.mark.parametrize("part", ["away.txt", "away.html", "notice.txt", "notice.html", "notice.subject.txt"])
def test_a_notices_template_that_fails_gives_way_to_all_of_ours_and_is_told_once(
    renderer: Callable[..., TemplateRenderer], part: str
) -> None:
    warnings: list[str] = []
    theirs = renderer({"fr/notice.txt": "les miens {{ away.words }}", f"fr/{part}": "{{ prenom }}"}, warnings.append)

    results = [theirs.render_notice(a_mailbox(), FR, a_notice()) for _ in range(2)]

    assert results == [OURS.render_notice(a_mailbox(), FR, a_notice())] * 2
    assert [warning.partition(": ")[0] for warning in warnings] == [f"fr/{part}"]


def test_a_note_may_be_the_operators_and_ours_fill_the_gaps(renderer: Callable[..., TemplateRenderer]) -> None:
    theirs = renderer({"fr/note.txt": "{{ absent }}, {{ words.back(return_date) }} : {{ line.reference }}"})

    rendered = theirs.render_note(a_note())

    assert rendered.text == "Marie Tremblay, lundi 14 décembre 2026 : MW-7F3K9Q\n"
    assert rendered.html == OURS.render_note(a_note()).html


def test_a_digest_of_before_there_were_absences_gives_way_on_the_first_day_back(
    renderer: Callable[..., TemplateRenderer],
) -> None:
    theirs = renderer({"fr/digest.txt": "Le mien : {{ count }}\n"})
    back = a_digest(rest=(a_line(),), away=a_while_away(an_away_line()))

    assert theirs.render_digest(back) == OURS.render_digest(back)
    assert theirs.render_digest(replace(back, away=None)).text == "Le mien : 1\n"


def test_check_names_the_templates_that_are_silent_on_absences(renderer: Callable[..., TemplateRenderer]) -> None:
    theirs = renderer(OLD | {"fr/digest.html": "<p>{{ day }}</p>", "fr/notice.txt": "Avis {{ reference }}"})

    problems = theirs.check_overrides([a_mailbox()])

    silent = [problem.partition(": ")[0] for problem in problems if "never says" in problem]
    assert silent == ["fr/acknowledgement.txt", "fr/acknowledgement.html", "fr/notice.txt", "fr/digest.html"]


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("away.txt", "x{% if not away.return_date %}{{ oops }}{% endif %}"),
        ("acknowledgement.html", "{{ reference }}{% if away and not away.name %}{{ oops }}{% endif %}"),
        ("notice.subject.txt", "{{ reference }}{% if not away.cover %}{{ oops }}{% endif %}x"),
        ("note.txt", "x{% if not note %}{{ oops }}{% endif %}"),
        ("digest.txt", "{{ day }}{% if away and away.more %}{{ oops }}{% endif %}"),
    ],
)
def test_check_tries_every_branch_of_an_absence(
    renderer: Callable[..., TemplateRenderer], name: str, template: str
) -> None:
    problems = renderer({f"fr/{name}": template}).check_overrides([a_mailbox()])

    assert any(problem.startswith(f"fr/{name}: UndefinedError: 'oops'") for problem in problems)
