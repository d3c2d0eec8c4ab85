"""Templates: the words that must be there, the operator's own ones, and what happens when those fail."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, time
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest
from golden_files import TEMPLATES, a_mailbox, some_facts
from jinja2 import meta

from mailwatch.domain.composition import Rendered
from mailwatch.domain.languages import Language
from mailwatch.errors import TemplateFailed
from mailwatch.rendering import TemplateRenderer, sample_facts
from mailwatch.rendering.dates import format_day, format_time_of_day
from mailwatch.rendering.samples import sample_alert, sample_digests

FR, EN = Language.FR, Language.EN
OURS = TemplateRenderer(None, TEMPLATES, pytest.fail)


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """folder(**{"fr/acknowledgement.txt": "…"}): a folder of the operator's templates."""

    def write(templates: dict[str, str]) -> Path:
        for name, text in templates.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def plain(text: str) -> str:
    return text.replace("\u00a0", " ")


# --- our own words --------------------------------------------------------------------------------------------------


def test_french_states_everything_that_was_promised() -> None:
    mailbox = a_mailbox(contact={FR: "Marie Tremblay, 416-555-0123"}, standards_url="https://x.example/normes")

    text = plain(OURS.render_acknowledgement(mailbox, FR, some_facts()).text)

    assert "Nous avons bien reçu votre demande le mardi 24 novembre 2026 à 10 h 05." in text
    assert "Numéro de référence : MW-7F3K9Q\n" in text
    assert "Réponse prévue au plus tard le mardi 1er décembre 2026\n" in text
    assert "En cas d’urgence, vous pouvez vous adresser à : Marie Tremblay, 416-555-0123\n" in text
    assert "conservant la référence [MW-7F3K9Q] dans l’objet" in text
    assert "accès à l’information et la protection de la vie privée" in text
    assert "Nos normes de service : https://x.example/normes\n" in text
    assert text.endswith(
        "Nous vous remercions de votre confiance.\n\nService des inscriptions\nConseil scolaire catholique MonAvenir\n"
    )


def test_english_states_everything_that_was_promised() -> None:
    mailbox = a_mailbox(contact={EN: "Marie Tremblay, 416-555-0123"}, standards_url="https://x.example/standards")

    text = plain(OURS.render_acknowledgement(mailbox, EN, some_facts()).text)

    assert "We received your request at 10:05 a.m. on Tuesday, November 24, 2026." in text
    assert "Reference number: MW-7F3K9Q\n" in text
    assert "Answer expected no later than Tuesday, December 1, 2026\n" in text
    assert "If your request is urgent, you can turn to: Marie Tremblay, 416-555-0123\n" in text
    assert "keep the reference [MW-7F3K9Q] in the subject" in text
    assert "access-to-information and privacy" in text
    assert "Our service standards: https://x.example/standards\n" in text
    assert text.endswith(
        "Thank you for placing your trust in us.\n\nAdmissions\nConseil scolaire catholique MonAvenir\n"
    )


@pytest.mark.parametrize(
    ("language", "subject"),
    [
        (FR, "Nous avons bien reçu votre demande [MW-7F3K9Q]"),
        (EN, "We have received your request [MW-7F3K9Q]"),
        (None, "Nous avons bien reçu votre demande / We have received your request [MW-7F3K9Q]"),
    ],
)
def test_the_subject_holds_the_reference_once(language: Language | None, subject: str) -> None:
    assert OURS.render_acknowledgement(a_mailbox(), language, some_facts()).subject == subject


@pytest.mark.parametrize("language", [FR, EN])
def test_what_is_not_known_leaves_no_trace(language: Language) -> None:
    rendered = OURS.render_acknowledgement(a_mailbox(), language, some_facts())

    for words in (rendered.text, rendered.html):
        assert not re.search(r"urgen|normes|standards|Objet|Subject:", words)
        assert "\n\n\n" not in words


@pytest.mark.parametrize("language", [FR, EN, None])
def test_no_message_refuses_or_asks_for_thanks(language: Language | None) -> None:
    text = OURS.render_acknowledgement(a_mailbox(), language, some_facts()).text

    refusals = r"unable|cannot|can’t|sorry|regret|ne pas répondre|do not reply|impossible|désolé|malheureusement"
    assert not re.search(refusals, text, re.IGNORECASE)
    assert not re.search(r"\b(tu|ton|ta|tes|toi)\b", text)


def test_internal_and_external_requests_get_the_same_words() -> None:
    mailbox = a_mailbox()

    inside, outside = (
        OURS.render_acknowledgement(mailbox, None, some_facts(is_internal=internal)) for internal in (True, False)
    )

    assert inside == outside


def test_a_subject_is_repeated_only_where_it_is_given_and_cannot_become_html() -> None:
    rendered = OURS.render_acknowledgement(a_mailbox(), FR, some_facts(subject="<b>École</b>\r\nBcc: x"))

    assert "Objet : <b>École</b> Bcc: x\n" in plain(rendered.text)
    assert "Objet : &lt;b&gt;École&lt;/b&gt; Bcc: x\n" in plain(rendered.html)


@pytest.mark.parametrize(
    ("languages", "first", "second"), [((FR, EN), "Bonjour", "Hello"), ((EN, FR), "Hello", "Bonjour")]
)
def test_both_languages_stand_one_after_the_other_the_organisations_first_one_first(
    languages: tuple[Language, ...], first: str, second: str
) -> None:
    rendered = OURS.render_acknowledgement(a_mailbox(languages=languages), None, some_facts())

    assert rendered.languages == languages
    for words in (rendered.text, rendered.html):
        assert 0 < words.index(first) < words.index(second)
    assert rendered.html.index(f'<div lang="{languages[0]}">') < rendered.html.index(f'<div lang="{languages[1]}">')
    assert f'<html lang="{languages[0]}">' in rendered.html


def test_the_top_says_in_the_other_language_that_it_follows() -> None:
    french_first = OURS.render_acknowledgement(a_mailbox(), None, some_facts()).text
    english_first = OURS.render_acknowledgement(a_mailbox(languages=(EN, FR)), None, some_facts()).text

    assert french_first.startswith("The English version follows.\n\nBonjour,")
    assert "La version française précède.\n\nHello," in french_first
    assert english_first.startswith("La version française suit.\n\nHello,")
    assert "The English version appears above.\n\nBonjour," in english_first


def test_a_language_that_is_not_served_gets_those_that_are() -> None:
    rendered = OURS.render_acknowledgement(a_mailbox(languages=(FR,)), EN, some_facts())

    assert rendered.languages == (FR,)
    assert "Hello" not in rendered.text


class Page(HTMLParser):
    """The tags that stand open, and every attribute."""

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


@pytest.mark.parametrize("language", [FR, EN, None])
def test_the_html_is_well_formed_accessible_and_loads_nothing(language: Language | None) -> None:
    mailbox = a_mailbox(contact={FR: "a", EN: "b"}, standards_url="https://x.example/?a=1&b=2")
    rendered = OURS.render_acknowledgement(mailbox, language, some_facts())

    page = Page(rendered.html)

    assert page.open == []
    tags = {tag for tag, _ in page.seen}
    assert not tags & {"img", "script", "link", "style", "table", "iframe", "form"}
    assert {"html", "title"} <= tags
    assert {attrs["href"] for tag, attrs in page.seen if tag == "a"} == {"https://x.example/?a=1&b=2"}
    assert [attrs["lang"] for tag, attrs in page.seen if tag == "div" and "lang" in attrs] == list(rendered.languages)


# --- dates ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "french", "english"),
    [
        (date(2026, 12, 1), "mardi 1er décembre 2026", "Tuesday, December 1, 2026"),
        (date(2026, 11, 24), "mardi 24 novembre 2026", "Tuesday, November 24, 2026"),
        (date(2027, 1, 11), "lundi 11 janvier 2027", "Monday, January 11, 2027"),
        (date(2028, 2, 29), "mardi 29 février 2028", "Tuesday, February 29, 2028"),
        (date(2026, 8, 31), "lundi 31 août 2026", "Monday, August 31, 2026"),
    ],
)
def test_a_day_is_written_as_people_write_it(day: date, french: str, english: str) -> None:
    assert (format_day(day, FR), format_day(day, EN)) == (french, english)


@pytest.mark.parametrize(
    ("moment", "french", "english"),
    [
        (time(10, 5), "10 h 05", "10:05 a.m."),
        (time(16, 0), "16 h", "4:00 p.m."),
        (time(0, 0), "0 h", "12:00 a.m."),
        (time(12, 30), "12 h 30", "12:30 p.m."),
        (time(23, 59), "23 h 59", "11:59 p.m."),
    ],
)
def test_a_time_is_written_as_people_write_it(moment: time, french: str, english: str) -> None:
    assert (plain(format_time_of_day(moment, FR)), plain(format_time_of_day(moment, EN))) == (french, english)


# --- templates as files ---------------------------------------------------------------------------------------------


def test_every_template_has_a_twin_that_names_the_same_facts() -> None:
    environment = jinja2.Environment()

    def names(path: Path) -> set[str]:
        return meta.find_undeclared_variables(environment.parse(path.read_text()))

    french, english = (
        {path.name: names(path) for path in (TEMPLATES / language).iterdir()} for language in ("fr", "en")
    )
    assert french == english
    assert french["acknowledgement.txt"] == french["acknowledgement.html"]


def test_french_typography_has_no_break_spaces_before_colons_and_curly_apostrophes() -> None:
    text = OURS.render_acknowledgement(a_mailbox(contact={FR: "x"}), FR, some_facts(subject="x")).text

    assert re.findall(r"(.):(?!//)", text) == ["\u00a0"] * text.count(":")
    assert "'" not in text
    assert "  " not in text


# --- the operator's own ---------------------------------------------------------------------------------------------


def render(folder: Path, warnings: list[str], language: Language | None = FR) -> Rendered:
    return TemplateRenderer(folder, TEMPLATES, warnings.append).render_acknowledgement(
        a_mailbox(), language, some_facts()
    )


def test_an_operators_template_stands_in_for_ours_and_ours_fill_the_gaps(folder: Callable[..., Path]) -> None:
    warnings: list[str] = []

    rendered = render(folder({"fr/acknowledgement.txt": "Reçu : {{ reference }}\n"}), warnings)

    assert rendered.text == "Reçu : MW-7F3K9Q\n"
    assert rendered.subject == "Nous avons bien reçu votre demande [MW-7F3K9Q]"
    assert warnings == []


def test_a_mailboxs_own_template_goes_before_the_organisations(folder: Callable[..., Path]) -> None:
    templates = folder(
        {
            "fr/acknowledgement.txt": "organisation",
            "inscriptions@cscmonavenir.example/fr/acknowledgement.txt": "boîte",
        }
    )
    renderer = TemplateRenderer(templates, TEMPLATES, pytest.fail)

    texts = [
        renderer.render_acknowledgement(a_mailbox(address=address), FR, some_facts()).text
        for address in ("inscriptions@cscmonavenir.example", "info@cscmonavenir.example")
    ]

    assert texts == ["boîte\n", "organisation\n"]


def test_an_operators_template_may_extend_ours(folder: Callable[..., Path]) -> None:
    layout = '{% include "mailwatch/fr/layout.html" %}<!-- 2026 -->'

    rendered = render(folder({"fr/layout.html": layout}), [])

    assert rendered.html.endswith("</html><!-- 2026 -->")
    assert "<p>" not in plain(rendered.html).split("<body")[0]
    assert "Nous avons bien reçu" in rendered.html


FAILING = {
    "a name we don't give": "Bonjour {{ prenom }}",
    "a syntax error": "Bonjour {% if %}",
    "an error of its own": "{{ 1 // 0 }}",
    "a way out of the sandbox": "{{ ''.__class__.__mro__ }}",
    "nothing": "  \n",
    "a missing piece": '{% include "piece.txt" %}',
}


@pytest.mark.parametrize("part", ["acknowledgement.subject.txt", "acknowledgement.txt", "acknowledgement.html"])
@pytest.mark.parametrize("text", FAILING.values(), ids=FAILING)
def test_a_template_that_fails_gives_way_to_all_of_ours_and_is_told_once(
    folder: Callable[..., Path], part: str, text: str
) -> None:
    warnings: list[str] = []
    templates = folder({"fr/acknowledgement.txt": "les miens", f"fr/{part}": text})
    renderer = TemplateRenderer(templates, TEMPLATES, warnings.append)

    results = [renderer.render_acknowledgement(a_mailbox(), FR, some_facts()) for _ in range(2)]

    assert results == [OURS.render_acknowledgement(a_mailbox(), FR, some_facts())] * 2
    assert len(warnings) == 1
    assert "piece.txt" in warnings[0] or warnings[0].startswith(f"fr/{part}: ")


def test_a_layout_that_fails_gives_way_to_ours(folder: Callable[..., Path]) -> None:
    warnings: list[str] = []

    rendered = render(folder({"fr/layout.html": "{{ nonsense }}"}), warnings)

    assert rendered == OURS.render_acknowledgement(a_mailbox(), FR, some_facts())
    assert warnings == ["fr/layout.html: UndefinedError: 'nonsense' is undefined. Our own wording is sent instead."]


def test_a_failure_in_one_language_leaves_the_other_alone(folder: Callable[..., Path]) -> None:
    templates = folder({"fr/acknowledgement.txt": "{{ x }}", "en/acknowledgement.txt": "Mine {{ reference }}"})

    text = render(templates, [], None).text

    assert "Bonjour," in text
    assert "Mine MW-7F3K9Q" in text


def test_a_mended_template_is_taken_up(folder: Callable[..., Path]) -> None:
    templates = folder({"fr/acknowledgement.txt": "{% if %}"})
    renderer = TemplateRenderer(templates, TEMPLATES, lambda _: None)
    renderer.render_acknowledgement(a_mailbox(), FR, some_facts())

    folder({"fr/acknowledgement.txt": "Reçu."})

    assert renderer.render_acknowledgement(a_mailbox(), FR, some_facts()).text == "Reçu.\n"


def test_a_subject_is_one_line_whatever_the_template_says(folder: Callable[..., Path]) -> None:
    rendered = render(folder({"fr/acknowledgement.subject.txt": "Reçu\r\nBcc: a@b\n\x1b[{{ reference }}]\n"}), [])

    assert rendered.subject == "Reçu Bcc: a@b [MW-7F3K9Q]"


def test_words_of_a_sender_are_never_a_template(folder: Callable[..., Path]) -> None:
    facts = some_facts(subject="{{ reference }}{% raw %}")

    assert "Objet : {{ reference }}{% raw %}\n" in plain(OURS.render_acknowledgement(a_mailbox(), FR, facts).text)


def test_ours_missing_is_an_error_of_the_installation(tmp_path: Path) -> None:
    with pytest.raises(TemplateFailed, match="no such template"):
        TemplateRenderer(None, tmp_path, lambda _: None).render_acknowledgement(a_mailbox(), FR, some_facts())


# --- check ----------------------------------------------------------------------------------------------------------


def test_check_finds_nothing_where_there_is_nothing() -> None:
    assert OURS.check_overrides([a_mailbox()]) == []


def test_check_names_each_failing_template_once(folder: Callable[..., Path]) -> None:
    templates = folder({"fr/acknowledgement.txt": "{% if subject %}{{ oops }}{% endif %}{{ reference }}"})
    renderer = TemplateRenderer(templates, TEMPLATES, pytest.fail)

    problems = renderer.check_overrides([a_mailbox(), a_mailbox(address="info@cscmonavenir.example")])

    assert problems == [
        "fr/acknowledgement.txt: UndefinedError: 'oops' is undefined. "
        "Until it is mended, our own wording is sent instead."
    ]


def test_check_finds_what_renders_and_yet_lacks_something(folder: Callable[..., Path]) -> None:
    templates = folder({"en/acknowledgement.txt": "Thanks."})

    problems = TemplateRenderer(templates, TEMPLATES, pytest.fail).check_overrides([a_mailbox()])

    assert problems == [
        "en/acknowledgement.txt: it never states the reference, so that replies are harder to match.",
        "en/acknowledgement.txt: it never says that somebody is away (`away`); until it does, "
        "our words stand above it.",
        "en/acknowledgement.txt, mailwatch/en/acknowledgement.html: only one of the two is yours; "
        "text and HTML say different things.",
    ]


def test_the_sample_is_a_plausible_request() -> None:
    facts = sample_facts(a_mailbox())

    assert facts.received_at < facts.answer_due_at
    assert replace(facts, subject="x").reference == "MW-7F3K9Q"


# --- reports --------------------------------------------------------------------------------------------------------


def a_renderer(folder: Path, warnings: list[str]) -> TemplateRenderer:
    return TemplateRenderer(folder, TEMPLATES, warnings.append)


def test_an_operators_digest_stands_in_for_ours_and_ours_fill_the_gaps(folder: Callable[..., Path]) -> None:
    warnings: list[str] = []
    renderer = a_renderer(folder({"fr/digest.txt": "{{ words.requests(count) }}, {{ held[0].reference }}\n"}), warnings)

    rendered = renderer.render_digest(sample_digests(FR)[0])

    assert plain(rendered.text) == "3 demandes, MW-4C8H2T\n"
    assert rendered.html == OURS.render_digest(sample_digests(FR)[0]).html
    assert renderer.render_digest(sample_digests(EN)[0]) == OURS.render_digest(sample_digests(EN)[0])
    assert warnings == []


def test_an_operators_words_are_used_by_our_digest(folder: Callable[..., Path]) -> None:
    words = (TEMPLATES / "fr" / "digest.words.txt").read_text().replace("Échéance proche", "Sous peu <b>")

    rendered = a_renderer(folder({"fr/digest.words.txt": words}), []).render_digest(sample_digests(FR)[0])

    assert "MW-9D5W6X – Sous peu <b>" in rendered.text
    assert "<strong>Sous peu <b></strong>" in rendered.html  # the operator's own words are HTML, as in a template


def test_a_report_is_laid_out_as_acknowledgements_are(folder: Callable[..., Path]) -> None:
    rendered = a_renderer(folder({"fr/layout.html": "<html>{{ title }}|{{ body }}</html>"}), []).render_alert(
        sample_alert(), FR
    )

    assert rendered.html.startswith(f'<html>{rendered.subject}|<div lang="fr">')


@pytest.mark.parametrize("report", ["digest", "alert"])
@pytest.mark.parametrize("part", ["subject.txt", "txt", "html", "words.txt"])
@pytest.mark.parametrize("text", FAILING.values(), ids=FAILING)
def test_a_reports_template_that_fails_gives_way_to_all_of_ours_and_is_told_once(
    folder: Callable[..., Path], report: str, part: str, text: str
) -> None:
    warnings: list[str] = []
    renderer = a_renderer(folder({f"fr/{report}.txt": "les miens", f"fr/{report}.{part}": text}), warnings)

    def render(each: TemplateRenderer) -> Rendered:
        return (
            each.render_digest(sample_digests(FR)[0]) if report == "digest" else each.render_alert(sample_alert(), FR)
        )

    results = [render(renderer) for _ in range(2)]

    assert results == [render(OURS)] * 2
    assert len(warnings) == 1


def test_checks_try_every_branch_of_an_operators_digest_and_alert(folder: Callable[..., Path]) -> None:
    templates = folder(
        {
            "fr/digest.txt": "{{ away }}{% if owns %}{{ day }}{% else %}{{ prenom }}{% endif %}",
            "fr/alert.html": "{% for group in over %}{{ group.nom }}{% endfor %}",
        }
    )

    problems = a_renderer(templates, []).check_overrides([a_mailbox()])

    assert [problem.partition(": ")[0] for problem in problems] == ["fr/digest.txt", "fr/alert.html"]
    assert (
        a_renderer(folder({"fr/digest.txt": "{{ day }}{{ away }}", "fr/alert.html": "x"}), []).check_overrides(
            [a_mailbox()]
        )
        == []
    )
