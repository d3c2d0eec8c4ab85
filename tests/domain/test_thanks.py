"""Mere thanks, and what only looks like it: a corpus of both in both languages, and what a message has beside words."""

import tomllib
from pathlib import Path

import pytest
from builders import a_message

from mailwatch.domain.messages import MAX_HEAD, Message, parse_message
from mailwatch.domain.thanks import is_only_thanks

CORPUS = Path(__file__).parents[1] / "thanks"
BANNER = "AVERTISSEMENT : Ce courriel provient de l'extérieur de l'organisation."
ENOUGH = 60  # texts of either kind, in either language


def texts(kind: str) -> list[str]:
    files = sorted(CORPUS.glob("*.toml"))
    return [text for file in files for text in tomllib.loads(file.read_text("utf-8"))[kind]]


def a_reply(body: str, *headers: str, subject: str = "Re: Inscription ?") -> Message:
    """What Sophie writes back."""
    return a_message(
        "In-Reply-To: <a@b>",
        *(headers or ("Content-Type: text/plain; charset=utf-8",)),
        from_="Sophie Nadeau <sophie.nadeau@courriel.example>",
        subject=subject,
        body=body or "\n",
    )


def a_multipart(kind: str, *parts: str) -> Message:
    body = "".join(f"--b\n{part}\n" for part in parts) + "--b--\n"
    return a_reply(body, f'Content-Type: multipart/{kind}; boundary="b"')


PLAIN = "Content-Type: text/plain; charset=utf-8\n\nMerci beaucoup !\n"
HTML = "Content-Type: text/html; charset=utf-8\n\n<p>Merci beaucoup !</p>\n"
LOGO = 'Content-Type: image/png; name="image001.png"\nContent-Disposition: inline\n\niVBORw0KGgo=\n'
PDF = 'Content-Type: application/pdf; name="formulaire.pdf"\n\nJVBERi0=\n'
NOTE = 'Content-Type: text/plain; name="note.txt"\n\nAutre chose.\n'

# --- the corpus ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", texts("thanks"))
def test_mere_thanks_are_seen(text: str) -> None:
    assert is_only_thanks(a_reply(text), (BANNER,))


@pytest.mark.parametrize("text", texts("more"))
def test_what_says_more_than_thanks_is_not_missed(text: str) -> None:
    assert not is_only_thanks(a_reply(text), (BANNER,))


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_corpus_has_enough_of_both_and_nothing_twice(path: Path) -> None:
    corpus = tomllib.loads(path.read_text("utf-8"))
    both = corpus["thanks"] + corpus["more"]
    assert len(both) == len(set(both))
    assert min(len(corpus["thanks"]), len(corpus["more"])) >= ENOUGH


@pytest.mark.parametrize("text", texts("thanks"))
@pytest.mark.parametrize(
    "more",
    ["Mais le lien est brisé.", "Quand ouvrez-vous ?", "Please call me.", "Je passerai le 3.", "One more thing."],
)
def test_no_thanks_hide_what_stands_above_or_below_them(text: str, more: str) -> None:
    assert not is_only_thanks(a_reply(f"{more}\n\n{text}"), (BANNER,))
    if not any(quoted in text for quoted in ("a écrit :", "De :", "wrote:", "From:", "\n-- \n")):  # what follows is cut
        assert not is_only_thanks(a_reply(f"{text}\n\n{more}"), (BANNER,))


# --- beside the words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "is_thanks"),
    [
        (a_multipart("alternative", PLAIN, HTML), True),
        (a_multipart("related", HTML, LOGO), True),  # the logo of a signature
        (a_multipart("mixed", PLAIN), False),  # what is attached may lie beyond what was fetched
        (a_multipart("mixed", PLAIN, PDF), False),
        (a_multipart("mixed", PLAIN, LOGO), False),  # a picture, not a logo
        (a_multipart("related", HTML, PDF), False),
        (a_multipart("alternative", PLAIN, NOTE), False),
        (a_multipart("alternative", PLAIN, PLAIN), False),
    ],
)
def test_whoever_attaches_something_says_more_than_thanks(message: Message, is_thanks: bool) -> None:
    assert is_only_thanks(message) is is_thanks


@pytest.mark.parametrize(
    ("subject", "is_thanks"),
    [
        ("Re: Inscription", True),
        ("RE : Quand ouvrez-vous ?", True),  # our own question, or the first one
        ("[EXTERNE] Re: Inscription", True),
        ("", True),
        ("Merci !", True),
        ("Thank you", True),
        ("Inscription de mon fils", False),
        ("Autre question", False),
    ],
)
def test_a_subject_of_ones_own_says_more_than_thanks(subject: str, is_thanks: bool) -> None:
    assert is_only_thanks(a_reply("Merci beaucoup !", subject=subject), (), ("[EXTERNE]",)) is is_thanks


def test_a_name_that_is_not_the_sender_s_own_is_news() -> None:
    assert is_only_thanks(a_reply("Merci beaucoup !\n\nSophie Nadeau"))
    assert not is_only_thanks(a_reply("Merci beaucoup !\n\nEmma Nadeau-Roy"))


@pytest.mark.parametrize(
    "seed", ["merci ", "Merci\n", "?!", "Thanks, ", "( ", "Cordialement,\n", "\n\n", "M. ", "a'b-"]
)
def test_any_length_of_anything_is_judged_in_no_time(seed: str) -> None:
    assert not is_only_thanks(a_reply(seed * (MAX_HEAD // len(seed))))


def test_what_stands_too_far_down_to_be_looked_at_is_not_taken_for_nothing() -> None:
    assert not is_only_thanks(a_reply("Merci !" + 600 * "\n" + "Quand ouvrez-vous ?"))
    assert not is_only_thanks(a_reply("Merci !\n\nSophie Nadeau\n" + 9 * "Société Boréale\n"))


@pytest.mark.parametrize("raw", [b"", b"\x00\xff", b"Subject: \n\n\xff\xfe", b"From: x\n\nmerci"])
def test_any_bytes_are_judged(raw: bytes) -> None:
    assert is_only_thanks(parse_message(raw)) is (b"merci" in raw)
