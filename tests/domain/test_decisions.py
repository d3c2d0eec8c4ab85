"""What follows from a message: instants, threads, languages, and whom a bounce silences."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from builders import (
    FORTY_EIGHT_HOURS,
    INSCRIPTIONS,
    MARIE,
    NOW,
    a_mailbox,
    a_message,
    a_request_summary,
    a_staff_mailbox,
    a_thread,
    an_organisation,
)

from mailwatch.domain.classification import History, Kind
from mailwatch.domain.decisions import Decision, decide
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import LocalRule, Mailbox
from mailwatch.domain.messages import Message
from mailwatch.domain.requests import SETTLED, UNSETTLED, EventKind, State
from mailwatch.domain.threads import Link, ThreadMatch

OURS = "<mw.ack.0123456789abcdef0123456789abcdef@cscmonavenir.example>"
JEAN = "jean.cote@courriel.example"
REPORT = 'Content-Type: multipart/report; report-type=delivery-status; boundary="b"'


def judged(message: Message | None = None, mailbox: Mailbox | None = None, **history: object) -> Decision:
    """A decision about a message that arrives now."""
    return decide(message or a_message(), mailbox or a_mailbox(), History(**history), NOW, NOW)  # type: ignore[arg-type]


# --- instants ------------------------------------------------------------------------------------------------------


def test_both_clocks_run_from_the_receipt() -> None:
    received_at = NOW - timedelta(hours=3)  # Monday 2026-11-23 07:00 in Toronto
    decision = decide(a_message(), a_mailbox(), History(), received_at, NOW)
    assert decision.opens is not None
    assert decision.opens.received_at == received_at
    assert decision.opens.acknowledgement_due_at == received_at + timedelta(hours=48)
    assert decision.opens.answer_due_at == datetime(2026, 11, 30, 21, 30, tzinfo=UTC)  # Monday 16:30


@pytest.mark.parametrize(
    ("mailbox", "age", "waits"),
    [
        (a_mailbox(), timedelta(), timedelta(minutes=5)),
        (a_mailbox(), timedelta(minutes=2), timedelta(minutes=3)),
        (a_mailbox(), timedelta(hours=2), timedelta()),  # the grace is over when it is first seen
        (a_mailbox(policy={"delay": timedelta()}), timedelta(), timedelta()),
    ],
)
def test_people_have_their_time_from_the_receipt_on(mailbox: Mailbox, age: timedelta, waits: timedelta) -> None:
    decision = decide(a_message(), mailbox, History(), NOW - age, NOW)
    assert decision.not_before == NOW + waits


def test_a_staff_mailbox_has_a_day() -> None:
    message = a_message(to="marie.tremblay@cscmonavenir.example")
    assert judged(message, a_staff_mailbox()).not_before == NOW + timedelta(hours=24)


def test_a_server_whose_clock_is_ahead_gives_nobody_more_time() -> None:
    ahead = decide(a_message(), a_mailbox(), History(), NOW + timedelta(days=300), NOW)
    assert ahead == decide(a_message(), a_mailbox(), History(), NOW, NOW)


def test_what_is_not_acknowledged_has_no_instant_but_its_clock_runs() -> None:
    decision = judged(a_message("X-Auto-Response-Suppress: All"))
    assert (decision.acknowledge, decision.suppressed_by, decision.not_before) == (
        False,
        "auto_response_suppress",
        None,
    )
    assert decision.opens is not None


def test_what_is_no_request_opens_none() -> None:
    decision = judged(a_message("Auto-Submitted: auto-generated"))
    assert (decision.opens, decision.follows, decision.acknowledge) == (None, None, False)


@pytest.mark.parametrize("age", [timedelta(hours=47, minutes=59), timedelta(hours=48), timedelta(hours=48, seconds=1)])
def test_past_the_limit_it_is_too_late_and_exactly_at_it_in_time(age: timedelta) -> None:
    decision = decide(a_message(), a_mailbox(), History(), NOW - age, NOW)
    assert FORTY_EIGHT_HOURS.text == "48h"
    assert decision.suppressed_by == ("late" if age > timedelta(hours=48) else None)


# --- owners --------------------------------------------------------------------------------------------------------


def test_a_local_rules_owner_comes_before_the_mailboxes_first() -> None:
    rule = LocalRule(name="transport", subject_contains="inscription", owner="paul.roy@cscmonavenir.example")
    with_rule = replace(a_mailbox(), rules=(rule,))
    assert judged(mailbox=with_rule).opens.owner == "paul.roy@cscmonavenir.example"  # type: ignore[union-attr]
    assert judged().opens.owner == "marie.tremblay@cscmonavenir.example"  # type: ignore[union-attr]
    assert judged(mailbox=replace(a_mailbox(), owners=())).opens.owner == ""  # type: ignore[union-attr]


# --- threads -------------------------------------------------------------------------------------------------------


MERCI = a_message(f"In-Reply-To: {OURS}", subject="Re: Inscription", body="Merci beaucoup !\n\nJean Côté\n")
QUESTION = a_message(f"In-Reply-To: {OURS}", subject="Re: Inscription", body="Merci, mais quand ouvrez-vous ?\n")


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize(
    ("message", "event"), [(MERCI, EventKind.THANKED), (QUESTION, EventKind.FOLLOWED_UP)], ids=["thanks", "question"]
)
def test_a_follow_up_is_thanks_or_a_question_whatever_the_state(
    state: State, message: Message, event: EventKind
) -> None:
    settled = None if state in UNSETTLED else NOW - timedelta(days=1)
    following = judged(message, thread=a_thread(state=state, settled_at=settled)).follows
    assert following is not None
    assert following.event is event


@pytest.mark.parametrize("state", sorted(SETTLED))
def test_long_after_a_question_is_new_and_thanks_are_still_thanks(state: State) -> None:
    thread = a_thread(state=state, settled_at=NOW - timedelta(days=60))
    thanks, question = judged(MERCI, thread=thread), judged(QUESTION, thread=thread)
    assert thanks.follows is not None
    assert (thanks.follows.event, thanks.opens, thanks.acknowledge) == (EventKind.THANKED, None, False)
    assert (question.follows, question.opens is not None, question.acknowledge) == (None, True, True)


def test_an_emoji_under_an_answer_asks_nothing() -> None:
    reaction = a_message(
        f"In-Reply-To: {OURS}",
        'Content-Type: multipart/alternative; boundary="b"',
        subject="Re: Inscription",
        body=(
            '--b\nContent-Type: text/plain; charset="utf-8"\n\n👍 Jean Côté a réagi via Gmail\n'
            '--b\nContent-Type: text/vnd.google.email-reaction+json; charset="utf-8"\n\n{"emoji":"👍"}\n--b--\n'
        ),
    )
    following = judged(reaction, thread=a_thread(state=State.ANSWERED, settled_at=NOW - timedelta(days=1))).follows
    assert following is not None
    assert following.event is EventKind.THANKED


def test_thanks_that_belong_to_nothing_are_a_request() -> None:
    assert judged(MERCI).opens is not None
    assert judged(MERCI, thread=a_thread(Link.SUBJECT)).opens is not None


@pytest.mark.parametrize(
    ("headers", "event"),
    [
        (["Auto-Submitted: auto-replied"], EventKind.AUTO_REPLIED),
        (["Return-Path: <>"], EventKind.BOUNCED),
        (["Return-Path: <>", "Auto-Submitted: auto-replied"], EventKind.AUTO_REPLIED),
        (
            ["Return-Path: <>", "Auto-Submitted: auto-replied", REPORT],
            EventKind.BOUNCED,
        ),  # Postfix marks its reports so
    ],
)
@pytest.mark.parametrize("body", ["", "Merci beaucoup !\n"])
def test_what_is_automatic_is_neither_a_question_nor_thanks(headers: list[str], event: EventKind, body: str) -> None:
    thread = a_thread(state=State.ANSWERED, settled_at=NOW - timedelta(days=1))
    following = judged(a_message(*headers, body=body), thread=thread).follows
    assert following is not None
    assert (following.event, following.suspects) == (event, "")


# --- suspicions ----------------------------------------------------------------------------------------------------

UNKNOWN = "<9a8b@outlook.example>"


@pytest.mark.parametrize(
    ("headers", "thread", "suspects"),
    [
        ([f"In-Reply-To: {UNKNOWN}"], a_thread(Link.REFERENCES), UNKNOWN),
        ([f"In-Reply-To: {UNKNOWN}"], a_thread(Link.REFERENCE), UNKNOWN),
        ([f"In-Reply-To: {UNKNOWN}"], a_thread(Link.THREAD_INDEX), UNKNOWN),
        ([f"In-Reply-To: {OURS} {UNKNOWN}"], a_thread(Link.REFERENCES), UNKNOWN),
        ([f"In-Reply-To: {UNKNOWN}"], a_thread(Link.IN_REPLY_TO), ""),  # it is known, for it led here
        ([f"In-Reply-To: {OURS}"], a_thread(Link.REFERENCES), ""),
        ([], a_thread(Link.REFERENCES), ""),
        ([f"In-Reply-To: {UNKNOWN}"], a_thread(Link.REFERENCES, requester="anne@courriel.example"), ""),
    ],
)
def test_a_reply_to_what_we_never_saw_makes_an_answer_suspected(
    headers: list[str], thread: ThreadMatch, suspects: str
) -> None:
    for body in ("Merci beaucoup !\n", "Et l'autobus ?\n"):
        following = judged(a_message(*headers, subject="Re: Inscription", body=body), thread=thread).follows
        assert following is not None
        assert following.suspects == suspects


# --- staff ---------------------------------------------------------------------------------------------------------

PAUL = "paul.roy@cscmonavenir.example"


@pytest.mark.parametrize("settled", [None, NOW - timedelta(days=1), NOW - timedelta(days=60)])
@pytest.mark.parametrize(
    ("writer", "to"),
    [
        (PAUL, f"{JEAN}, {INSCRIPTIONS}"),
        (MARIE, f"{JEAN}, {INSCRIPTIONS}"),
        (MARIE, INSCRIPTIONS),
        (INSCRIPTIONS, JEAN),
    ],
)
def test_staff_s_part_in_a_thread_opens_and_follows_nothing_however_late(
    settled: datetime | None, writer: str, to: str
) -> None:
    thread = a_thread(state=State.ANSWERED if settled else State.OPEN, settled_at=settled)
    decision = judged(a_message("In-Reply-To: <p@x>", from_=writer, to=to, subject="Re: Inscription"), thread=thread)
    assert (decision.verdict.kind, decision.verdict.reason) == (Kind.ANSWER, "answer_copy")
    assert (decision.opens, decision.follows, decision.acknowledge) == (None, None, False)


# --- languages -----------------------------------------------------------------------------------------------------

ENGLISH = "Hello,\n\nI would like to know which documents are needed to register my daughter. Thank you very much."


@pytest.mark.parametrize(
    ("link", "earlier", "language"),
    [
        (None, None, Language.EN),
        (Link.IN_REPLY_TO, Language.FR, Language.FR),  # the thread's language wins
        (Link.IN_REPLY_TO, None, Language.EN),  # it had none
        (Link.SUBJECT, Language.FR, Language.EN),  # too weak a link
    ],
)
def test_the_threads_language_comes_before_the_words(
    link: Link | None, earlier: Language | None, language: Language
) -> None:
    message = a_message(subject="Registration of my daughter", body=ENGLISH)
    thread = a_thread(link, language=earlier) if link else None
    assert judged(message, thread=thread).language is language


def test_even_a_thread_too_old_to_follow_tells_the_language() -> None:
    thread = a_thread(state=State.ANSWERED, settled_at=NOW - timedelta(days=90), language=Language.FR)
    decision = judged(a_message(subject="Registration", body=ENGLISH), thread=thread)
    assert (decision.opens is not None, decision.language) == (True, Language.FR)


def test_unsure_means_every_language() -> None:
    assert judged(a_message(subject="?", body="416-555-0123")).language is None


def test_an_organisation_with_one_language_has_no_choice() -> None:
    mailbox = a_mailbox(organisation=an_organisation(languages=(Language.FR,)))
    assert judged(a_message(subject="Registration", body=ENGLISH), mailbox).language is Language.FR


# --- bounces -------------------------------------------------------------------------------------------------------


def a_bounce(status: str = "5.1.1", recipient: str = JEAN, quoted: str = OURS, *headers: str) -> Message:
    """A DSN about an acknowledgement."""
    return a_message(
        REPORT,
        *headers,
        from_="MAILER-DAEMON@mx.example",
        subject="Undelivered MW-7F3K9Q",
        body=(
            "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n"
            f"Final-Recipient: rfc822; {recipient}\nAction: failed\nStatus: {status}\n"
            f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {quoted}\n\n--b--\n"
        ),
    )


def found_by(message_id: str, link: Link = Link.IN_REPLY_TO) -> ThreadMatch:
    """A match with the request of Jean Côté, as `find_thread` gives it."""
    return ThreadMatch(request=a_request_summary(recipient=JEAN), link=link, message_id=message_id)


@pytest.mark.parametrize(
    ("bounce", "thread", "blocks"),
    [
        (a_bounce(), found_by(OURS), JEAN),
        (a_bounce("5.1.10"), found_by(OURS), JEAN),
        (a_bounce("5.1.1 (unknown)"), found_by(OURS), JEAN),
        (a_bounce(recipient="Jean.Cote@Courriel.Example"), found_by(OURS), JEAN),
        (a_bounce("5.2.2"), found_by(OURS), ""),  # a full mailbox is a living address
        (a_bounce("5.7.1"), found_by(OURS), ""),
        (a_bounce("4.1.1"), found_by(OURS), ""),
        (a_bounce("5.1.11"), found_by(OURS), ""),
        (a_bounce(recipient="autre@courriel.example"), found_by(OURS), ""),  # not whom we wrote to
        (a_bounce(), None, ""),  # we sent no such thing
        (a_bounce(quoted="<question@courriel.example>"), found_by("<question@courriel.example>"), ""),
        (a_bounce(quoted="<mw.ack.forged@x>"), found_by("", Link.REFERENCE), ""),  # all but the reference is made up
        (a_bounce("5.1.1", JEAN, "<mw.ack.forged@x>", "In-Reply-To: <q@x>"), found_by("<q@x>"), ""),
    ],
)
def test_only_a_report_about_our_own_acknowledgement_to_that_address_blocks_it(
    bounce: Message, thread: ThreadMatch | None, blocks: str
) -> None:
    decision = judged(bounce, thread=thread)
    assert decision.verdict.kind is Kind.BOUNCE
    assert decision.blocks == blocks
    assert (decision.acknowledge, decision.opens) == (False, None)


def test_a_person_who_quotes_a_report_blocks_nobody() -> None:
    message = a_message(
        f"In-Reply-To: {OURS}", body="Final-Recipient: rfc822; jean.cote@courriel.example\nStatus: 5.1.1"
    )
    assert judged(message, thread=found_by(OURS)).blocks == ""
    assert INSCRIPTIONS in {address.key for address in message.to}
