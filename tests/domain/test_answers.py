"""Answers, seen: who wrote what to whom, and what that says of a request."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from builders import (
    DOMAIN,
    INSCRIPTIONS,
    MARIE,
    NOW,
    a_mailbox,
    a_message,
    a_person,
    a_request_summary,
    a_staff_mailbox,
    a_thread,
    an_organisation,
)

from mailwatch.domain import answerers
from mailwatch.domain.absences import Absence
from mailwatch.domain.answers import (
    Evidence,
    Outgoing,
    find_outgoing,
    judge_outgoing,
    match_outgoing,
    outgoing_clues,
    outgoing_subjects,
)
from mailwatch.domain.classification import Kind
from mailwatch.domain.decisions import decide
from mailwatch.domain.mailboxes import LocalRule, Mailbox, ObservingPolicy
from mailwatch.domain.messages import Message
from mailwatch.domain.requests import Event, EventKind
from mailwatch.domain.threads import CONFIDENCE, WEAK, Clues, Link
from mailwatch.domain.verdicts import History
from mailwatch.ports import Matches

JEAN = "jean.cote@courriel.example"
PAUL = f"paul.roy@{DOMAIN}"  # a colleague of nobody's mailbox
ANNE = f"anne.girard@{DOMAIN}"
OUR_SERVER = "mail.cscmonavenir.example"
REPLIES = "In-Reply-To: <5d1f0c2a-7e61@courriel.example>"
OUTLOOK = "Thread-Index: AQHaAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="


def an_answer(*headers: str, from_: str = MARIE, to: str = JEAN, **fields: str | None) -> Message:
    """What Marie writes back to Jean."""
    subject = fields.pop("subject", "RE: Inscription à la maternelle")
    given = {"message_id": "<answer@cscmonavenir.example>"} | fields
    return a_message(*(headers or (REPLIES,)), from_=from_, to=to, subject=subject, **given)


def seen(message: Message, evidence: Evidence = Evidence.SENT, mailbox: Mailbox | None = None) -> Outgoing | None:
    return find_outgoing(message, mailbox or a_mailbox(), evidence, NOW, NOW)


def found(message: Message, evidence: Evidence = Evidence.SENT, mailbox: Mailbox | None = None) -> Outgoing:
    outgoing = seen(message, evidence, mailbox)
    assert outgoing is not None
    return outgoing


def judged(
    message: Message, mailbox: Mailbox | None = None, link: Link = Link.IN_REPLY_TO, **request: Any
) -> Event | None:
    """What a message of a Sent folder says of Jean's request, or of another one."""
    return judge_outgoing(found(message), a_thread(link, **request), mailbox or a_mailbox(), NOW)


# --- what is perhaps an answer ---------------------------------------------------------------------------------------


def test_what_is_known_of_an_answer() -> None:
    message = an_answer("Cc: Anne@Courriel.example", REPLIES, 'Bcc: "Roy, Paul" <paul.roy@cscmonavenir.example>')
    assert found(message) == Outgoing(
        identity=message.identity,
        message_id="<answer@cscmonavenir.example>",
        mailbox=INSCRIPTIONS,
        evidence=Evidence.SENT,
        writer=MARIE,
        recipients=frozenset({JEAN, "anne@courriel.example", PAUL}),
        written_at=NOW,
        clues=Clues(in_reply_to=("<5d1f0c2a-7e61@courriel.example>",), subject=(MARIE, "inscription à la maternelle")),
    )


def test_only_the_writer_s_own_copy_is_believed_about_blind_copies() -> None:
    message = an_answer(REPLIES, "Bcc: anne@courriel.example")
    assert found(message, Evidence.COPY).recipients == {JEAN}


@pytest.mark.parametrize("evidence", [Evidence.SENT, Evidence.COPY])
@pytest.mark.parametrize(
    "message",
    [
        an_answer(REPLIES, "Auto-Submitted: auto-replied"),  # a staff member's out-of-office
        an_answer(REPLIES, "Auto-Submitted: auto-generated", "X-Mailer: Outlook", from_=PAUL),  # as if a person's
        an_answer(REPLIES, subject="Réponse automatique : Inscription"),
        an_answer(REPLIES, "X-Mailwatch-Message-ID: <mw.ack.1@x>"),
        an_answer(REPLIES, message_id="<mw.ack.0123456789abcdef0123456789abcdef@cscmonavenir.example>"),
        an_answer(REPLIES, "List-Unsubscribe: <mailto:x@cscmonavenir.example>"),
        an_answer(REPLIES, 'Content-Type: text/calendar; method="REPLY"'),
        an_answer(REPLIES, 'Content-Type: multipart/report; report-type=disposition-notification; boundary="b"'),
        an_answer(REPLIES, from_=f"noreply@{DOMAIN}"),
        an_answer(REPLIES, from_=f"direction-request@{DOMAIN}"),  # a list's, not a mailbox of ours
        an_answer(REPLIES, 'Content-Type: text/vnd.google.email-reaction+json; charset="utf-8"', body='{"emoji":"👍"}'),
        an_answer(REPLIES, from_=None),  # type: ignore[arg-type]
    ],
)
def test_what_no_person_wrote_is_no_answer(message: Message, evidence: Evidence) -> None:
    assert seen(message, evidence) is None


@pytest.mark.parametrize("evidence", [Evidence.SENT, Evidence.COPY])
def test_a_mailbox_of_ours_answers_whatever_it_is_called(evidence: Evidence) -> None:
    address = f"acces-request@{DOMAIN}"
    mailbox = a_mailbox(address=address, organisation=an_organisation(watched={address: address}))
    assert seen(an_answer(REPLIES, from_=address), evidence, mailbox) is not None


@pytest.mark.parametrize(
    ("headers", "subject", "refers"),
    [
        ([REPLIES], "Inscription", True),
        (["References: <5d1f0c2a-7e61@courriel.example>"], "Inscription", True),
        (["X-Other: 1"], "Votre demande MW-7F3K9Q", True),
        (["X-Other: 1"], "Re: Inscription", True),
        ([OUTLOOK], "RE: Inscription", True),
        ([OUTLOOK], "Inscription", False),  # Outlook writes one on every new message
        (["X-Other: 1"], "Inscription", False),
    ],
)
def test_an_answer_refers_to_something(headers: list[str], subject: str, refers: bool) -> None:
    assert (seen(an_answer(*headers, subject=subject)) is not None) is refers


@pytest.mark.parametrize(
    ("writer", "is_staffs"),
    [
        (INSCRIPTIONS, True),
        (MARIE, True),
        (PAUL, True),
        (f"eve@ecole.{DOMAIN}", True),
        ("anne@prestataire.example", True),  # an answerer
        ("luc@partenaire.example", True),  # one of the people
        (JEAN, False),
        (f"eve@{DOMAIN}.evil.example", False),
    ],
)
def test_a_copy_is_from_staff(writer: str, is_staffs: bool) -> None:
    luc = "luc@partenaire.example"
    organisation = an_organisation(people={MARIE: a_person(), luc: a_person(luc, "Luc")})
    mailbox = a_mailbox(organisation=organisation, answerers=("anne@prestataire.example",))
    assert (seen(an_answer(from_=writer), Evidence.COPY, mailbox) is not None) is is_staffs


def test_what_lies_in_a_sent_folder_was_sent_by_whoever_has_the_account() -> None:
    assert found(an_answer(from_="direction@ancien-nom.example")).writer == "direction@ancien-nom.example"


@pytest.mark.parametrize(("result", "is_staffs"), [("pass", True), ("none", True), ("fail", False)])
def test_a_forged_copy_is_nobodys(result: str, is_staffs: bool) -> None:
    mailbox = a_mailbox(policy={"authserv_id": (OUR_SERVER,)})
    message = an_answer(REPLIES, f"Authentication-Results: {OUR_SERVER}; dmarc={result} header.from={DOMAIN}")
    assert (seen(message, Evidence.COPY, mailbox) is not None) is is_staffs


def test_a_web_form_of_ours_is_not_staff() -> None:
    form = an_answer(REPLIES, "Reply-To: anne@courriel.example", from_=f"formulaire@{DOMAIN}")
    mailbox = a_mailbox(policy={"forms": frozenset({f"formulaire@{DOMAIN}"})})
    assert seen(form, Evidence.COPY, mailbox) is None
    robot = an_answer(REPLIES, "Reply-To: anne@courriel.example", from_=f"noreply@{DOMAIN}")
    assert seen(robot, Evidence.COPY, mailbox) is None
    assert seen(an_answer(REPLIES, from_=f"formulaire@{DOMAIN}"), Evidence.COPY, mailbox) is None


def test_copies_count_only_where_they_are_observed() -> None:
    mailbox = a_mailbox(observing=ObservingPolicy(copies=False))
    assert seen(an_answer(), Evidence.COPY, mailbox) is None
    assert seen(an_answer(), Evidence.SENT, mailbox) is not None


def test_a_local_rule_about_requests_says_nothing_of_answers() -> None:
    rules = (LocalRule(name="collègues", domains=frozenset({DOMAIN}), treat_as="record"),)
    assert seen(an_answer(to=f"{JEAN}, {INSCRIPTIONS}"), Evidence.COPY, a_mailbox(rules=rules)) is not None


def test_a_server_whose_clock_is_ahead_writes_no_answers_in_the_future() -> None:
    outgoing = find_outgoing(an_answer(), a_mailbox(), Evidence.SENT, NOW + timedelta(days=2), NOW)
    assert outgoing is not None
    assert outgoing.written_at == NOW


# --- which requests it belongs to ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("date", "written_at"),
    [
        ("Tue, 10 Nov 2026 09:00:00 -0500", NOW - timedelta(days=13, hours=1)),  # migrated, or tidied away here
        ("Mon, 23 Nov 2026 09:00:00 -0500", NOW),  # the server's word, while nothing speaks against it
        ("Wed, 23 Dec 2026 09:00:00 -0500", NOW),
        ("lundi", NOW),
        (None, NOW),
    ],
)
def test_a_copy_that_was_filed_long_afterwards_is_as_old_as_its_date(date: str | None, written_at: datetime) -> None:
    message = an_answer(REPLIES, date=date)
    assert found(message).written_at == written_at
    assert found(message, Evidence.COPY).written_at == NOW  # anybody can date what they send us


def test_the_subject_alone_is_asked_about_for_each_recipient() -> None:
    outgoing = found(an_answer("Cc: anne@courriel.example", subject="Re: Inscription"))
    pairs = (("anne@courriel.example", "inscription"), (JEAN, "inscription"))
    assert outgoing_subjects(outgoing) == pairs
    assert [clues.subject for clues in outgoing_clues(outgoing)] == [None, *pairs]


def test_without_a_reply_s_subject_none_is_asked_about() -> None:
    outgoing = found(an_answer(REPLIES, subject="Inscription"))
    assert outgoing_subjects(outgoing) == ()
    assert outgoing_clues(outgoing) == (outgoing.clues,)


@pytest.mark.parametrize("evidence", [Evidence.SENT, Evidence.COPY])
def test_outlook_s_replies_without_in_reply_to_are_matched_by_their_conversation(evidence: Evidence) -> None:
    outgoing = found(an_answer(OUTLOOK), evidence)
    request = a_request_summary()
    matches = match_outgoing(outgoing, Matches(by_thread_root={outgoing.clues.thread_root: [request]}))
    assert [(match.request, match.link) for match in matches] == [(request, Link.THREAD_INDEX)]
    event = judge_outgoing(outgoing, matches[0], a_mailbox(), NOW)
    assert event is not None
    assert event.kind is EventKind.ANSWERED


def test_an_answer_belongs_to_the_request_of_every_mailbox() -> None:
    both = [a_request_summary(id=1), a_request_summary(id=2, mailbox=MARIE)]
    matches = Matches(by_message_id={"<5d1f0c2a-7e61@courriel.example>": both})
    assert [match.request for match in match_outgoing(found(an_answer()), matches)] == both


# --- what it says of them --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", list(Link))
def test_what_is_written_to_the_requester_answers_as_surely_as_the_link(link: Link) -> None:
    message = an_answer()
    event = judged(message, link=link)
    kind = EventKind.ANSWERED if CONFIDENCE[link] > WEAK else EventKind.ANSWER_SUSPECTED
    assert event == Event(
        kind=kind,
        at=NOW,
        by=MARIE,
        occurred_at=NOW,
        data={
            "evidence": "sent folder",
            "confidence": CONFIDENCE[link],
            "identity": message.identity,
            "mailbox": INSCRIPTIONS,
            "link": str(link),
        },
    )


def test_an_answer_happened_when_it_was_written() -> None:
    outgoing = replace(found(an_answer()), written_at=NOW - timedelta(hours=3))
    event = judge_outgoing(outgoing, a_thread(), a_mailbox(), NOW)
    assert event is not None
    assert (event.happened_at, event.at) == (NOW - timedelta(hours=3), NOW)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (an_answer(to=f"{PAUL}, {JEAN}"), EventKind.ANSWERED),
        (an_answer(f"Cc: {JEAN}", REPLIES, to=PAUL), EventKind.ANSWERED),
        (an_answer(f"Bcc: {JEAN}", REPLIES, to=PAUL), EventKind.ANSWERED),
        (an_answer(to=PAUL, subject="TR: Inscription"), EventKind.CONSULTED),  # an internal forward
        (an_answer(to=INSCRIPTIONS), EventKind.CONSULTED),
        (an_answer(to="expert@ailleurs.example"), EventKind.CONSULTED),
    ],
)
def test_what_is_not_written_to_the_requester_is_a_consultation(message: Message, kind: EventKind) -> None:
    event = judged(message)
    assert event is not None
    assert event.kind is kind


def test_a_form_s_answer_goes_where_its_acknowledgement_went() -> None:
    event = judged(an_answer(), requester="formulaire@prestataire.example", recipient=JEAN)
    assert event is not None
    assert event.kind is EventKind.ANSWERED


def test_a_weak_link_is_not_even_a_consultation() -> None:
    assert judged(an_answer(to=PAUL), link=Link.SUBJECT) is None


@pytest.mark.parametrize("field", ["requester", "recipient"])
def test_nobody_answers_themselves(field: str) -> None:
    assert judged(an_answer(from_=MARIE, to=f"{INSCRIPTIONS}, {JEAN}"), **{field: MARIE}) is None


@pytest.mark.parametrize(
    ("writer", "kind"),
    [
        (MARIE, EventKind.ANSWERED),  # the owner
        (INSCRIPTIONS, EventKind.ANSWERED),
        (f"admissions@{DOMAIN}", EventKind.ANSWERED),  # an alias
        (ANNE, EventKind.ANSWERED),  # an answerer
        (f"eve@{DOMAIN}", EventKind.CONSULTED),  # "moi aussi"
        ("direction@ailleurs.example", EventKind.CONSULTED),
    ],
)
def test_a_colleague_is_answered_by_those_who_are_there_for_it(writer: str, kind: EventKind) -> None:
    mailbox = a_mailbox(answerers=(ANNE,), aliases=(f"admissions@{DOMAIN}",))
    event = judged(an_answer(from_=writer, to=PAUL), mailbox, requester=PAUL)
    assert event is not None
    assert (event.kind, event.by) == (kind, writer)
    assert judged(an_answer(from_=f"eve@{DOMAIN}", to=PAUL), mailbox, link=Link.SUBJECT, requester=PAUL) is None


@pytest.mark.parametrize(
    ("returns_on", "kind"), [(date(2026, 11, 25), EventKind.ANSWERED), (date(2026, 11, 23), EventKind.CONSULTED)]
)
@pytest.mark.parametrize("who", [MARIE, INSCRIPTIONS])
def test_a_delegate_answers_a_colleague_while_it_is_their_turn(who: str, returns_on: date, kind: EventKind) -> None:
    away = Absence(who=who, away_from=date(2026, 11, 16), returns_on=returns_on, delegate=ANNE)
    mailbox = a_mailbox(organisation=an_organisation(absences=(away,)))
    event = judged(an_answer(from_=ANNE, to=PAUL), mailbox, requester=PAUL)
    assert event is not None
    assert event.kind is kind


def test_an_owner_who_is_there_is_nobody_s_delegate() -> None:
    away = Absence(who=PAUL, away_from=date(2026, 11, 16), delegate=ANNE)
    assert answerers.delegates_of(a_mailbox(organisation=an_organisation(absences=(away,))), NOW) == frozenset()


@pytest.mark.parametrize("link", list(Link))
def test_an_answer_seems_older_than_its_request_by_the_clock_of_another_server_only(link: Link) -> None:
    received_at = NOW + timedelta(minutes=4)
    event = judged(an_answer(), link=link, received_at=received_at)
    if link in (Link.THREAD_INDEX, Link.SUBJECT):  # an older message of the same conversation
        assert event is None
    else:
        assert event is not None
        assert (event.kind, event.happened_at) == (EventKind.ANSWERED, received_at)


# --- a copy that arrives in the mailbox ------------------------------------------------------------------------------


def kind_of(message: Message, mailbox: Mailbox | None = None, link: Link = Link.IN_REPLY_TO, **request: Any) -> Kind:
    history = History(thread=a_thread(link, **request))
    return decide(message, mailbox or a_mailbox(), history, NOW, NOW).verdict.kind


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (an_answer(from_=PAUL, to=f"{JEAN}, {INSCRIPTIONS}"), Kind.ANSWER),
        (an_answer(f"Cc: {INSCRIPTIONS}", REPLIES, from_=PAUL), Kind.ANSWER),  # not a mere copy
        (an_answer(from_=PAUL), Kind.ANSWER),  # a blind copy
        (an_answer(from_=MARIE, to=INSCRIPTIONS), Kind.ANSWER),  # the owner, to those who read with her
        (an_answer(REPLIES, f"Cc: {INSCRIPTIONS}", from_=JEAN, to=MARIE), Kind.FOLLOW_UP),  # a reply to all
        (an_answer(REPLIES, f"Cc: {INSCRIPTIONS}", from_="tante@courriel.example", to=MARIE), Kind.COPY),
        (an_answer(from_=PAUL, to=INSCRIPTIONS), Kind.FOLLOW_UP),  # a colleague asks, or adds something
        (an_answer(from_=JEAN, to=INSCRIPTIONS), Kind.FOLLOW_UP),
        (an_answer(from_="tante@courriel.example", to=f"{JEAN}, {INSCRIPTIONS}"), Kind.FOLLOW_UP),
        (an_answer(REPLIES, "Auto-Submitted: auto-replied", from_=PAUL, to=INSCRIPTIONS), Kind.AUTO_REPLY),
        (an_answer(REPLIES, "Precedence: bulk", to=f"{JEAN}, {INSCRIPTIONS}"), Kind.BULK),
    ],
)
def test_staff_s_part_in_a_thread_is_told_from_others(message: Message, kind: Kind) -> None:
    assert kind_of(message) is kind


def test_a_colleague_s_me_too_in_a_colleague_s_thread_is_no_answer() -> None:
    message = an_answer(from_=f"eve@{DOMAIN}", to=f"{PAUL}, {INSCRIPTIONS}", body="Moi aussi !\n")
    assert kind_of(message, requester=PAUL) is Kind.FOLLOW_UP
    assert kind_of(an_answer(to=f"{PAUL}, {INSCRIPTIONS}"), requester=PAUL) is Kind.ANSWER
    assert kind_of(an_answer(from_=PAUL, to=INSCRIPTIONS), requester=PAUL) is Kind.FOLLOW_UP


def test_a_weak_link_makes_no_answer_of_a_colleague_s_message() -> None:
    message = an_answer("X-Other: 1", from_=PAUL, to=f"{JEAN}, {INSCRIPTIONS}")
    assert kind_of(message, link=Link.SUBJECT) is Kind.REQUEST


def test_a_forged_answer_is_a_follow_up_and_seen() -> None:
    mailbox = a_mailbox(policy={"authserv_id": (OUR_SERVER,)})
    failed = f"Authentication-Results: {OUR_SERVER}; dmarc=fail header.from={DOMAIN}"
    assert kind_of(an_answer(REPLIES, failed, to=f"{JEAN}, {INSCRIPTIONS}"), mailbox) is Kind.FOLLOW_UP


def test_no_local_rule_makes_a_new_request_of_an_answer() -> None:
    rules = (LocalRule(name="collègues", domains=frozenset({DOMAIN}), treat_as="request"),)
    assert kind_of(an_answer(from_=PAUL, to=f"{JEAN}, {INSCRIPTIONS}"), a_mailbox(rules=rules)) is Kind.ANSWER


def test_what_a_colleague_writes_about_something_new_is_a_request() -> None:
    message = an_answer(from_=PAUL, to=INSCRIPTIONS)
    decision = decide(message, a_mailbox(), History(), NOW, NOW)
    assert (decision.verdict.kind, decision.acknowledge) == (Kind.REQUEST, True)


@pytest.mark.parametrize("kind", ["dig", "ale"])
@pytest.mark.parametrize("header", ["In-Reply-To", "References"])
def test_a_reply_to_a_report_of_ours_is_nobodys_request(kind: str, header: str) -> None:
    message = an_answer(f"{header}: <mw.{kind}.0123456789abcdef0123456789abcdef@{DOMAIN}>", to=INSCRIPTIONS)
    verdict = decide(message, a_mailbox(), History(), NOW, NOW).verdict
    assert (verdict.kind, verdict.reason) == (Kind.REPLY, "report_reply")
    staff = decide(message, a_staff_mailbox(), History(thread=a_thread()), NOW, NOW)
    assert (staff.verdict.kind, staff.follows) == (Kind.REPLY, None)


@pytest.mark.parametrize(
    ("writer", "subject"),
    [
        (JEAN, "Re: 3 demandes en retard"),  # reports go to staff: a stranger has nothing to reply to
        (MARIE, "TR: 3 demandes en retard"),
        (MARIE, "[EXTERNE] Fwd : 3 demandes en retard"),
    ],
)
def test_a_report_that_is_handed_on_or_forged_makes_no_request_silent(writer: str, subject: str) -> None:
    header = f"In-Reply-To: <mw.dig.0123456789abcdef0123456789abcdef@{DOMAIN}>"
    decision = decide(
        an_answer(header, from_=writer, to=INSCRIPTIONS, subject=subject), a_mailbox(), History(), NOW, NOW
    )
    assert decision.verdict.kind is Kind.REQUEST
    assert decision.opens is not None


def test_a_requester_who_writes_again_by_a_blind_copy_to_a_staff_mailbox_is_heard() -> None:
    message = an_answer(from_=JEAN, to=PAUL)
    assert kind_of(message, a_staff_mailbox()) is Kind.FOLLOW_UP
    assert kind_of(message, a_staff_mailbox(), requester="anne@courriel.example") is Kind.UNDISCLOSED
