"""What follows from a message: the one function that `run`, `explain`, `demo` and the tests share.

Message, Mailbox, History → classify → language → due instants → Decision
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from mailwatch.domain import signals
from mailwatch.domain.addresses import Address
from mailwatch.domain.answerers import is_requester, takes_part
from mailwatch.domain.classification import History, Kind, Verdict, classify
from mailwatch.domain.composition import is_own_message_id
from mailwatch.domain.covers import Away, answer_due, find_away
from mailwatch.domain.languages import Language, detect_language
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import Message
from mailwatch.domain.notices import ONLY_THANKS, withhold_notice
from mailwatch.domain.requests import EventKind
from mailwatch.domain.returns import find_return_date
from mailwatch.domain.standards import due
from mailwatch.domain.thanks import is_only_thanks
from mailwatch.domain.threads import WEAK, Link, ThreadMatch

# A delivery that failed for good: only these say that the address doesn't exist (RFC 3463 §3.2, Exchange's 5.1.10).
NO_SUCH_ADDRESS = frozenset({"5.1.1", "5.1.10"})

_FOLLOWING = {
    Kind.FOLLOW_UP: EventKind.FOLLOWED_UP,
    Kind.AUTO_REPLY: EventKind.AUTO_REPLIED,
    Kind.BOUNCE: EventKind.BOUNCED,
}
_AUTO_REPLY_RULES = frozenset({"auto_replied", "autoreply_header", "autoresponder_class", "auto_reply_subject"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A request that the message opens. The clock runs from `received_at`.

    postponed_by  the absence for which the answer is due later than the standard says
    """

    requester: Address | None
    owner: str
    received_at: datetime
    acknowledgement_due_at: datetime
    answer_due_at: datetime
    postponed_by: Away | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """An event that the message adds to a request. Whether it reopens it follows from all that happened there.

    suspects    Message-ID of what the requester replies to, where we know nothing of it: perhaps an answer; or ""
    returns_on  the day on which the requester returns, by their out-of-office reply
    """

    thread: ThreadMatch
    event: EventKind
    suspects: str = ""
    returns_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Everything that one message brings about. At most one of `opens` and `follows` is set.

    language   None: unsure, so every language of the organisation
    not_before the earliest instant of the acknowledgement, if there is one
    blocks     the address that a bounce proved not to exist, or ""
    tells      the absence that the sender is told of: in the acknowledgement, else by a notice of its own
    untold     why the sender isn't told, where there is an absence; "" otherwise
    """

    verdict: Verdict
    language: Language | None
    acknowledge: bool
    suppressed_by: str | None
    not_before: datetime | None
    opens: Opening | None
    follows: Following | None
    blocks: str = ""
    tells: Away | None = None
    untold: str = ""


def decide(message: Message, mailbox: Mailbox, history: History, received_at: datetime, now: datetime) -> Decision:
    """Judge a message as received by a mailbox at an instant. Pure; `now` is later than or equal to `received_at`."""
    received_at = min(received_at, now)  # a clock ahead of ours must not give anybody more time
    thread = _living_thread(message, history.thread, mailbox, received_at)
    history_now = history if thread is history.thread else replace(history, thread=thread)
    verdict = classify(message, mailbox, history_now, received_at, now)
    acknowledge = verdict.kind is Kind.REQUEST and verdict.suppressed_by is None
    follows = _following(message, mailbox, verdict, thread, received_at)
    away = find_away(mailbox, received_at)
    tells, untold = _notice(message, mailbox, history_now, verdict, follows, away, acknowledge, now)
    delay = timedelta(0) if tells else mailbox.acknowledgement.delay  # nobody is there to answer first
    return Decision(
        verdict=verdict,
        language=_language(message, mailbox, history.thread),
        acknowledge=acknowledge,
        suppressed_by=verdict.suppressed_by,
        not_before=max(now, received_at + delay) if acknowledge else None,
        opens=_opening(verdict, mailbox, received_at, away) if verdict.kind is Kind.REQUEST else None,
        follows=follows,
        blocks=_blocked_address(message, verdict, thread),
        tells=tells,
        untold=untold,
    )


def _notice(
    message: Message,
    mailbox: Mailbox,
    history: History,
    verdict: Verdict,
    follows: Following | None,
    away: Away | None,
    acknowledge: bool,
    now: datetime,
) -> tuple[Away | None, str]:
    """The absence to tell of, as it is by now, or why there is nothing to tell. Whoever is back tells by answering."""
    if away is None or (away_now := find_away(mailbox, now)) is None:
        return None, ""
    untold = withhold_notice(message, mailbox, history, verdict, away_now, is_acknowledged=acknowledge)
    if not untold and follows is not None and follows.event is EventKind.THANKED:
        untold = ONLY_THANKS
    return (None, untold) if untold else (away_now, "")


def _living_thread(
    message: Message, thread: ThreadMatch | None, mailbox: Mailbox, received_at: datetime
) -> ThreadMatch | None:
    """The thread, unless its request had been settled so long before that this is a new question.

    What staff write there, and mere thanks, are no question at all, however late they come.
    """
    if thread is None or thread.request.settled_at is None:
        return thread
    limit = due(mailbox.standard.calendar, thread.request.settled_at, mailbox.acknowledgement.reopen_within)
    if received_at <= limit or takes_part(message, thread, mailbox, received_at):
        return thread
    return thread if _is_only_thanks(message, mailbox) else None


def _is_only_thanks(message: Message, mailbox: Mailbox) -> bool:
    """An emoji asks nothing, either."""
    return signals.is_reaction(message) or is_only_thanks(
        message, mailbox.organisation.banners, mailbox.organisation.external_tags
    )


def _language(message: Message, mailbox: Mailbox, thread: ThreadMatch | None) -> Language | None:
    """The thread's earlier language wins; an organisation with one language has no choice."""
    organisation = mailbox.organisation
    if len(organisation.languages) == 1:
        return organisation.languages[0]
    if thread is not None and thread.request.language is not None and thread.confidence > WEAK:
        return thread.request.language
    language = detect_language(message.subject, message.text, organisation.banners)
    return language if language in organisation.languages else None


def _opening(verdict: Verdict, mailbox: Mailbox, received_at: datetime, away: Away | None) -> Opening:
    standard = mailbox.standard
    by_standard = due(standard.calendar, received_at, standard.answer_within)
    due_at = answer_due(standard.calendar, standard.answer_within, received_at, away) if away else by_standard
    return Opening(
        requester=verdict.requester,
        owner=_owner(verdict, mailbox),
        received_at=received_at,
        acknowledgement_due_at=due(standard.calendar, received_at, standard.acknowledge_within),
        answer_due_at=due_at,
        postponed_by=away if due_at != by_standard else None,
    )


def _owner(verdict: Verdict, mailbox: Mailbox) -> str:
    """A local rule's owner, else the mailbox's first one."""
    named = {hit.detail for hit in verdict.hits if hit.rule == "local_rule"}
    for rule in mailbox.rules:
        if rule.owner and rule.name in named:
            return rule.owner
    return mailbox.owners[0].email if mailbox.owners else ""


def _following(
    message: Message, mailbox: Mailbox, verdict: Verdict, thread: ThreadMatch | None, received_at: datetime
) -> Following | None:
    event = _FOLLOWING.get(verdict.kind)
    if verdict.reason == "null_reverse_path" and not _AUTO_REPLY_RULES.isdisjoint(hit.rule for hit in verdict.hits):
        # An out-of-office reply with the null reverse-path (RFC 3834 §3.3): our message arrived. A delivery report is
        # none, though many systems mark theirs `auto-replied`, too (RFC 3834 §2).
        event = EventKind.AUTO_REPLIED
    if event is None or thread is None or thread.confidence <= WEAK:
        return None
    if event is EventKind.AUTO_REPLIED:
        return Following(thread=thread, event=event, returns_on=_return_date(message, mailbox, thread, received_at))
    if event is not EventKind.FOLLOWED_UP:
        return Following(thread=thread, event=event)
    event = EventKind.THANKED if _is_only_thanks(message, mailbox) else event
    return Following(thread=thread, event=event, suspects=_suspect(message, thread))


def _return_date(message: Message, mailbox: Mailbox, thread: ThreadMatch, received_at: datetime) -> date | None:
    """When the requester is back; anybody else's absence says nothing of that."""
    if not is_requester(_writer(message), thread.request):
        return None
    received_on = received_at.astimezone(mailbox.standard.calendar.timezone).date()
    return find_return_date(message.subject, message.text, received_on, mailbox.organisation.banners)


def _writer(message: Message) -> str:
    return message.from_[0].key if message.from_ else ""


def _suspect(message: Message, thread: ThreadMatch) -> str:
    """What the requester replies to, if it is neither ours nor known for the request: somebody wrote to them."""
    if thread.link is Link.IN_REPLY_TO or not is_requester(_writer(message), thread.request):
        return ""
    unknown = (id_ for id_ in message.in_reply_to if id_ != thread.message_id and not is_own_message_id(id_))
    return next(unknown, "")


def _blocked_address(message: Message, verdict: Verdict, thread: ThreadMatch | None) -> str:
    """The address a DSN proves dead: only where it was the quoted Message-ID of our acknowledgement, which nobody can
    guess, that led to the request. A forged one proves nothing, whatever reference it has in its subject."""
    if verdict.kind is not Kind.BOUNCE or thread is None or not is_own_message_id(thread.message_id):
        return ""
    fields = dict(message.report)
    final = fields.get("final-recipient", "").partition(";")[2].strip().lower()
    status = fields.get("status", "").split(" ")[0]
    return final if status in NO_SUCH_ADDRESS and final and final == thread.request.recipient else ""
