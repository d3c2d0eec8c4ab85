"""What was found stays mended, and a few hundred damaged messages in every run; `make fuzz` tries as many as it can."""

import random

import pytest
from domain.monsters import MONSTERS
from fuzz.mutation import mutate
from fuzz.seeds import load_found, load_seeds
from fuzz.target import play
from hypothesis import given, settings
from hypothesis import strategies as st

DAMAGED = 300


def test_what_was_found_is_mended() -> None:
    for raw in load_found():
        play(raw)


@pytest.mark.parametrize("name", MONSTERS)
def test_a_monster_is_judged_and_answered_in_bounded_time(name: str) -> None:
    play(MONSTERS[name])


def test_damaged_messages_are_judged_and_answered() -> None:
    dice, seeds = random.Random(20261128), load_seeds()
    for _ in range(DAMAGED):
        play(mutate(dice.choice(seeds), seeds, dice))


@given(subject=st.text(max_size=300), name=st.text(max_size=80), message_id=st.text(max_size=80))
@settings(deadline=None, max_examples=150)
def test_any_words_of_a_stranger_s_are_answered(subject: str, name: str, message_id: str) -> None:
    """As UTF-8 in the headers, with whatever line ends: what follows one is a header of the stranger's, not of ours."""
    text = (
        f"From: {name} <parent@courriel.example>\r\nTo: inscriptions@cscmonavenir.example\r\nSubject: {subject}\r\n"
        f"Message-ID: <{message_id}@courriel.example>\r\nReferences: <{message_id}>\r\n\r\nBonjour, une question ?\r\n"
    )
    play(text.encode("utf-8", "surrogatepass"))
