"""Whether whoever writes during an absence is told of it: one test a rung of the ladder, and the order of the rungs."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from builders import (
    INSCRIPTIONS,
    MARIE,
    NOW,
    a_mailbox,
    a_message,
    a_person,
    a_staff_mailbox,
    a_thread,
    an_organisation,
    with_policy,
)

from mailwatch.domain.absences import Absence, Audience
from mailwatch.domain.decisions import Decision, decide
from mailwatch.domain.mailboxes import LocalRule, Mailbox
from mailwatch.domain.messages import Message
from mailwatch.domain.notices import NO_PERSON, OOF, RESPONDS_ITSELF, TOLD
from mailwatch.domain.people import Responder
from mailwatch.domain.verdicts import History, Kind

AWAY = Absence(who=MARIE, away_from=date(2026, 11, 23), returns_on=date(2026, 11, 30), id=7)
OURS = "<mw.ack.0123456789abcdef0123456789abcdef@cscmonavenir.example>"
DIGEST = "<mw.dig.0123456789abcdef0123456789abcdef@cscmonavenir.example>"
PAUL = "paul.roy@cscmonavenir.example"


def marie(absence: Absence = AWAY, *, notice: Responder = Responder.SEND, **policy: Any) -> Mailbox:
    """Her own mailbox, while she is away."""
    person = a_person(notice=notice)
    people = {MARIE: person, PAUL: a_person(PAUL, "Paul Roy")}
    organisation = an_organisation(people=people, absences=(absence,))
    return a_staff_mailbox(organisation=organisation, owners=(person,), policy=policy)


def to_marie(*headers: str, **fields: str | None) -> Message:
    return a_message(*headers, **{"to": MARIE, **fields})


def judged(
    message: Message | None = None, mailbox: Mailbox | None = None, age: timedelta = timedelta(), **history: Any
) -> Decision:
    """A decision about a message that was received some time ago."""
    return decide(message or to_marie(), mailbox or marie(), History(**history), NOW - age, NOW)


def is_told(decision: Decision) -> bool:
    return decision.tells is not None


# --- who is told ------------------------------------------------------------------------------------------------------


def test_a_new_request_is_told_in_its_acknowledgement_at_once() -> None:
    decision = judged()
    assert decision.acknowledge
    assert decision.tells is not None
    assert decision.tells.absence.id == AWAY.id
    assert decision.not_before == NOW  # not after the grace of 24 hours: nobody is there
    assert decision.untold == ""


@pytest.mark.parametrize(
    ("message", "mailbox", "history", "kind"),
    [
        (to_marie(f"In-Reply-To: {OURS}", subject="Re: Inscription"), marie(), {"thread": a_thread()}, Kind.FOLLOW_UP),
        (to_marie("In-Reply-To: <marie.1@x.example>", subject="Re: Réunion"), marie(), {}, Kind.REPLY),
        (to_marie(), marie(enabled=False), {}, Kind.REQUEST),
    ],
)
def test_what_gets_no_acknowledgement_of_its_own_gets_a_notice(
    message: Message, mailbox: Mailbox, history: dict[str, Any], kind: Kind
) -> None:
    decision = judged(message, mailbox, **history)
    assert decision.verdict.kind is kind
    assert not decision.acknowledge
    assert is_told(decision)


def test_nobody_is_told_where_nobody_is_away() -> None:
    decision = judged(mailbox=marie(replace(AWAY, away_from=date(2026, 11, 24))))
    assert (decision.tells, decision.untold) == (None, "")


@pytest.mark.parametrize(
    ("absence", "age"),
    [
        (replace(AWAY, returns_on=NOW.date(), away_from=date(2026, 11, 16)), timedelta(days=1)),  # back by now
        (AWAY, timedelta(days=1)),  # received before they left
    ],
)
def test_whoever_wrote_before_or_is_read_after_the_absence_is_not_told(absence: Absence, age: timedelta) -> None:
    decision = judged(mailbox=marie(absence), age=age)
    assert (decision.tells, decision.untold) == (None, "")


# --- the rungs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("responder", [Responder.NONE, Responder.SIEVE])
def test_where_another_program_tells_we_do_not(responder: Responder) -> None:
    for mailbox in (marie(notice=responder), replace(marie(), notice=responder)):
        decision = judged(mailbox=mailbox)
        assert (decision.tells, decision.untold) == (None, RESPONDS_ITSELF)
        assert decision.acknowledge  # of that, they say nothing
        assert decision.not_before == NOW + timedelta(hours=24)


def test_a_closed_service_asks_the_mailbox_alone_who_tells() -> None:
    closed = replace(AWAY, who=INSCRIPTIONS)
    person = a_person(notice=Responder.NONE)
    organisation = an_organisation(people={MARIE: person}, absences=(closed,))
    mailbox = a_mailbox(organisation=organisation, owners=(person,))
    assert is_told(judged(a_message(), mailbox))
    assert judged(a_message(), replace(mailbox, notice=Responder.NONE)).untold == RESPONDS_ITSELF


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (to_marie("Auto-Submitted: auto-replied"), Kind.AUTO_REPLY),
        (to_marie(subject="Réponse automatique : Inscription"), Kind.AUTO_REPLY),
        (to_marie("Auto-Submitted: auto-generated"), Kind.AUTOMATIC),
        (to_marie("Return-Path: <>"), Kind.BOUNCE),
        (to_marie(from_="MAILER-DAEMON@mx.example"), Kind.BOUNCE),
        (to_marie("List-Id: <bulletin.example>"), Kind.BULK),
        (to_marie("Precedence: bulk"), Kind.BULK),
        (to_marie(from_="no-reply@entreprise.example"), Kind.AUTOMATIC),
        (to_marie("X-Spam-Flag: YES"), Kind.SPAM),
        (to_marie(to="autre@ailleurs.example", cc=MARIE), Kind.COPY),
        (to_marie(to="tous@ailleurs.example"), Kind.UNDISCLOSED),  # RFC 5230 §4.5: not addressed to them
        (to_marie(f"In-Reply-To: {DIGEST}", from_=f"Paul Roy <{PAUL}>", subject="Re: 2 demandes"), Kind.REPLY),
    ],
)
def test_what_no_person_waits_on_is_not_told(message: Message, kind: Kind) -> None:
    decision = judged(message)
    assert decision.verdict.kind is kind
    assert (decision.tells, decision.untold) == (None, NO_PERSON)


def test_an_answer_that_an_owner_writes_meanwhile_is_not_told() -> None:
    answer = a_message(f"In-Reply-To: {OURS}", from_=MARIE, to="jean.cote@courriel.example", cc=INSCRIPTIONS)
    decision = judged(answer, _shared(), thread=a_thread())
    assert decision.verdict.kind is Kind.ANSWER
    assert (decision.tells, decision.untold) == (None, NO_PERSON)


@pytest.mark.parametrize(
    ("message", "history", "rule"),
    [
        (to_marie("X-Auto-Response-Suppress: All"), {}, "auto_response_suppress"),
        (to_marie("X-Auto-Response-Suppress: AutoReply"), {}, "auto_response_suppress"),
        (to_marie(from_="a@x.example, b@x.example"), {}, "several_from"),
        (to_marie("X-MS-Exchange-Organization-AutoForwarded: true"), {}, "forwarded"),
        (to_marie(to=f"{INSCRIPTIONS}, {MARIE}"), {}, "elsewhere"),
        (to_marie(), {"is_acknowledged_elsewhere": True}, "elsewhere"),
        (to_marie(), {"enabled_at": NOW + timedelta(hours=1)}, "before_enabled"),
        (to_marie(), {"is_already_answered": True}, "answered"),
        (to_marie(), {"sent_here_today": 5}, "sender_limit"),
        (to_marie(), {"sent_everywhere_today": 10}, "sender_limit_everywhere"),
        (to_marie(), {"same_subject_recently": 2}, "same_subject"),
        (to_marie(), {"block": "no such address"}, "blocked"),
    ],
)
@pytest.mark.parametrize("is_enabled", [True, False])
def test_what_forbids_an_acknowledgement_forbids_a_notice(
    message: Message, history: dict[str, Any], rule: str, is_enabled: bool
) -> None:
    decision = judged(message, marie(enabled=is_enabled), **history)
    assert (decision.tells, decision.untold) == (None, rule)
    assert not decision.acknowledge


def test_what_comes_too_late_is_not_told() -> None:
    mailbox = marie(replace(AWAY, away_from=date(2026, 11, 16)))
    assert judged(mailbox=mailbox, age=timedelta(hours=49)).untold == "late"
    assert is_told(judged(mailbox=mailbox, age=timedelta(hours=47)))


def test_a_message_from_nobody_has_nobody_to_tell() -> None:
    assert judged(to_marie(from_=None)).untold == NO_PERSON


def test_the_mailbox_itself_is_not_told() -> None:
    decision = judged(a_message(from_=MARIE, to=INSCRIPTIONS), _shared())
    assert (decision.tells, decision.untold) == (None, "own_recipient")


def _shared() -> Mailbox:
    return a_mailbox(organisation=marie().organisation)


def test_a_local_rule_that_withholds_acknowledgements_withholds_notices() -> None:
    rule = LocalRule(name="fournisseur", domains=frozenset({"courriel.example"}), acknowledge=False)
    assert judged(mailbox=replace(marie(), rules=(rule,))).untold == "local_rule"


@pytest.mark.parametrize(
    ("audience", "sender", "expected"),
    [
        (Audience.ALL, "a@courriel.example", True),
        (Audience.ALL, PAUL, True),
        (Audience.EXTERNAL, "a@courriel.example", True),
        (Audience.EXTERNAL, PAUL, False),
        (Audience.INTERNAL, "a@courriel.example", False),
        (Audience.INTERNAL, PAUL, True),
        (Audience.INTERNAL, "autre@cscmonavenir.example", True),
    ],
)
def test_only_the_audience_is_told(audience: Audience, sender: str, expected: bool) -> None:
    decision = judged(to_marie(from_=sender), marie(replace(AWAY, audience=audience)))
    assert is_told(decision) is expected
    assert decision.untold == ("" if expected else "audience")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("OOF", OOF), ("oof", OOF), ("DR, OOF, RN, NRN", OOF), ("DR, RN, NRN", ""), ("None", "")],
)
def test_x_auto_response_suppress_oof_concerns_the_notice_alone(value: str, expected: str) -> None:
    decision = judged(to_marie(f"X-Auto-Response-Suppress: {value}"))
    assert decision.untold == expected
    assert decision.acknowledge  # plain, and after the grace
    assert decision.not_before == (NOW + timedelta(hours=24) if expected else NOW)


def test_whoever_was_told_within_the_week_is_told_again_only_in_an_acknowledgement() -> None:
    follow_up = to_marie(f"In-Reply-To: {OURS}", subject="Re: Inscription")
    told = frozenset({AWAY.id})
    assert judged(follow_up, thread=a_thread(), told_of=told).untold == TOLD
    assert judged(mailbox=marie(enabled=False), told_of=told).untold == TOLD
    assert is_told(judged(told_of=told))
    assert is_told(judged(follow_up, thread=a_thread(), told_of=frozenset({AWAY.id + 1})))  # of another absence


def test_thanks_wait_for_nothing() -> None:
    thanks = to_marie(f"In-Reply-To: {OURS}", subject="Re: Inscription", body="Merci beaucoup !")
    assert judged(thanks, thread=a_thread()).untold == "thanks"


# --- and their order --------------------------------------------------------------------------------------------------

RUNGS = ["responder", "kind", "own rules", "audience", "oof", "told already"]


@pytest.mark.parametrize("first", range(len(RUNGS)))
def test_the_first_rung_that_forbids_is_named(first: int) -> None:
    """Everything from one rung on forbids; that rung is the reason."""
    active = set(RUNGS[first:])
    internal = PAUL if "audience" in active else "jean.cote@courriel.example"
    headers = ["X-Auto-Response-Suppress: OOF"] if "oof" in active else []
    headers += ["List-Id: <bulletin.example>"] if "kind" in active else []
    audience = Audience.EXTERNAL if "audience" in active else Audience.ALL
    notice = Responder.NONE if "responder" in active else Responder.SEND
    history: dict[str, Any] = {"told_of": frozenset({AWAY.id})} if "told already" in active else {}
    history |= {"sent_here_today": 5} if "own rules" in active else {}
    mailbox = with_policy(marie(replace(AWAY, audience=audience), notice=notice), enabled=False)
    decision = judged(to_marie(*headers, from_=internal), mailbox, **history)
    expected = "sender_limit" if RUNGS[first] == "own rules" else RUNGS[first]
    assert (decision.tells, decision.untold) == (None, expected)
