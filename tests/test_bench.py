"""The measurements' own parts: what is measured must be what it is said to be."""

import email
from datetime import UTC, datetime

import pytest

from bench.corpus import MIX, automatic_reply, messages, newsletter
from bench.table import Result, Round, markdown

UNTIL = datetime(2026, 11, 23, 15, tzinfo=UTC)
INBOX = "requests@example.test"


def test_the_same_seed_gives_the_same_mail() -> None:
    assert list(messages(20, INBOX, UNTIL, seed=1)) == list(messages(20, INBOX, UNTIL, seed=1))
    assert list(messages(20, INBOX, UNTIL, seed=1)) != list(messages(20, INBOX, UNTIL, seed=2))


def test_a_message_has_29_kilobytes_on_average() -> None:
    sizes = [len(raw) for raw in messages(3000, INBOX, UNTIL)]

    assert sum(sizes) / len(sizes) == pytest.approx(29_000, rel=0.05)


def test_every_message_can_be_parsed_and_has_an_id_of_its_own() -> None:
    parsed = [email.message_from_bytes(raw) for raw in messages(300, INBOX, UNTIL)]

    assert [defect for message in parsed for part in message.walk() for defect in part.defects] == []
    assert len({message["Message-ID"] for message in parsed}) == 300


def test_the_mix_is_what_the_module_says() -> None:
    parsed = [email.message_from_bytes(raw) for raw in messages(3000, INBOX, UNTIL)]

    assert sum(MIX.values()) == 100
    assert sum("List-Id" in message for message in parsed) / 30 == pytest.approx(MIX[newsletter], abs=2)
    assert sum("Auto-Submitted" in message for message in parsed) / 30 == pytest.approx(MIX[automatic_reply], abs=2)


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    rounds = [Round(floor=1.0, ours=9.0), Round(floor=2.0, ours=3.0), Round(floor=1.0, ours=2.0)]
    result = Result(what="x", on="SQLite", count=10, goal=2.0, rounds=rounds)

    assert result.ratio == 2.0
    assert result.is_met


def test_the_table_is_markdown_with_aligned_columns() -> None:
    assert markdown(["a", "b"], [["longer", "c"]]) == "| a      | b |\n|--------|---|\n| longer | c |"
