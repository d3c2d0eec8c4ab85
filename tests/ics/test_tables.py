"""Tables of absences, as spreadsheets save them, with everything that is wrong with them at once."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stopwatch import stopwatch

from mailwatch.domain.languages import Language
from mailwatch.domain.outings import FoundAbsence
from mailwatch.ics import parse_table, tell_table_problem

MARIE = "marie.tremblay@cscmonavenir.example"
PAUL = "paul.roy@cscmonavenir.example"

ENGLISH = f"""\
who,away_from,returns_on,delegate,audience,text_fr,text_en,note
{MARIE},2026-12-07,2026-12-14,{PAUL},internal,"Absente, sans accès.","Away.
No access.",vacances
"{PAUL.title()}",2026-12-21,,,,,,
"""
FRENCH = f"""\
Qui;Absent(e) du;De retour le;Remplaçante;Public;Texte FR;Texte EN;Remarque
{MARIE};07/12/2026;14/12/2026;{PAUL};internes;"Absente, sans accès.";"Away.
No access.";vacances

;;;;;;;
{PAUL};21/12/2026;;;tous;;;
"""
EXPECTED = (
    FoundAbsence(
        uid=f"{MARIE}/20261207",
        who=MARIE,
        away_from=date(2026, 12, 7),
        returns_on=date(2026, 12, 14),
        delegate=PAUL,
        audience="internal",
        note="vacances",
        text={Language.FR: "Absente, sans accès.", Language.EN: "Away.\nNo access."},
    ),
    FoundAbsence(uid=f"{PAUL}/20261221", who=PAUL, away_from=date(2026, 12, 21), returns_on=None),
)


@pytest.mark.parametrize(
    "data",
    [
        ENGLISH.encode(),
        ENGLISH.replace("\n", "\r\n").encode("utf-8-sig"),
        ENGLISH.replace(",", "\t").replace("Absente\t", "Absente,").encode("utf-16"),
        FRENCH.encode("cp1252"),
        FRENCH.replace("\n", "\r\n").encode("utf-8-sig"),
    ],
    ids=["English", "Excel's UTF-8", "Excel's Unicode text", "Windows-1252", "French"],
)
def test_a_table_is_read_as_spreadsheets_save_it(data: bytes) -> None:
    table = parse_table(data)
    assert table.problems == ()
    assert table.absences == EXPECTED


def test_everything_that_is_wrong_is_told_at_once_with_its_line() -> None:
    table = parse_table(
        f"""who;away_from;returns_on;delegate;audience
;2026-12-07
marie;07/13/2026;;{PAUL}
{PAUL};2026-12-07;2026-12-07;{PAUL};everybody

{MARIE};2026-12-07;;;;;too much
{MARIE};2026-12-07
{MARIE};;2026-02-30
{MARIE};0001-01-01
""".encode()
    )
    assert table.absences == ()
    assert [(problem.line, problem.kind) for problem in table.problems] == [
        (2, "who_missing"),
        (3, "address"),
        (3, "date"),
        (4, "audience"),
        (4, "own_delegate"),
        (4, "reversed"),
        (6, "cells"),
        (7, "same_twice"),
        (8, "away_from_missing"),
        (8, "date"),
        (9, "date"),
    ]
    assert tell_table_problem(table.problems[2], Language.EN).startswith('line 3: "07/13/2026" isn\'t a date; write')
    assert tell_table_problem(table.problems[-4], Language.FR) == (
        "ligne 7\u00a0: la même absence figure déjà à la ligne 6"
    )


@pytest.mark.parametrize(
    ("data", "kinds"),
    [
        (b"", ["table_empty"]),
        (b"\n ; ;\n", ["table_empty"]),
        (b"who,whence\n", ["column_unknown", "column_missing"]),
        (b"who,qui,away_from\n", ["column_twice"]),
        (b"BEGIN:VCALENDAR\n", ["column_unknown", "column_missing", "column_missing"]),
        (b'who,away_from\n"a" b,c\n', ["table_broken"]),
        (b"who,away_from\n" + b"x" * 200_000, ["table_broken"]),
        (b"x" * 2_000_000, ["table_too_large"]),
        (b"who,away_from\n" + b"a\n" * 30_000, ["table_too_long"]),
    ],
)
def test_a_table_that_isnt_one_is_refused_as_a_whole(data: bytes, kinds: list[str]) -> None:
    with stopwatch() as spent:
        table = parse_table(data)
    assert [problem.kind for problem in table.problems] == kinds
    assert spent.seconds < 1
    for problem in table.problems:
        for language in Language:
            assert "{" not in tell_table_problem(problem, language)


@given(
    st.one_of(
        st.binary(max_size=500),
        st.text(max_size=500).map(lambda text: f"who;away_from\n{text}".encode("utf-8", "replace")),
    )
)
def test_any_bytes_are_a_table_or_problems(data: bytes) -> None:
    table = parse_table(data)
    assert not (table.absences and table.problems)
