"""The day of return, by the words of out-of-office replies received on Saturday 28 November 2026."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stopwatch import stopwatch

from mailwatch.domain.messages import MAX_HEAD
from mailwatch.domain.returns import find_return_date

RECEIVED_ON = date(2026, 11, 28)  # a Saturday
LONG_LINE = "Merci d'avoir écrit. " * 30


def found(text: str, subject: str = "Réponse automatique : Inscription") -> str | None:
    day = find_return_date(subject, text, RECEIVED_ON)
    return str(day) if day else None


@pytest.mark.parametrize(
    ("text", "day"),
    [
        # A return by name.
        ("Je serai de retour le lundi 14 décembre.", "2026-12-14"),
        ("Je serai de retour le\nlundi 14 décembre.", "2026-12-14"),
        ("de retour au bureau le 14 décembre 2026", "2026-12-14"),
        ("Je serai de retour au travail le 14 déc. 2026, à 8 h 30.", "2026-12-14"),
        ("Je serai de retour mardi le 1er décembre.", "2026-12-01"),
        ("Je serai de retour lundi.", "2026-11-30"),
        ("Nous serons de retour en classe dès le 4 janvier.", "2027-01-04"),
        ("Mon retour est prévu le 14 décembre.", "2026-12-14"),
        ("Retour prévu : lundi 14 décembre", "2026-12-14"),
        ("Date de retour : 2026-12-14", "2026-12-14"),
        ("Je vous répondrai à mon retour, le 14 décembre.", "2026-12-14"),
        ("Je reviens le 14 décembre.", "2026-12-14"),
        ("Je serai de retour à compter du 14 décembre.", "2026-12-14"),
        ("Elle revient au bureau le 14 décembre.", "2026-12-14"),
        ("Je reprendrai mes fonctions le 4 janvier 2027.", "2027-01-04"),
        ("Je serai de nouveau disponible à compter du 14 décembre.", "2026-12-14"),
        ("Je ne serai pas de retour avant le 4 janvier.", "2027-01-04"),
        ("Je serai de retour le 14 decembre", "2026-12-14"),
        ("JE SERAI DE RETOUR LE 14 DÉCEMBRE", "2026-12-14"),
        ("I will be back on December 14.", "2026-12-14"),
        ("I'll be back in the office on 2026-12-14.", "2026-12-14"),
        ("I’m back on Monday.", "2026-11-30"),
        ("Back Tuesday!", "2026-12-01"),
        ("I am away, returning Monday, December 14th.", "2026-12-14"),
        ("I will return 14/12/2026.", "2026-12-14"),
        ("I am out of the office and will return on Tuesday.", "2026-12-01"),
        ("I shall be returning to the office on 14 Dec 2026.", "2026-12-14"),
        ("I will reply upon my return on December 14.", "2026-12-14"),
        ("Return date: Dec. 14, 2026", "2026-12-14"),
        ("I will not be back until January 4.", "2027-01-04"),
        ("I won't be back before January 4, 2027.", "2027-01-04"),
        ("I will be available again from December 14.", "2026-12-14"),
        ("The office is closed from December 24 to January 1. We reopen on January 4.", "2027-01-04"),
        ("L'école est fermée du 24 décembre au 1er janvier et rouvrira le 4 janvier.", "2027-01-04"),
        # The last day away.
        ("Je suis absente jusqu'au 11 décembre inclusivement.", "2026-12-12"),
        ("Je suis absente du bureau jusqu’au 11 décembre (inclus).", "2026-12-12"),
        ("Je suis en vacances jusqu'au 5 janvier. Je répondrai à votre message à mon retour.", "2027-01-06"),
        ("Je suis à l'extérieur du bureau jusqu'au lundi 4 janvier inclus.", "2027-01-05"),
        ("Absent du 7 au 11 décembre.", "2026-12-12"),
        (
            "Je serai en congé du lundi 7 au vendredi 11 décembre 2026 avec un accès limité à mes courriels.",
            "2026-12-12",
        ),
        ("Du 20 décembre au 4 janvier, le bureau est fermé.", "2027-01-05"),
        ("I am away through December 11.", "2026-12-12"),
        ("I'm out of the office until December 11 inclusive.", "2026-12-12"),
        ("I'm on vacation until and including December 11.", "2026-12-12"),
        ("I will be away from 7 to 11 December.", "2026-12-12"),
        ("Out of office December 7–11.", "2026-12-12"),
        ("I am out of the office from December 7 to 11, 2026.", "2026-12-12"),
        ("I am on leave from 7 December to 11 December 2026.", "2026-12-12"),
        # English until: mostly the day of return.
        ("I am out of the office until December 14.", "2026-12-14"),
        ("I am travelling with little access to e-mail until Monday. I will get back to you then.", "2026-11-30"),
        ("I am away until Monday, December 14 and will answer your message then.", "2026-12-14"),
        ("I am on leave until September 7, 2027.", "2027-09-07"),
        # Several, which agree.
        ("Absente jusqu'au 11 décembre. / I am out of the office until December 11.", "2026-12-12"),
        ("Absente jusqu'au 14 décembre.\n\nI am away, and back on December 14.", "2026-12-14"),
        ("Absente jusqu'au 14 décembre. / I am away until Monday, December 14.", "2026-12-14"),
        ("Absent du 7 au 11 décembre. De retour le 14 décembre.", "2026-12-14"),
        ("De retour lundi, le 30 novembre.\n\nBack on Monday.", "2026-11-30"),
        ("I am away until December 12, from 7 to 11 December.", "2026-12-12"),
        (f"{LONG_LINE}Je serai de retour le 14 décembre. {LONG_LINE}", "2026-12-14"),
    ],
)
def test_the_day_of_return_is_found(text: str, day: str) -> None:
    assert found(text) == day


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I am away today.",
        "Je suis absente pour une durée indéterminée.",
        # Not about a return.
        "Thank you for your message of December 3.",
        "J'ai bien reçu votre message du 3 décembre.",
        "Please return the form by December 3.",
        "Books must be returned on December 3.",
        "Retournez le formulaire le 3 décembre.",
        "J'attends votre retour le 14 décembre.",
        "I'll get back to you on December 14.",
        "I will call you back on Monday.",
        "Je suis absente. Téléphone : 514 555-0114, poste 12.",
        "I am away. The library is open until December 14.",
        "Absente. Les inscriptions se font du 7 au 11 décembre.",
        "Nous sommes ouverts du 7 au 11 décembre.",
        "Check out our hours, December 7-11.",
        "I am away. My colleague Paul will be back on Monday.",
        "Je suis absente. Écrivez à Marie, qui sera de retour le 7 décembre.",
        # A return, but when?
        "I will be back after December 14.",
        "I will be back by the end of December.",
        "I will not be back on December 14.",
        "Je ne serai pas de retour le 14 décembre.",
        "Je serai de retour lundi prochain.",
        "Je serai de retour demain.",
        "Je serai de retour le lundi 14.",
        "Je serai de retour en janvier.",
        "Je suis en congé jusqu'à lundi.",
        "Je suis en congé jusqu'au lundi 14 décembre.",
        "Je suis absente jusqu'au 8 décembre exclusivement.",
        "Back on 07/12/2026.",
        "Back on 31 April.",
        "Je serai de retour le mardi 14 décembre.",  # a Monday
        # It lies behind, or too far ahead.
        "Je serai de retour le 14 novembre.",
        "Je serai de retour le 14 novembre 2026.",
        "I am back on November 27, 2026.",
        "I will be back on December 14, 2206.",
        # Contradictions.
        "I am back on December 14. I am back on December 15.",
        "De retour le 9 décembre. Absent du 7 au 11 décembre.",
        "Absent jusqu'au 11 décembre. I am away until December 18.",
        "Away through December 11, back on January 11.",
        # Not the writer's own words.
        "Je suis absente.\n\n> Je serai de retour le 14 décembre.",
        "Je suis absente.\n\nLe lun. 23 nov. 2026 à 10 h 15, Jean <j@x.example> a écrit :\nDe retour le 14 décembre.",
        "I am away.\n\n-----Original Message-----\nI will be back on December 14.",
        "I am away.\n\nBest regards,\nSophie\nBack on December 14",
        f"{'x' * 272} I will be back on January 11.",  # cut after 300 characters, it would be the 1st
    ],
)
def test_what_names_no_return_with_confidence_is_none(text: str) -> None:
    assert found(text) is None


@pytest.mark.parametrize(
    ("subject", "day"),
    [
        ("Absent jusqu'au 11 décembre inclus", "2026-12-12"),
        ("Out of office until December 14", "2026-12-14"),
        ("Sophie Nadeau is out of the office (returning 2026-12-14)", "2026-12-14"),
        ("Out of office until December 14 Re: Inscription", "2026-12-14"),
        ("Automatic reply: Absent until December 14", None),  # what stands behind is our subject, or the first one
        ("RE: Absent jusqu'au 11 décembre", None),
    ],
)
def test_a_subject_of_ones_own_counts(subject: str, day: str | None) -> None:
    assert found("Merci de votre message.", subject) == day


def test_a_gateway_s_banner_is_nobody_s_word() -> None:
    banner = "Notice: the office is closed until December 14."
    assert found(banner) == "2026-12-14"
    assert find_return_date("", banner, RECEIVED_ON, (banner,)) is None


@pytest.mark.parametrize(
    ("received_on", "day"),
    [
        (date(2026, 12, 14), date(2026, 12, 14)),
        (date(2026, 12, 15), None),  # an old notice, not next year's
        (date(2027, 1, 12), None),
        (date(2027, 1, 13), date(2027, 12, 14)),  # eleven months ahead
    ],
)
def test_a_date_without_its_year_is_the_next_one_unless_it_has_just_gone(received_on: date, day: date | None) -> None:
    assert find_return_date("", "De retour le 14 décembre.", received_on) == day


@pytest.mark.parametrize(
    "seed",
    [
        "1", "1 ", "14 décembre ", "de retour le ", "back on ", "absent du 7 au ", "until Monday ", "jusqu'au 11 ",
        "12/12/2026-", "1-", " ", "\n", "\n\n", ".", ". ", "lundi, le ", "return to the office ", "décembre 7-", "é",
        "away from ", "not ", "away until December 14 ",
    ],
)  # fmt: skip
def test_any_length_of_anything_is_read_in_no_time(seed: str) -> None:
    text = seed * (100_000 // len(seed))
    with stopwatch() as spent:
        find_return_date(text, text, RECEIVED_ON)
    assert len(text) > MAX_HEAD
    assert spent.seconds < 0.05


WORDS = st.sampled_from(
    """
    de retour le lundi 14 31 0 décembre févr. 2026 9999 0000 2026-12-14 12/14/2026 back on until from to absent du au
    jusqu'au inclus away - – . , ( ) Monday December > not return
    """.split()  # noqa: SIM905
)
RECEIVED = st.dates()


@given(st.text(max_size=300), st.text(), RECEIVED)
def test_any_text_is_read_without_an_exception(subject: str, text: str, received_on: date) -> None:
    day = find_return_date(subject, text, received_on)
    assert day is None or day >= received_on


@given(st.lists(WORDS, max_size=40), RECEIVED)
def test_any_words_of_returns_are_read_without_an_exception(words: list[str], received_on: date) -> None:
    day = find_return_date(" ".join(words), " ".join(words), received_on)
    assert day is None or day >= received_on
