"""Answers, unmoved: requests come through Postfix, people answer from their own programs, and everybody hears of it."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from builders import a_calendar
from system.books import Database
from system.letters import (
    AMINA,
    INSCRIPTIONS,
    LOUIS,
    NADIA,
    OMAR,
    SOPHIE,
    a_letter,
    a_reply,
    letter_id,
    read,
)
from system.service import HURRIED, Service, eventually
from system.town import (
    IT,
    MARIE,
    PASSWORD,
    PAUL,
    ROBOT,
    TRANSPORT,
    Town,
    a_configuration,
    a_watched_mailbox,
    an_imap_server,
    now,
    smtp_with_login,
)

from mailwatch.config.values import WEEKDAYS
from mailwatch.domain.outbox import EntryKind
from mailwatch.domain.requests import EventKind, State
from mailwatch.domain.standards import due, parse_limit
from mailwatch.store.reports import RequestStory

pytestmark = pytest.mark.system

SETTLED = "Réglées"
POLL = "1s"
FIVE_DAYS = parse_limit("5 business days")
# Everybody's letter; its number is its place.
REQUESTERS = (SOPHIE, LOUIS, AMINA, OMAR, NADIA)
NAMES = {
    SOPHIE: "Sophie Nadeau",
    LOUIS: "Louis Okafor",
    AMINA: "Amina Diallo",
    OMAR: "Omar Haddad",
    NADIA: "Nadia Benali",
}
NUMBERS = {requester: number for number, requester in enumerate(REQUESTERS, start=1)}
PAUL_TOO = '[[people]]\nemail = "paul.roy@cscmonavenir.example"\nname = "Paul Roy"\nlanguage = "en"\n'


def started(town: Town, database: Database, a_service: Callable[[str], Service], **how: Any) -> Service:
    """A running service that has seen the mailbox and its folders; it looks every second."""
    configuration = a_configuration(
        database.configured,
        smtp_with_login(town),
        [an_imap_server(town.dovecot, poll=POLL)],
        [a_watched_mailbox(more=f'closing_folders = ["{SETTLED}"]\n')],
        **how,
    )
    service = a_service(configuration)
    town.dovecot.client(INSCRIPTIONS).create_folder(SETTLED)
    if database.needs_upgrade:
        assert service.command("db", "upgrade").returncode == 0
    service.start()
    for folder in ("INBOX", "Sent", SETTLED):
        eventually(lambda: service.said("folder.first_seen", folder=folder), f"the first sight of {folder}")  # noqa: B023
    return service


def asked(town: Town, database: Database, requesters: Sequence[str]) -> dict[str, str]:
    """Each of them writes, and is acknowledged; the reference of each one's request."""
    for requester in requesters:
        letter = a_letter(NUMBERS[requester], sender=requester, name=NAMES[requester], sent_at=now())
        town.submit(letter, account=requester)
    expected = [State.ACKNOWLEDGED] * len(requesters)
    eventually(lambda: [request.state for request in database.requests()] == expected, "all are acknowledged")
    for requester in requesters:
        eventually(lambda: town.mail_of(requester), f"{requester} has the acknowledgement")  # noqa: B023
    return {request.requester: request.reference for request in database.requests()}


def becomes(database: Database, reference: str, kind: EventKind) -> RequestStory:
    """The story of a request once its last event is of that kind."""

    def find() -> RequestStory | None:
        story = database.story(reference)
        return story if story.events[-1].kind is kind else None

    return cast(RequestStory, eventually(find, f"{reference}: {kind}"))


def a_second_later() -> None:
    """IMAP tells whole seconds of when a message arrived: one that comes later must come in a later second."""
    begun = now()
    eventually(lambda: now() >= begun.replace(microsecond=0) + timedelta(seconds=1), "the next second")


# --- from whichever program -------------------------------------------------------------------------------------------

# requester: state, what happened after the acknowledgement and by whose hand
EXPECTED = {
    SOPHIE: (State.OPEN, [
        ("answered", MARIE, "copy"), ("thanked", "mailwatch", None),
        ("followed up", "mailwatch", None), ("reopened", "mailwatch", None),
    ]),
    LOUIS: (State.ANSWERED, [("answered", INSCRIPTIONS, "sent folder")]),
    AMINA: (State.ANSWERED, [("answered", "mailwatch", "\\Answered")]),
    OMAR: (State.ACKNOWLEDGED, [("consulted", INSCRIPTIONS, "sent folder"), ("auto-replied", "mailwatch", None)]),
    NADIA: (State.CLOSED, [("closed", INSCRIPTIONS, None)]),
}  # fmt: skip


def test_answers_are_seen_whichever_program_staff_use_and_the_mail_stays_as_it_is(
    town: Town, database: Database, a_service: Callable[[str], Service]
) -> None:
    service = started(town, database, a_service)
    references = asked(town, database, REQUESTERS)

    answered_from_her_own_account(town)
    answered_from_the_mailbox(town)
    town.dovecot.set_flags(INSCRIPTIONS, [town.uid_of(letter_id(NUMBERS[AMINA]))], ["\\Answered"])
    forwarded_to_a_colleague(town)
    town.move(town.uid_of(letter_id(NUMBERS[NADIA])), SETTLED)
    for requester in (SOPHIE, LOUIS, AMINA):
        becomes(database, references[requester], EventKind.ANSWERED)
    becomes(database, references[OMAR], EventKind.CONSULTED)
    becomes(database, references[NADIA], EventKind.CLOSED)
    settled_at = database.story(references[SOPHIE]).request.settled_at

    town.submit(a_reply(21, letter_id(11), text="Merci beaucoup !\n\nSophie\n", sent_at=now()))
    thanked = becomes(database, references[SOPHIE], EventKind.THANKED)
    assert (thanked.request.state, thanked.request.settled_at) == (State.ANSWERED, settled_at)
    out_of_office(town)
    becomes(database, references[OMAR], EventKind.AUTO_REPLIED)
    a_second_later()
    again = a_reply(23, letter_id(11), text="Merci. Faut-il aussi son carnet de santé ?\n\nSophie\n", sent_at=now())
    town.submit(again)
    reopened = becomes(database, references[SOPHIE], EventKind.REOPENED).request

    stories = {requester: database.story(references[requester]) for requester in REQUESTERS}
    assert {who: (story.request.state, later(story)) for who, story in stories.items()} == EXPECTED
    asked_again_at = town.arrival_of(town.uid_of(letter_id(23)))
    assert (reopened.clock_started_at, reopened.settled_at) == (asked_again_at, None)
    assert reopened.answer_due_at == due(a_calendar(), asked_again_at, FIVE_DAYS)
    (earlier,) = stories[SOPHIE].earlier_clocks
    assert (earlier.stopped_by, earlier.stopped_at) == ("answered", settled_at)
    assert_it_is_shown(service, reopened.reference)
    service.stop()
    assert town.flags() == EXPECTED_FLAGS | {(INSCRIPTIONS, "INBOX"): inbox_flags(town)}
    assert [(entry.kind, entry.state) for entry in database.entries()] == [("acknowledgement", "sent")] * len(
        REQUESTERS
    )
    assert database.inconsistencies() == []


def later(story: RequestStory) -> list[tuple[str, str, object]]:
    """What happened after the acknowledgement: what, by whom, how it was seen."""
    events = [(str(event.kind), event.by, event.data.get("evidence")) for event in story.events]
    assert [kind for kind, _, _ in events[:3]] == ["opened", "acknowledgement enqueued", "acknowledged"]
    return events[3:]


# What lies where in the end, by UID: as people and servers left it, without a flag of ours.
_NEW: frozenset[str] = frozenset()
EXPECTED_FLAGS = {
    (INSCRIPTIONS, "Sent"): {1: frozenset({"\\Seen"}), 2: frozenset({"\\Seen"})},
    (INSCRIPTIONS, SETTLED): {1: _NEW},
    (SOPHIE, "INBOX"): {1: _NEW, 2: _NEW},  # the acknowledgement, and the answer
    (LOUIS, "INBOX"): {1: _NEW, 2: _NEW},
    (AMINA, "INBOX"): {1: _NEW},
    (OMAR, "INBOX"): {1: _NEW},
    (NADIA, "INBOX"): {1: _NEW},
    (PAUL, "INBOX"): {1: _NEW},
}


def inbox_flags(town: Town) -> dict[int, frozenset[str]]:
    """Four letters, Marie's copy and three letters more, in whichever order Postfix delivered them."""
    moved = (set(range(1, 10)) - set(town.dovecot.flags(INSCRIPTIONS))).pop()
    flags = dict.fromkeys(set(range(1, 10)) - {moved}, _NEW)
    return flags | {town.uid_of(letter_id(NUMBERS[AMINA])): frozenset({"\\Answered"})}


def assert_it_is_shown(service: Service, reference: str) -> None:
    """What `requests show` and `status` say for machines."""
    story = service.show(reference)
    (answered,) = [event for event in story["events"] if event["kind"] == "answered"]
    assert (answered["by"], answered["data"]["evidence"], answered["data"]["confidence"]) == (MARIE, "copy", 0.99)
    assert [clock["stopped_by"] for clock in story["earlier_clocks"]] == ["answered"]
    status = service.status()
    assert status["requests"] == {"open": 1, "acknowledged": 1, "answered": 2, "closed": 1}
    assert sum(status["standings"].values()) == 2
    (mailbox,) = status["mailboxes"]
    assert (mailbox["answer_seen_at"] is not None, mailbox["advice"]) == (True, "")


def answered_from_her_own_account(town: Town) -> None:
    answer = a_reply(
        11,
        letter_id(NUMBERS[SOPHIE]),
        sender=MARIE,
        name="Marie Tremblay",
        to=SOPHIE,
        text="Bonjour,\n\nIl faut son certificat de naissance.\n\nMarie Tremblay\n",
        sent_at=now(),
        Cc=INSCRIPTIONS,
    )
    town.submit(answer, account=MARIE, to=[SOPHIE, INSCRIPTIONS])


def answered_from_the_mailbox(town: Town) -> None:
    answer = a_reply(
        12,
        letter_id(NUMBERS[LOUIS]),
        sender=INSCRIPTIONS,
        name="Service des inscriptions",
        to=LOUIS,
        text="Bonjour,\n\nIl faut une preuve de résidence.\n\nMarie Tremblay\n",
        sent_at=now(),
    )
    town.submit(answer, account=INSCRIPTIONS, to=LOUIS)
    town.dovecot.deliver(INSCRIPTIONS, answer, folder="Sent", flags=["\\Seen"])


def forwarded_to_a_colleague(town: Town) -> None:
    forward = a_reply(
        13,
        letter_id(NUMBERS[OMAR]),
        sender=INSCRIPTIONS,
        name="Service des inscriptions",
        to=PAUL,
        subject="TR: Inscription en deuxième année",
        text="Paul,\n\nPouvez-vous répondre à M. Haddad ?\n\nMarie\n",
        sent_at=now(),
    )
    town.submit(forward, account=INSCRIPTIONS, to=PAUL)
    town.dovecot.deliver(INSCRIPTIONS, forward, folder="Sent", flags=["\\Seen"])


def out_of_office(town: Town) -> None:
    """Omar's vacation program answers our acknowledgement, although that asks it not to."""
    (acknowledgement,) = town.mail_of(OMAR)
    reply = a_reply(
        22,
        read(acknowledgement).message_id,
        sender=OMAR,
        name="Omar Haddad",
        subject="Absent du bureau",
        text="Bonjour,\n\nJe suis absent jusqu'au 15.\n\nOmar Haddad\n",
        sent_at=now(),
        Auto_Submitted="auto-replied (vacation)",
    )
    town.submit(reply, account=OMAR, sender="")


# --- by command -------------------------------------------------------------------------------------------------------


def test_what_a_person_decides_by_command_holds_while_the_service_runs(
    town: Town, sqlite: Database, a_service: Callable[[str], Service]
) -> None:
    service = started(town, sqlite, a_service, more=PAUL_TOO)
    references = asked(town, sqlite, [SOPHIE, LOUIS])
    by_sophie, by_louis = references[SOPHIE], references[LOUIS]

    closed = service.act("close", by_sophie, by_louis, "--by", MARIE)
    assert [(one["done"], one["state"]) for one in closed] == [(True, "closed")] * 2
    a_second_later()
    again = a_reply(
        21, letter_id(NUMBERS[LOUIS]), sender=LOUIS, name="Louis Okafor", text="Et le samedi ?\n", sent_at=now()
    )
    town.submit(again, account=LOUIS)
    (reopened,) = service.act("reopen", by_sophie, "--by", MARIE)
    assert reopened["state"] == "open"
    due_at = becomes(sqlite, by_louis, EventKind.REOPENED).request.answer_due_at
    (assigned,) = service.act("assign", by_louis, "--by", MARIE, "--to", PAUL)
    assert assigned["owner"] == PAUL

    assert later(sqlite.story(by_sophie)) == [("closed", MARIE, None), ("reopened", MARIE, None)]
    assert later(sqlite.story(by_louis)) == [
        ("closed", MARIE, None),
        ("followed up", "mailwatch", None),
        ("reopened", "mailwatch", None),
        ("reassigned", MARIE, None),
    ]
    assert told(service, PAUL, due_at, by_sophie, by_louis) == [False, True]
    assert told(service, MARIE, due_at, by_sophie, by_louis) == [True, False]
    service.stop()
    assert town.census() == {INSCRIPTIONS: 3, SOPHIE: 1, LOUIS: 1}
    assert sqlite.inconsistencies() == []


def told(service: Service, who: str, at: datetime, *references: str) -> list[bool]:
    """Whether the digest that somebody would get that day names these requests."""
    day = at.astimezone(a_calendar().timezone).date()
    preview = service.command("digest", "preview", "--for", who, "--date", str(day))
    assert (preview.returncode, preview.stderr) == (0, "")
    return [reference in preview.stdout for reference in references]


# --- a digest ---------------------------------------------------------------------------------------------------------

ALWAYS = "hours = { " + ", ".join(f'{day} = ["00:00-24:00"]' for day in WEEKDAYS) + " }\n"
AT_ONCE = '[digest]\nat = "00:00"\n[[escalation]]\nbefore = "10 business days"\nto = ["owner"]\n'
SOME_TICKS = timedelta(seconds=2.5)


def test_marie_gets_one_digest_through_postfix_and_her_reply_to_it_is_no_request(
    town: Town, sqlite: Database, a_service: Callable[[str], Service]
) -> None:
    service = started(town, sqlite, a_service, hours=ALWAYS, more=AT_ONCE)
    references = asked(town, sqlite, [SOPHIE, LOUIS])
    service.stop()  # before its first minute was over: nobody was seen to yet
    assert town.mail_of(MARIE) == []

    service.start(HURRIED)
    eventually(lambda: town.mail_of(MARIE), "the digest that is due since midnight")
    service.stop()
    digest = read(town.mail_of(MARIE)[0])
    assert dict(digest.trace)["return-path"] == f"<{INSCRIPTIONS}>"
    assert "\nAuto-Submitted: auto-generated\n" in digest.headers
    assert set(re.findall(r"MW-\w{6}", digest.text)) == set(references.values())

    service.start(HURRIED)
    some_ticks_later = now() + SOME_TICKS
    reply = a_reply(31, digest.message_id, sender=MARIE, name="Marie Tremblay", text="Bien noté.\n", sent_at=now())
    town.submit(reply, account=MARIE)
    eventually(lambda: len(sqlite.messages()) == 3, "her reply is recorded")
    eventually(lambda: now() > some_ticks_later, "some ticks")
    service.stop()
    assert (sqlite.messages()[-1].kind, len(sqlite.requests())) == ("reply", 2)
    assert sorted(entry.kind for entry in sqlite.entries()) == ["acknowledgement", "acknowledgement", "digest"]
    assert town.census() == {INSCRIPTIONS: 3, LOUIS: 1, SOPHIE: 1, MARIE: 1}
    assert sqlite.inconsistencies() == []


# --- alerts -----------------------------------------------------------------------------------------------------------

ALERTS = f'[alerts]\nto = ["{IT}"]\nfrom = "{ROBOT}"\nsmtp = "secours"\nafter = "5s"\n'


def test_it_hears_once_of_what_breaks_and_once_that_it_is_mended_by_a_server_that_works(
    town: Town, sqlite: Database, a_service: Callable[[str], Service]
) -> None:
    configuration = a_configuration(
        sqlite.configured,
        smtp_with_login(town, password="WRONG_PASSWORD"),
        [smtp_with_login(town, table="smtp.secours"), an_imap_server(town.dovecot, poll=POLL)],
        [a_watched_mailbox(), a_watched_mailbox(TRANSPORT, password="WRONG_PASSWORD")],
        more=ALERTS,
    )
    service = a_service(configuration)
    service.start(HURRIED)
    eventually(lambda: service.said("folder.first_seen", mailbox=INSCRIPTIONS), "the good mailbox is watched")
    town.submit(a_letter(sent_at=now()))
    eventually(lambda: len(service.said("incident.opened")) == 2, "both troubles are noticed")
    incidents = {(one["kind"], one["about"]) for one in service.status()["incidents"]}
    assert incidents == {("sending account stopped", "default"), ("login refused", TRANSPORT)}
    assert alerts(town, sqlite) == [("began", "default"), ("began", TRANSPORT)]
    service.stop()
    assert town.mail_of(SOPHIE) == []

    service.mend(WRONG_PASSWORD=PASSWORD)
    service.start(HURRIED)
    eventually(lambda: len(service.said("incident.closed")) == 2, "both are over")
    eventually(lambda: town.mail_of(SOPHIE), "the acknowledgement leaves")
    assert alerts(town, sqlite) == [
        ("began", "default"),
        ("began", TRANSPORT),
        ("over", "default"),
        ("over", TRANSPORT),
    ]
    eventually(lambda: {entry.state for entry in sqlite.entries()} == {"sent"}, "all outcomes are on disk")
    service.stop()
    assert town.census() == {INSCRIPTIONS: 1, SOPHIE: 1, IT: len(town.mail_of(IT))}
    assert sqlite.inconsistencies() == []


def alerts(town: Town, database: Database) -> list[tuple[str, str]]:
    """What IT was told of, in all e-mails together, once what was enqueued has arrived."""
    count = sum(entry.kind is EntryKind.ALERT for entry in database.entries())
    eventually(lambda: len(town.mail_of(IT)) == count, f"{count} alerts")
    told = []
    for letter in map(read, town.mail_of(IT)):
        assert dict(letter.trace)["return-path"] == f"<{ROBOT}>"
        assert "\nAuto-Submitted: auto-generated\n" in letter.headers
        began, _, over = letter.text.partition("TERMINÉ")
        told += [("began", about) for about in re.findall(r"^- (\S+), depuis", began, re.MULTILINE)]
        told += [("over", about) for about in re.findall(r"^- (\S+), depuis", over, re.MULTILINE)]
    return sorted(told)
