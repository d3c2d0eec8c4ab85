"""May whoever wrote during an absence be told of it? A ladder of named reasons, beside that of acknowledgements.

Everything that forbids an acknowledgement forbids a notice, too (RFC 3834 §2, RFC 5230 §4), but for what only says
that the message asks for no acknowledgement of its own.
"""

from datetime import timedelta

from mailwatch.domain import signals
from mailwatch.domain.covers import Away
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import Message
from mailwatch.domain.people import Responder
from mailwatch.domain.verdicts import History, Kind, Verdict

TOLD_AGAIN_AFTER = timedelta(days=7)  # RFC 5230 §4.1: how long one notice of an absence lasts for a sender

# What a person writes to the mailbox, and may wait for.
TELLING_KINDS = frozenset({Kind.REQUEST, Kind.FOLLOW_UP, Kind.REPLY})
# A message of a known thread, or of a mailbox that acknowledges nothing: just what a notice of its own is for.
NOT_FORBIDDING = frozenset({"follow_up", "reply", "disabled"})

# Why nobody is told; stored with the message.
RESPONDS_ITSELF = "responder"  # the server, or another program, tells: never two answers
NO_PERSON = "kind"  # not a person's message that waits for an answer
AUDIENCE = "audience"  # the absence is told only inside, or only outside the organisation
OOF = "oof"  # X-Auto-Response-Suppress asks for no out-of-office replies
TOLD = "told already"  # within the interval, of this absence
ONLY_THANKS = "thanks"


def withhold_notice(
    message: Message, mailbox: Mailbox, history: History, verdict: Verdict, away: Away, *, is_acknowledged: bool
) -> str:
    """Why the sender isn't told of an absence: the first reason, or "".

    In an acknowledgement (`is_acknowledged`) it may stand each time; alone once in the interval (RFC 5230 §4.2).
    """
    if mailbox.notice is not Responder.SEND or (away.person and away.person.notice is not Responder.SEND):
        return RESPONDS_ITSELF
    if verdict.kind not in TELLING_KINDS or verdict.reason == "report_reply" or verdict.recipient is None:
        return NO_PERSON
    if forbidding := [rule for rule in verdict.forbidden_by if rule not in NOT_FORBIDDING]:
        return forbidding[0]
    if not away.absence.audience.includes(mailbox.organisation.is_internal(verdict.recipient)):
        return AUDIENCE
    if signals.asks_no_absence_notice(message):
        return OOF
    if not is_acknowledged and away.absence.id in history.told_of:
        return TOLD
    return ""
