"""`mailwatch requests`: lists by standing, the story of one, and what a person decides."""

import asyncio
import re
import shutil
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from builders import INSCRIPTIONS, MARIE, a_mailbox, a_staff_mailbox
from cli.fortnight import AMINA, BULLETIN, DAVID, LEA, NOW, SOPHIE
from cli.program import EXAMPLE, Done, Program, plain
from services.world import a_letter, a_world

PAUL = "paul.roy@cscmonavenir.example"
WHY = ("--why", "par téléphone", "--by", "paul")


@pytest.fixture
def configured(fortnight: Path, tmp_path: Path, stop_clock: Callable[[datetime], None]) -> Path:
    """The example configuration on a copy of that database, on 1 December at 10:00."""
    stop_clock(NOW)
    shutil.copy(fortnight, tmp_path / "mailwatch.db")
    return Path(shutil.copy(EXAMPLE, tmp_path / "mailwatch.toml"))


def row_of(program: Program, configured: Path, requester: str) -> dict[str, Any]:
    (row,) = [
        row
        for row in program("requests", "list", "--json", config=configured).objects()
        if row["requester"] == requester
    ]
    return row


def reference_of(program: Program, configured: Path, requester: str) -> str:
    return str(row_of(program, configured, requester)["reference"])


def story_of(program: Program, configured: Path, requester: str) -> dict[str, Any]:
    reference = reference_of(program, configured, requester)
    (story,) = program("requests", "show", "--json", reference, config=configured).objects()
    return story


def told(done: Done) -> list[str]:
    """Lines, with what depends on a database's key made the same: references, Message-IDs, who was written first."""
    text = re.sub(r"MW-[0-9A-Z]{6}", "MW", "\n".join(done.lines))
    text = re.sub(r"entry: \d+", "entry: n", re.sub(r"<mw\.[^>]*>", "<mw>", text))
    return [" ".join(line.split()) for line in text.splitlines()]


# --- list -------------------------------------------------------------------------------------------------------------


def test_requests_are_listed_with_their_standing(program: Program, configured: Path) -> None:
    assert told(program("requests", "list", config=configured)) == [
        f"MW open, at risk (forwarded) 2026-11-24 11:00 → 2026-12-01 16:30 {LEA} Transport",
        f"MW open, within 2026-11-23 10:03 → 2026-12-03 16:30 {AMINA} Changement d'adresse",
        f"MW set aside 2026-11-23 10:02 → 2026-11-30 16:30 {DAVID} School bus",
        f"MW acknowledged, overdue 2026-11-23 10:00 → 2026-11-30 16:30 {SOPHIE} Inscription de ma fille",
    ]


def test_standings_are_told_in_french_too(program: Program, configured: Path) -> None:
    words = [line[11:46].strip() for line in program("requests", "list", config=configured, lang="fr").lines]
    assert words == ["ouverte, à risque (forwarded)", "ouverte, dans les délais", "mise de côté", "accusée, en retard"]


@pytest.mark.parametrize(
    ("options", "requesters"),
    [
        (("--standing", "overdue"), [SOPHIE]),
        (("--standing", "at-risk"), [LEA]),
        (("--standing", "within"), [AMINA]),
        (("--standing", "within", "--state", "acknowledged"), []),
        (("--standing", "overdue", "--mailbox", INSCRIPTIONS), [SOPHIE]),
        (("--standing", "overdue", "--limit", "1"), [SOPHIE]),
        (("--state", "set aside"), [DAVID]),
        (("--owner", MARIE.upper()), [LEA, AMINA, DAVID, SOPHIE]),
        (("--owner", PAUL), []),
        (("--owner", ""), []),
        (("--since", "2026-11-24"), [LEA]),
    ],
)
def test_requests_are_chosen_by_standing_and_owner(
    program: Program, configured: Path, options: tuple[str, ...], requesters: list[str]
) -> None:
    done = program("requests", "list", "--json", *options, config=configured)
    assert (done.code, done.err) == (0, "")
    assert [row["requester"] for row in done.objects()] == requesters


def test_a_standing_moves_with_the_clock_and_is_no_settled_request_s(
    program: Program, configured: Path, stop_clock: Callable[[datetime], None]
) -> None:
    assert row_of(program, configured, AMINA)["standing"] == "within"
    assert row_of(program, configured, DAVID)["standing"] is None
    stop_clock(datetime.fromisoformat("2026-12-03T21:30:00+00:00"))  # exactly when it is due
    assert row_of(program, configured, AMINA)["standing"] == "at risk"
    stop_clock(datetime.fromisoformat("2026-12-03T21:30:00.000001+00:00"))
    assert row_of(program, configured, AMINA)["standing"] == "overdue"


def test_the_register_lists_messages_by_the_number_that_releases_them(program: Program, configured: Path) -> None:
    assert told(program("requests", "list", "--register", config=configured)) == [
        f"2 bulk (list_header) 2026-11-23 10:01 {BULLETIN} Bulletin"
    ]
    assert told(program("requests", "list", "--register", config=configured, lang="fr")) == [
        f"2 envoi en nombre (list_header) 2026-11-23 10:01 {BULLETIN} Bulletin"
    ]
    (row,) = program("requests", "list", "--register", "--json", config=configured).objects()
    assert (row["id"], row["kind"], row["sender"], row["reference"]) == (2, "bulk", BULLETIN, "")


@pytest.mark.parametrize("options", [("--since", "2026-11-24"), ("--mailbox", INSCRIPTIONS, "--since", "2026-11-24")])
def test_an_empty_register_is_told_beside_the_result(
    program: Program, configured: Path, options: tuple[str, ...]
) -> None:
    done = program("requests", "list", "--register", *options, config=configured, lang="fr")
    assert (done.code, done.out, done.err) == (0, "", "(aucun message)\n")


@pytest.mark.parametrize("register", [(), ("--register",)])
def test_a_misspelt_mailbox_is_no_empty_list(program: Program, configured: Path, register: tuple[str, ...]) -> None:
    done = program("requests", "list", *register, "--mailbox", "inscription@x.example", config=configured)
    assert (done.code, done.out) == (2, "")
    assert f"no mailbox inscription@x.example; there are: {INSCRIPTIONS}" in done.err
    mailbox = f" {INSCRIPTIONS.upper()} "
    assert program("requests", "list", *register, "--mailbox", mailbox, config=configured).lines


@pytest.mark.parametrize("option", [("--state", "open"), ("--standing", "overdue"), ("--owner", "")])
def test_the_register_knows_no_states(program: Program, configured: Path, option: tuple[str, ...]) -> None:
    done = program("requests", "list", "--register", *option, config=configured)
    assert (done.code, done.out) == (2, "")
    assert "--register goes with --mailbox" in done.err


# --- show -------------------------------------------------------------------------------------------------------------


def test_the_story_tells_evidence_clocks_and_arithmetic(program: Program, configured: Path) -> None:
    reference = reference_of(program, configured, AMINA)
    assert told(program("requests", "show", reference, config=configured)) == [
        f"MW open, within {INSCRIPTIONS}",
        f"from {AMINA}",
        "subject Changement d'adresse",
        f"owner {MARIE}",
        "received 2026-11-23 10:03",
        "clock since 2026-11-26 10:00",
        "acknowledge by 2026-11-25 10:03 (48h)",
        "answer by 2026-12-03 16:30 (5 business days)",
        "announced 2026-11-30 16:30",
        "acknowledged 2026-11-23 10:09",
        "withheld by –",
        "answered 2026-11-24 09:00",
        "How the due date follows",
        "Thu 26 Nov 2026: received 10:00 (day 0)",
        "Fri 27 Nov 2026: day 1",
        "Sat 28 Nov 2026 – Sun 29 Nov 2026: closed, weekend",
        "Mon 30 Nov 2026: day 2",
        "Tue 1 Dec 2026: day 3",
        "Wed 2 Dec 2026: day 4",
        "Thu 3 Dec 2026: day 5, due at 16:30",
        "Earlier clocks",
        "2026-11-23 10:03 → 2026-11-24 09:00 answered (due 2026-11-30 16:30, met)",
        "Events",
        "2026-11-23 10:03 opened (mailwatch) reason: person",
        "2026-11-23 10:03 acknowledgement enqueued (mailwatch) not before: 2026-11-23 10:08",
        "2026-11-23 10:09 acknowledged (mailwatch) entry: n; attempts: 1; outcome: sent",
        f"2026-11-24 09:00 answered ({MARIE}) [recorded 2026-11-24 09:05] seen by: sent folder; confidence: 99%; "
        f"seen in: {INSCRIPTIONS}; joined by: in-reply-to",
        "2026-11-26 10:00 followed up (mailwatch) joined by: in-reply-to; confidence: 99%",
        "2026-11-26 10:00 reopened (mailwatch)",
        "Sent",
        f"2026-11-23 10:09 acknowledgement sent → {AMINA} <mw> 250 ok",
    ]


def test_the_story_is_told_in_french(program: Program, configured: Path) -> None:
    reference = reference_of(program, configured, AMINA)
    lines = told(program("requests", "show", reference, config=configured, lang="fr"))
    assert {
        f"MW ouverte, dans les délais {INSCRIPTIONS}",
        "répondre avant 2026-12-03 16:30 (5 jours ouvrables)",
        "Calcul de l'échéance",
        "jeu. 3 déc. 2026 : jour 5, échéance à 16 h 30",
        "Délais antérieurs",
        "2026-11-23 10:03 → 2026-11-24 09:00 répondue (échéance 2026-11-30 16:30, respecté)",
        f"2026-11-24 09:00 répondue ({MARIE}) [enregistré le 2026-11-24 09:05] vue par : dossier des messages "
        f"envoyés ; confiance : 99 % ; vue dans : {INSCRIPTIONS} ; reliée par : in-reply-to",
        "2026-11-26 10:00 rouverte (mailwatch)",
    } <= set(lines)


def test_the_story_tells_what_was_escalated_and_what_a_person_decided(program: Program, configured: Path) -> None:
    sophie = reference_of(program, configured, SOPHIE)
    assert "2026-11-27 17:00 before 1 business day" in told(program("requests", "show", sophie, config=configured))
    french = told(program("requests", "show", sophie, config=configured, lang="fr"))
    assert french[-3].endswith("escaladée (mailwatch) niveau : 1 jour ouvrable avant l'échéance ; à : responsable")
    assert french[french.index("Escalades") + 1] == "2026-11-27 17:00 1 jour ouvrable avant l'échéance"
    david = reference_of(program, configured, DAVID)
    lines = told(program("requests", "show", david, config=configured, lang="fr"))
    assert "2026-11-23 10:09 mise de côté (marie) motif : double d'un appel" in lines


async def a_letter_and_its_out_of_office(folder: Path) -> None:
    async with a_world(folder, a_mailbox()) as world:
        await world.look()
        world.arrive(a_letter(1, sender=SOPHIE))
        headers = ["Auto-Submitted: auto-replied", "In-Reply-To: <1@courriel.example>"]
        world.arrive(a_letter(2, sender=SOPHIE, body="Je serai de retour le 1er décembre.", headers=headers))
        for _ in range(2):  # a reply ends the batch that its request was opened in
            await world.look()


def test_the_story_tells_when_the_requester_returns(
    program: Program, tmp_path: Path, stop_clock: Callable[[datetime], None]
) -> None:
    stop_clock(NOW)
    asyncio.run(a_letter_and_its_out_of_office(tmp_path))
    (tmp_path / "world.db").rename(tmp_path / "mailwatch.db")
    config = Path(shutil.copy(EXAMPLE, tmp_path / "mailwatch.toml"))
    reference = reference_of(program, config, SOPHIE)
    assert (
        "2026-11-23 10:00 auto-replied (mailwatch) joined by: in-reply-to; confidence: 99%; "
        "returns on: Tuesday, December 1, 2026"
    ) in told(program("requests", "show", reference, config=config))
    assert (
        "2026-11-23 10:00 réponse automatique reçue (mailwatch) reliée par : in-reply-to ; confiance : 99 % ; "
        "de retour le : mardi 1er décembre 2026"
    ) in told(program("requests", "show", reference, config=config, lang="fr"))
    assert story_of(program, config, SOPHIE)["events"][-1]["data"]["returns_on"] == "2026-12-01"


def test_the_story_as_json_has_all_of_it(program: Program, configured: Path) -> None:
    story = story_of(program, configured, AMINA)
    assert story["request"]["standing"] == "within"
    answered = story["events"][3]
    assert (answered["kind"], answered["by"]) == ("answered", MARIE)
    assert answered["occurred_at"] == "2026-11-24T14:00:00+00:00"
    assert answered["at"] == "2026-11-24T14:05:00+00:00"
    assert (answered["data"]["evidence"], answered["data"]["confidence"]) == ("sent folder", 0.99)
    (clock,) = story["earlier_clocks"]
    assert (clock["n"], clock["due_at"], clock["stopped_by"]) == (1, "2026-11-30T21:30:00+00:00", "answered")
    assert (story["is_reckonable"], story["siblings"], story["escalations"]) == (True, [], [])
    assert [step["on"] for step in story["arithmetic"]][::6] == ["2026-11-26", "2026-12-03"]
    assert story["arithmetic"][-1]["text_fr"].endswith("échéance à 16\u00a0h\u00a030")
    (level,) = story_of(program, configured, SOPHIE)["escalations"]
    assert (level["level"], level["escalated_at"]) == ("before 1 business day", "2026-11-27T22:00:00+00:00")


def test_a_date_that_holidays_would_move_now_is_said_to_stand(program: Program, configured: Path) -> None:
    with sqlite3.connect(configured.parent / "mailwatch.db") as database:
        database.execute("UPDATE request SET answer_due_at = '2026-12-04T21:30:00.000000Z'")
    database.close()
    lines = told(program("requests", "show", reference_of(program, configured, AMINA), config=configured))
    assert "(public holidays have been corrected since: the date above stands)" in lines


# --- close, set aside, reopen, assign, release ------------------------------------------------------------------------


def test_several_requests_are_closed_at_once_and_each_failure_is_one_sentence(
    program: Program, configured: Path
) -> None:
    sophie, amina = (reference_of(program, configured, who) for who in (SOPHIE, AMINA))
    done = program("requests", "close", sophie.lower(), "MW-000000", amina, *WHY, config=configured)
    assert done.code == 1
    assert done.lines == [
        f"{sophie}  closed  {INSCRIPTIONS}  {MARIE}",
        f"{amina}  closed  {INSCRIPTIONS}  {MARIE}",
    ]
    assert done.err == (
        "mailwatch: MW-000000: there is no request with this reference; `mailwatch requests list` shows them\n"
    )
    assert row_of(program, configured, SOPHIE)["state"] == "closed"
    last = story_of(program, configured, SOPHIE)["events"][-1]
    assert (last["kind"], last["by"], last["data"]) == ("closed", "paul", {"why": "par téléphone"})


def test_what_was_done_is_one_json_object_a_line(program: Program, configured: Path) -> None:
    sophie = reference_of(program, configured, SOPHIE)
    done = program("requests", "set-aside", sophie, "mw-000000", *WHY, "--json", config=configured, lang="fr")
    assert (done.code, done.err) == (1, "")
    first, second = done.objects()
    assert first == {
        "done": True,
        "reference": sophie,
        "mailbox": INSCRIPTIONS,
        "state": "set aside",
        "owner": MARIE,
    }
    assert (second["done"], second["given"]) == (False, "MW-000000")
    assert plain(second["problem"]) == (
        "MW-000000 : aucune demande ne porte cette référence ; « mailwatch requests list » les montre"
    )


def test_a_reference_given_twice_is_done_once(program: Program, configured: Path) -> None:
    sophie = reference_of(program, configured, SOPHIE)
    done = program("requests", "close", sophie, sophie.removeprefix("MW-").lower(), *WHY, config=configured)
    assert (done.code, len(done.lines), done.err) == (0, 1, "")


async def one_letter_to_two(folder: Path) -> None:
    async with a_world(folder, a_mailbox(), a_staff_mailbox()) as world:
        await world.look()
        for mailbox in world.mailboxes:
            world.arrive(a_letter(1, to=f"{INSCRIPTIONS}, {MARIE}"), mailbox)
        await world.look()


def test_what_one_message_opened_may_be_closed_by_any_and_all_of_its_references(
    program: Program, tmp_path: Path, stop_clock: Callable[[datetime], None]
) -> None:
    stop_clock(NOW)
    asyncio.run(one_letter_to_two(tmp_path))
    (tmp_path / "world.db").rename(tmp_path / "mailwatch.db")
    config = Path(shutil.copy(EXAMPLE, tmp_path / "mailwatch.toml"))
    references = [row["reference"] for row in program("requests", "list", "--json", config=config).objects()]
    done = program("requests", "close", *references, *WHY, config=config)
    assert (done.code, done.err, len(references)) == (0, "", 2)
    assert [line.split()[:2] for line in done.lines] == [[reference, "closed"] for reference in references]


def test_what_is_so_already_is_not_done_again(program: Program, configured: Path) -> None:
    david = reference_of(program, configured, DAVID)
    done = program("requests", "set-aside", david, *WHY, config=configured, lang="fr")
    assert (done.code, done.out) == (1, "")
    assert plain(done.err) == (
        f"mailwatch: {david} : c'est déjà le cas (mise de côté), rien n'a changé ; "
        f"« mailwatch requests show {david} » dit par qui\n"
    )


@pytest.mark.parametrize(
    ("options", "clock", "due"),
    [
        ((), "continued", "2026-11-30T21:30:00+00:00"),
        (("--anew",), "anew", "2026-12-08T21:30:00+00:00"),
    ],
)
def test_a_request_is_reopened_with_its_own_clock_or_a_new_one(
    program: Program, configured: Path, options: tuple[str, ...], clock: str, due: str
) -> None:
    david = reference_of(program, configured, DAVID)
    done = program("requests", "reopen", david, *options, *WHY, config=configured)
    assert (done.code, done.lines) == (0, [f"{david}  open  {INSCRIPTIONS}  {MARIE}"])
    assert row_of(program, configured, DAVID)["answer_due_at"] == due
    assert story_of(program, configured, DAVID)["events"][-1]["data"]["clock"] == clock


def test_what_waits_for_its_answer_can_not_be_reopened(program: Program, configured: Path) -> None:
    done = program("requests", "reopen", reference_of(program, configured, SOPHIE), *WHY, config=configured)
    assert (done.code, done.out) == (1, "")
    assert "it isn't settled (acknowledged) and its clock runs: there is nothing to reopen" in done.err


def test_a_request_is_assigned_to_one_of_the_people(program: Program, configured: Path) -> None:
    sophie = reference_of(program, configured, SOPHIE)
    done = program("requests", "assign", sophie, "--to", PAUL.upper(), *WHY, config=configured)
    assert (done.code, done.lines) == (0, [f"{sophie}  acknowledged  {INSCRIPTIONS}  {PAUL}"])
    assert row_of(program, configured, SOPHIE)["owner"] == PAUL
    event = story_of(program, configured, SOPHIE)["events"][-1]
    assert (event["kind"], event["data"]["from"], event["data"]["to"]) == ("reassigned", MARIE, PAUL)


def test_nobody_else_can_be_made_an_owner_and_the_people_are_named(program: Program, configured: Path) -> None:
    sophie = reference_of(program, configured, SOPHIE)
    done = program("requests", "assign", sophie, "--to", "x@y.example", *WHY, config=configured)
    assert (done.code, done.out) == (2, "")
    assert f"luc.gagnon@cscmonavenir.example, {MARIE}, {PAUL}" in " ".join(done.err.split())
    assert row_of(program, configured, SOPHIE)["owner"] == MARIE


def test_a_message_of_the_register_is_released(program: Program, configured: Path) -> None:
    done = program("requests", "release", "2", *WHY, config=configured)
    assert done.code == 0
    assert told(done) == [f"MW open {INSCRIPTIONS} {MARIE}"]
    row = row_of(program, configured, BULLETIN)
    assert (row["suppressed_by"], row["received_at"]) == ("released", "2026-11-23T15:01:00+00:00")
    assert (row["standing"], row["answer_due_at"]) == ("overdue", "2026-11-30T21:30:00+00:00")
    assert told(program("requests", "list", "--register", config=configured)) == [
        f"2 bulk (list_header) → MW 2026-11-23 10:01 {BULLETIN} Bulletin"
    ]
    again = program("requests", "release", "2", "1", "99", *WHY, config=configured)
    assert again.code == 1
    assert re.sub(r"MW-[0-9A-Z]{6}", "MW", again.err).splitlines() == [
        "mailwatch: 2: this message is the request MW already",
        "mailwatch: 1: this message is the request MW already",
        "mailwatch: 99: there is no message with this number; `mailwatch requests list --register` shows them",
    ]
    assert program("check", "--data", config=configured).code == 0


def test_a_follow_up_is_nothing_to_release(program: Program, configured: Path) -> None:
    (message,) = [one for one in story_of(program, configured, AMINA)["messages"] if one["kind"] == "follow_up"]
    done = program("requests", "release", message["id"], *WHY, config=configured)
    assert (done.code, done.out) == (1, "")
    assert "isn't in the silent register (it is of the kind follow_up)" in done.err


def test_who_decides_is_taken_from_the_environment_or_the_login(
    program: Program, configured: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("getpass.getuser", lambda: "operatrice")
    sophie = reference_of(program, configured, SOPHIE)
    for named, by in (("", "operatrice"), (PAUL, PAUL)):
        monkeypatch.setenv("MAILWATCH_BY", named)
        command = "close" if not named else "reopen"
        assert program("requests", command, sophie, "--why", "essai", config=configured).code == 0
        assert story_of(program, configured, SOPHIE)["events"][-1]["by"] == by


@pytest.mark.parametrize("command", ["close", "set-aside", "reopen", "release"])
@pytest.mark.parametrize("why", [(), ("--why", "  ")])
def test_nothing_is_decided_without_a_reason(
    program: Program, configured: Path, command: str, why: tuple[str, ...]
) -> None:
    done = program("requests", command, "2", *why, config=configured)
    assert (done.code, done.out) == (2, "")
    assert "--why" in done.err


@pytest.mark.parametrize("command", [("close",), ("reopen",), ("assign", "MW-000000"), ("release", "abc")])
def test_a_decision_about_nothing_is_bad_usage(program: Program, configured: Path, command: tuple[str, ...]) -> None:
    done = program("requests", *command, "--why", "essai", config=configured)
    assert (done.code, done.out) == (2, "")
