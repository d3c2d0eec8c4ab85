"""What a batch's judgement hands to the store: events by when they happened, suspicions, and what staff wrote."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from builders import DOMAIN, INSCRIPTIONS, MARIE, NOW, a_mailbox, a_request_summary, raw_message

from mailwatch.domain.answers import Evidence
from mailwatch.domain.classification import Kind
from mailwatch.domain.mailboxes import Mailbox, ObservingPolicy
from mailwatch.domain.requests import EventKind
from mailwatch.ports import FetchedMessage, NewRecord, Past
from mailwatch.rendering import TemplateRenderer
from mailwatch.resources import templates_folder
from mailwatch.services.judge import Circumstances, Judge
from mailwatch.services.memory import Memory

RECEIVED_AT = NOW - timedelta(hours=2)
JEAN = "jean.cote@courriel.example"
PAUL = f"paul.roy@{DOMAIN}"  # nobody's owner, and no watched mailbox
ROOT = "<5d1f0c2a-7e61@courriel.example>"  # of the message that opened Jean's request
UNKNOWN = "<9a8b@outlook.example>"
JUDGE = Judge(TemplateRenderer(None, templates_folder(), lambda warning: None), b"key", timedelta(hours=48))


def a_past() -> Past:
    """A past in which Jean's request is known by its message."""
    return Past(
        known=frozenset(),
        caused=frozenset(),
        by_message_id={ROOT: a_request_summary()},
        ours=frozenset(),
        by_reference={},
        by_thread_index={},
        by_subject={},
        sent=(),
        blocks={},
        told={},
        taken=frozenset(),
    )


def a_circumstance(mailbox: Mailbox | None = None) -> Circumstances:
    return Circumstances(
        mailbox=mailbox or a_mailbox(),
        folder="INBOX",
        uidvalidity=7,
        is_junk=False,
        enabled_at=NOW - timedelta(days=30),
        now=NOW,
    )


def judged(raw: bytes, mailbox: Mailbox | None = None, flags: Sequence[str] = ()) -> NewRecord:
    """What one message writes, received two hours ago."""
    seen = a_circumstance(mailbox)
    fetched = FetchedMessage(uid=1, received_at=RECEIVED_AT, size=len(raw), flags=frozenset(flags), head=raw)
    return JUDGE.judge(JUDGE.read(seen.mailbox, fetched), Memory(a_past()), seen).record


def a_reply(*headers: str, from_: str = JEAN, to: str = INSCRIPTIONS, body: str = "Et l'autobus ?\n") -> bytes:
    return raw_message(
        *(headers or (f"In-Reply-To: {ROOT}",)),
        from_=from_,
        to=to,
        subject="Re: Inscription",
        message_id="<reply@x>",
        body=body,
    )


def test_a_request_opened_when_it_was_received() -> None:
    request = judged(raw_message()).request
    assert request is not None
    opened = request.events[0]
    assert (opened.kind, opened.at, opened.occurred_at) == (EventKind.OPENED, NOW, RECEIVED_AT)


def test_a_flag_at_first_sight_says_which_message_it_is_about() -> None:
    record = judged(raw_message(), flags=["\\Answered"])
    assert record.request is not None
    answered = record.request.events[-1]
    assert (answered.kind, answered.happened_at) == (EventKind.ANSWERED, NOW)
    assert answered.data == {
        "evidence": "\\Answered",
        "confidence": 0.9,
        "about": RECEIVED_AT.isoformat(),
        "identity": record.identity,
    }
    assert record.suppressed_by == "answered"


def test_where_flags_are_not_observed_they_say_nothing() -> None:
    record = judged(raw_message(), a_mailbox(observing=ObservingPolicy(flags=False)), ["\\Answered"])
    assert record.request is not None
    assert record.entry is not None
    assert EventKind.ANSWERED not in [event.kind for event in record.request.events]


def test_a_follow_up_and_thanks_happened_when_they_were_received() -> None:
    for body, kind in (("Et l'autobus ?\n", EventKind.FOLLOWED_UP), ("Merci !\n", EventKind.THANKED)):
        record = judged(a_reply(body=body))
        (event,) = record.followed_by
        assert (event.kind, event.at, event.occurred_at) == (kind, NOW, RECEIVED_AT)
        assert (record.follows, record.follow_ids, record.outgoing) == (1, ("<reply@x>",), None)


def test_no_reopening_is_judged_it_follows_from_the_facts() -> None:
    kinds = [event.kind for event in judged(a_reply()).followed_by]
    assert kinds == [EventKind.FOLLOWED_UP]


def test_a_reply_to_something_unknown_makes_an_answer_suspected() -> None:
    raw = a_reply(f"In-Reply-To: {UNKNOWN}", f"References: {ROOT} {UNKNOWN}")
    record = judged(raw)
    suspected, followed = record.followed_by
    assert (suspected.kind, suspected.occurred_at) == (EventKind.ANSWER_SUSPECTED, RECEIVED_AT)
    assert suspected.data == {
        "evidence": "reference",
        "confidence": 0.3,
        "identity": record.identity,
        "message_id": UNKNOWN,
    }
    assert followed.kind is EventKind.FOLLOWED_UP
    blind = judged(raw, a_mailbox(observing=ObservingPolicy(references=False)))
    assert [event.kind for event in blind.followed_by] == [EventKind.FOLLOWED_UP]


def test_what_staff_write_in_a_thread_is_handed_on_and_nothing_else() -> None:
    record = judged(a_reply(from_=PAUL, to=f"{JEAN}, {INSCRIPTIONS}"))
    assert (record.kind, record.reason, record.suppressed_by) == (Kind.ANSWER, "answer_copy", "answer_copy")
    assert (record.request, record.follows, record.followed_by, record.entry) == (None, None, (), None)
    assert record.outgoing is not None
    assert record.outgoing.evidence is Evidence.COPY
    assert (record.outgoing.writer, record.outgoing.written_at) == (PAUL, RECEIVED_AT)


def test_a_copy_of_an_answer_to_a_request_of_another_mailbox_is_handed_on_too() -> None:
    raw = a_reply(f"In-Reply-To: {UNKNOWN}", f"Cc: {INSCRIPTIONS}", from_=PAUL, to=JEAN)
    record = judged(raw)
    assert (record.kind, record.request) == (Kind.COPY, None)
    assert record.outgoing is not None


def test_where_copies_are_not_observed_they_open_nothing_all_the_same() -> None:
    mailbox = a_mailbox(observing=ObservingPolicy(copies=False))
    record = judged(a_reply(from_=MARIE, to=f"{JEAN}, {INSCRIPTIONS}"), mailbox)
    assert (record.kind, record.outgoing, record.request, record.follows) == (Kind.ANSWER, None, None, None)


def test_what_a_server_takes_for_junk_is_nobodys_answer() -> None:
    raw = a_reply(from_=PAUL, to=f"{JEAN}, {INSCRIPTIONS}")
    fetched = FetchedMessage(uid=1, received_at=RECEIVED_AT, size=len(raw), flags=frozenset(), head=raw)
    seen = replace(a_circumstance(), folder="Junk", is_junk=True)
    record = JUDGE.judge(JUDGE.read(seen.mailbox, fetched), Memory(a_past()), seen).record
    assert (record.kind, record.outgoing) == (Kind.SPAM, None)


def test_a_copy_seen_before_is_handed_on_once() -> None:
    seen = a_circumstance()
    raw = a_reply(from_=PAUL, to=f"{JEAN}, {INSCRIPTIONS}")
    fetched = FetchedMessage(uid=1, received_at=RECEIVED_AT, size=len(raw), flags=frozenset(), head=raw)
    memory = Memory(a_past())
    read = JUDGE.read(seen.mailbox, fetched)
    assert JUDGE.judge(read, memory, seen).record.outgoing is not None
    again = JUDGE.judge(replace(read, fetched=replace(fetched, uid=2)), memory, seen).record
    assert (again.is_known, again.outgoing) == (True, None)


def test_what_replies_to_a_follow_up_or_an_answer_of_the_batch_waits_until_that_is_written() -> None:
    seen = a_circumstance()
    for first in (a_reply(), a_reply(from_=PAUL, to=f"{JEAN}, {INSCRIPTIONS}")):
        memory = Memory(a_past())
        reads = [
            JUDGE.read(seen.mailbox, FetchedMessage(uid=n, received_at=NOW, size=1, flags=frozenset(), head=raw))
            for n, raw in enumerate((first, raw_message("In-Reply-To: <reply@x>", message_id="<third@x>")), start=1)
        ]
        JUDGE.judge(reads[0], memory, seen)
        assert memory.refers_to_batch(reads[1])
