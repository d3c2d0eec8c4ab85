"""The main job, end to end: a person writes, Postfix and Dovecot carry it, mailwatch acknowledges, once."""

from collections.abc import Callable

import pytest
from builders import a_calendar
from system.books import Database
from system.letters import (
    ENGLISH,
    FRENCH,
    IN_BOTH,
    IN_ENGLISH,
    IN_FRENCH,
    INSCRIPTIONS,
    LOUIS,
    NEITHER,
    SOPHIE,
    a_letter,
    read,
)
from system.service import Service, eventually
from system.town import Town, a_configuration, an_imap_server, now, smtp_with_login

from mailwatch.domain.standards import due, parse_limit

pytestmark = pytest.mark.system


def started(town: Town, database: Database, a_service: Callable[[str], Service], delay: str = "0s") -> Service:
    """A running service that has seen the mailbox, over TLS, with the certificate it is told to trust."""
    configuration = a_configuration(
        database.configured, smtp_with_login(town), [an_imap_server(town.dovecot)], delay=delay
    )
    service = a_service(configuration)
    if database.needs_upgrade:
        assert service.command("db", "upgrade").returncode == 0
    service.start()
    eventually(lambda: service.said("folder.first_seen", mailbox=INSCRIPTIONS), "the first sight of the mailbox")
    return service


def acknowledgements(town: Town, user: str = SOPHIE, count: int = 1) -> list[bytes]:
    """What somebody has in the INBOX, once it is that many."""
    eventually(lambda: len(town.mail_of(user)) >= count, f"{count} messages for {user}")
    return town.mail_of(user)


# --- the loop ---------------------------------------------------------------------------------------------------------


CASES = (
    ("Inscription en deuxième année", FRENCH, IN_FRENCH),
    ("Grade two registration", ENGLISH, IN_ENGLISH),
    ("4471", NEITHER, IN_BOTH),  # unsure: both languages
)


def test_requests_are_acknowledged_in_their_language_with_the_anticipated_date(
    town: Town, database: Database, a_service: Callable[[str], Service]
) -> None:
    started(town, database, a_service)
    for number, (subject, text, expected) in enumerate(CASES, start=1):
        town.submit(a_letter(number, subject=subject, text=text, sent_at=now()))
        acknowledgement = read(acknowledgements(town, count=number)[-1])

        trace = dict(acknowledgement.trace)
        assert (trace["return-path"], trace["delivered-to"]) == (f"<{INSCRIPTIONS}>", SOPHIE)
        assert acknowledgement.headers == expected.headers(number, acknowledgement.headers)
        answer_on = due(a_calendar(), town.arrival_of(number), parse_limit("5 business days"))
        said = expected.says(answer_on.astimezone(a_calendar().timezone).date())
        assert [line for line in acknowledgement.text.splitlines() if line in said] == said
    assert town.census() == {INSCRIPTIONS: len(CASES), SOPHIE: len(CASES)}


def test_the_story_of_a_request_tells_who_asked_and_what_was_sent(
    town: Town, sqlite: Database, a_service: Callable[[str], Service]
) -> None:
    service = started(town, sqlite, a_service)
    town.submit(a_letter(sent_at=now()))
    (raw,) = acknowledgements(town)
    eventually(lambda: service.said("acknowledgement.sent"), "the outcome is on disk")

    (request,) = sqlite.requests()
    story = sqlite.story(request.reference)
    assert (request.requester, request.state, request.language) == (SOPHIE, "acknowledged", "fr")
    assert request.received_at == town.arrival_of(1)
    assert f"MW=2D{request.reference.removeprefix('MW-')}" in read(raw).headers
    assert [event.kind for event in story.events] == ["opened", "acknowledgement enqueued", "acknowledged"]
    assert [entry.message_id for entry in story.entries] == [read(raw).message_id]


# --- once -------------------------------------------------------------------------------------------------------------


def test_copies_bounces_robots_and_restarts_cause_no_second_message_and_change_no_flag(
    town: Town, database: Database, a_service: Callable[[str], Service]
) -> None:
    old = [(), ("\\Seen",), ("\\Seen", "\\Answered"), ("\\Flagged", "ASuivre"), ("\\Deleted",)]
    for number, flags in enumerate(old, start=101):
        town.dovecot.deliver(INSCRIPTIONS, a_letter(number, sent_at=now()), flags=flags)
    before = town.dovecot.flags(INSCRIPTIONS)
    service = started(town, database, a_service)

    request = a_letter(sent_at=now())
    town.submit(request)
    (raw,) = acknowledgements(town)
    before |= {6: frozenset({"\\Seen", "Inscriptions"})}  # a person reads it
    town.dovecot.set_flags(INSCRIPTIONS, [6], ["\\Seen", "Inscriptions"])

    town.submit(request)  # the second copy
    town.submit(a_letter(2, sender="sofie.nadaeu@courriel.example", sent_at=now()))  # an address that isn't there
    eventually(lambda: len(town.mail_of(INSCRIPTIONS)) == 9, "the acknowledgement to nobody comes back")
    town.submit(out_of_office(8, read(raw).message_id), sender="")  # RFC 3834
    town.submit(out_of_office(9, read(raw).message_id))  # others
    eventually(lambda: len(database.messages()) == 5, "two requests, a bounce, two out-of-office replies")

    service.stop()
    town.dovecot.deliver(INSCRIPTIONS, request)  # a third copy, while nobody looks
    service.start()
    town.submit(a_letter(3, sender=LOUIS, name="Louis Okafor", sent_at=now()), account=LOUIS)
    acknowledgements(town, LOUIS)
    eventually(lambda: len(service.said("acknowledgement.sent")) == 3, "the outcome is on disk")
    service.stop()

    first, mistyped, bounce, *absences, last = database.messages()
    assert [one.kind for one in (first, mistyped, bounce, last)] == ["request", "request", "bounce", "request"]
    assert {one.kind for one in absences} <= {"auto_reply", "bounce"}
    assert [one.is_enqueued for one in (first, mistyped, bounce, *absences, last)] == [True] * 2 + [False] * 3 + [True]
    assert [event.kind for event in database.story(mistyped.reference).events][-2:] == ["acknowledged", "bounced"]
    assert database.sightings() == 8
    assert town.census() == {INSCRIPTIONS: len(old) + 8, SOPHIE: 1, LOUIS: 1}
    assert town.postfix.queue() == []
    assert town.dovecot.flags(INSCRIPTIONS) == before | dict.fromkeys(range(7, 14), frozenset())
    assert database.inconsistencies() == []


def out_of_office(number: int, acknowledgement_id: str) -> bytes:
    """What a requester's vacation program answers to our acknowledgement, although that asks it not to."""
    return a_letter(
        number,
        subject="Absente du bureau",
        text="Bonjour,\n\nJe suis en vacances jusqu'au 15. Je vous répondrai à mon retour.\n\nSophie Nadeau\n",
        sent_at=now(),
        In_Reply_To=acknowledgement_id,
        References=acknowledgement_id,
        Auto_Submitted="auto-replied (vacation)",
    )


# --- grace ------------------------------------------------------------------------------------------------------------


def test_pause_holds_what_is_due_and_resume_lets_it_go(
    town: Town, sqlite: Database, a_service: Callable[[str], Service]
) -> None:
    service = started(town, sqlite, a_service, delay="6s")
    town.submit(a_letter(sent_at=now()))
    eventually(lambda: service.said("messages.recorded"), "the request is recorded")
    assert service.command("pause", "--why", "essai").returncode == 0
    (entry,) = sqlite.entries()
    assert entry.state == "pending"

    eventually(lambda: now() > entry.not_before, "the grace ends")
    town.submit(a_letter(2, sender=LOUIS, name="Louis Okafor", sent_at=now()), account=LOUIS)
    eventually(lambda: len(sqlite.entries()) == 2, "watching and recording go on, and wake the sender")
    status = service.status()
    assert [(switch["name"], switch["why"]) for switch in status["switches"]] == [("sending", "essai")]
    assert status["outbox"] == {"pending": 2}
    assert town.census() == {INSCRIPTIONS: 2}

    assert service.command("resume").returncode == 0
    acknowledgements(town)
    acknowledgements(town, LOUIS)
    assert service.status()["switches"] == []
    assert town.census() == {INSCRIPTIONS: 2, SOPHIE: 1, LOUIS: 1}


def test_a_person_who_answers_within_the_grace_is_not_followed_by_a_robot(
    town: Town, sqlite: Database, a_service: Callable[[str], Service]
) -> None:
    service = started(town, sqlite, a_service, delay="8s")
    town.submit(a_letter(sent_at=now()))
    town.submit(a_letter(2, sender=LOUIS, name="Louis Okafor", sent_at=now()), account=LOUIS)
    eventually(lambda: len(sqlite.entries()) == 2, "both requests are recorded, unanswered")
    from_sophie = 1 + [SOPHIE.encode() in raw for raw in town.mail_of(INSCRIPTIONS)].index(True)
    town.dovecot.set_flags(INSCRIPTIONS, [from_sophie], ["\\Answered"])

    acknowledgements(town, LOUIS)
    eventually(lambda: service.said("acknowledgement.cancelled"), "the other one is cancelled")
    service.stop()
    assert {request.requester: request.state for request in sqlite.requests()} == {
        SOPHIE: "answered",
        LOUIS: "acknowledged",
    }
    assert town.census() == {INSCRIPTIONS: 2, LOUIS: 1}
    assert sqlite.inconsistencies() == []
