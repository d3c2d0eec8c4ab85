"""`mailwatch status` of a service with something to tell, and what `check` says of answers that can't be seen."""

import shutil
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from builders import INSCRIPTIONS, MARIE
from cli.fortnight import NOW
from cli.program import EXAMPLE, Program


@pytest.fixture
def configured(fortnight: Path, tmp_path: Path, stop_clock: Callable[[datetime], None]) -> Path:
    """The example configuration on a copy of that database, on 1 December at 10:00."""
    stop_clock(NOW)
    shutil.copy(fortnight, tmp_path / "mailwatch.db")
    return Path(shutil.copy(EXAMPLE, tmp_path / "mailwatch.toml"))


def execute(configured: Path, statement: str) -> None:
    with sqlite3.connect(configured.parent / "mailwatch.db") as database:
        database.execute(statement)
    database.close()


def oldest(program: Program, configured: Path) -> str:
    (facts,) = program("status", "--json", config=configured).objects()
    return str(facts["oldest_late"]["reference"])


def test_the_status_says_what_is_late_and_wrong(program: Program, configured: Path) -> None:
    assert program("status", config=configured).lines == [
        "service      NOT RUNNING: start `mailwatch run`",
        "requests     acknowledged: 1, open: 2, set aside: 1",
        "standing     overdue: 1, at risk: 1, within: 1",
        "outbox       sent: 3",
        f"!            mailbox without progress ({INSCRIPTIONS}), since 2026-11-27 17:00",
        f"!            oldest overdue {oldest(program, configured)}, due 2026-11-30 16:30, {MARIE}",
        "!            1 held back: please acknowledge yourself",
        "!            1 past their acknowledgement's limit",
        f"{INSCRIPTIONS} (no. 1)",
        "  last look 2026-11-26 10:00",
        "  standing overdue: 1, at risk: 1, within: 1",
        "  last answer seen 2026-11-24 09:05, Sent folder Sent",
    ]


def test_the_status_says_it_in_french(program: Program, configured: Path) -> None:
    assert program("status", config=configured, lang="fr").lines == [
        "service      À L'ARRÊT : lancez « mailwatch run »",
        "demandes     accusée : 1, ouverte : 2, mise de côté : 1",
        "échéances    en retard : 1, à risque : 1, dans les délais : 1",
        "envois       envoyé : 3",
        f"!            boîte sans progrès ({INSCRIPTIONS}), depuis 2026-11-27 17:00",
        f"!            le plus ancien retard {oldest(program, configured)}, échéance 2026-11-30 16:30, {MARIE}",
        "!            1 en attente de vous : accusez réception vous-même",
        "!            1 au-delà de la limite d'accusé",
        f"{INSCRIPTIONS} (nº 1)",
        "  dernier regard 2026-11-26 10:00",
        "  échéances en retard : 1, à risque : 1, dans les délais : 1",
        "  dernière réponse vue 2026-11-24 09:05, dossier des messages envoyés Sent",
    ]


def test_the_status_as_json_has_all_of_it(program: Program, configured: Path) -> None:
    (facts,) = program("status", "--json", config=configured).objects()
    assert facts["standings"] == {"overdue": 1, "at risk": 1, "within": 1}
    assert facts["oldest_late"] == {
        "reference": facts["oldest_late"]["reference"],
        "mailbox": INSCRIPTIONS,
        "owner": MARIE,
        "answer_due_at": "2026-11-30T21:30:00+00:00",
    }
    assert [(one["kind"], one["about"]) for one in facts["incidents"]] == [("mailbox without progress", INSCRIPTIONS)]
    assert (facts["held_back"], facts["unacknowledged"]) == (1, 1)
    (mailbox,) = facts["mailboxes"]
    assert mailbox["answer_seen_at"] == "2026-11-24T14:05:00+00:00"
    assert (mailbox["standings"], mailbox["sent_folders"], mailbox["advice"]) == (facts["standings"], ["Sent"], "")


def test_workers_that_share_the_mailboxes_are_shown_with_how_many_each_holds(
    program: Program, configured: Path
) -> None:
    """As PostgreSQL has them: one is there, another was last heard of ten minutes ago."""
    for name, beat_at in (("alpha-7", "2026-12-01T14:59:58.000000Z"), ("beta-8", "2026-12-01T14:50:00.000000Z")):
        facts = '{"watches": "a", "mailboxes": 2}'
        execute(configured, f"INSERT INTO worker VALUES ('{name}', '{beat_at}', '{beat_at}', '{facts}')")
    execute(
        configured,
        "INSERT INTO lease (mailbox, worker, until, fence) "
        f"VALUES ('{INSCRIPTIONS}', 'alpha-7', '2026-12-01T15:00:09.000000Z', 3)",
    )
    assert program("status", config=configured).lines[:3] == [
        "service      running",
        "worker       alpha-7, mailboxes: 1, last heard of 2026-12-01 09:59",
        "worker       beta-8, GONE, mailboxes: 0, last heard of 2026-12-01 09:50",
    ]
    assert program("status", config=configured, lang="fr").lines[2] == (
        "processus    beta-8, DISPARU, boîtes : 0, dernière nouvelle 2026-12-01 09:50"
    )
    (facts_shown,) = program("status", "--json", config=configured).objects()
    shown = [(one["name"], one["is_alive"], one["mailboxes"]) for one in facts_shown["workers"]]
    assert shown == [("alpha-7", True, 1), ("beta-8", False, 0)]


def test_a_mailbox_in_which_no_answer_was_ever_seen_has_an_advice(program: Program, configured: Path) -> None:
    execute(configured, "UPDATE mailbox SET answer_seen_at = NULL")
    (facts,) = program("status", "--json", config=configured, lang="fr").objects()
    assert facts["mailboxes"][0]["advice"].startswith("aucune réponse n’a encore été vue ici\u00a0:")
    told = program("status", config=configured).lines
    assert told[-1].startswith("  ! no answer was ever seen here")
    assert f"Set-Mailbox {INSCRIPTIONS} -MessageCopyForSentAsEnabled $true" in told[-1]
    assert "-MessageCopyForSendOnBehalfEnabled $true" in told[-1]
    assert 'observe_sent = "only"' in told[-1]


def test_a_staff_mailbox_s_answers_lie_beside_it(program: Program, configured: Path) -> None:
    execute(configured, "UPDATE mailbox SET answer_seen_at = NULL")
    configured.write_text(configured.read_text("utf-8").replace('kind = "shared"', 'kind = "staff"'), "utf-8")
    assert "no answer" not in program("status", config=configured).out


def test_a_mailbox_that_is_not_watched_any_more_has_no_advice(program: Program, configured: Path) -> None:
    execute(configured, "UPDATE mailbox SET answer_seen_at = NULL, address = 'ancienne@cscmonavenir.example'")
    lines = program("status", config=configured).lines
    assert lines[-1] == "  standing overdue: 1, at risk: 1, within: 1"


def test_the_check_up_says_where_answers_are_to_be_looked_for(program: Program, configured: Path) -> None:
    seen = [one for one in program("check", "--json", config=configured).objects() if one["about"] == INSCRIPTIONS]
    execute(configured, "UPDATE mailbox SET answer_seen_at = NULL")
    unseen = [one for one in program("check", "--json", config=configured).objects() if one["about"] == INSCRIPTIONS]
    (advice,) = [one for one in unseen if one not in seen]
    assert advice["level"] == "warning"
    assert advice["text"].startswith("no answer was ever seen here, so escalation stops at the owner.")
