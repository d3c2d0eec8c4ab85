"""What a message is, and whether it may be acknowledged: a ladder of named rules, each with its source.

Two independent outputs: the kind, and what forbids an acknowledgement. "Don't acknowledge" never means "don't record".
The ladder itself is the table in rules.py; here is how its hits become a verdict.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from mailwatch.domain.authentication import is_authenticated
from mailwatch.domain.cases import Case, open_case
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import Message
from mailwatch.domain.rules import LAST_HARD_RUNG, LOCAL_RULE, RULES, Rule
from mailwatch.domain.senders import acknowledgement_recipient
from mailwatch.domain.verdicts import SILENT_REGISTER, History, Hit, Kind, Verdict

__all__ = [
    "PERSON",
    "SILENT_REGISTER",
    "History",
    "Hit",
    "Kind",
    "Verdict",
    "acknowledgement_recipient",
    "classify",
    "is_authenticated",
    "may_echo_subject",
]

PERSON = "person"  # the reason of a plain request: no rule decided

# Not what says whose part in a known matter a message is: no rule makes a colleague's answer a new request.
_NEVER_LIFTED = frozenset({"report_reply", "answer_copy"})
_LIFTED_LOCALLY = frozenset(rule.name for rule in RULES if 7 <= rule.rung <= LAST_HARD_RUNG) - _NEVER_LIFTED
# What a forwarding rule does to a message of a person: marks it, and leaves the first addressee in To.
_LIFTED_BY_FORWARDING = frozenset({"auto_submitted", "copy", "undisclosed"})

Found = Sequence[tuple[Rule, str]]


def classify(message: Message, mailbox: Mailbox, history: History, received_at: datetime, now: datetime) -> Verdict:
    """Judge a message as received by a mailbox. Total: any Message gives a Verdict.

    1. Every rule looks; all that hit are kept.
    2. A local rule or forwarding may lift some: they stay listed, and say nothing.
    3. The first hit of rungs 1 to 12 that names a kind decides it; failing that, local rules, then replies.
    4. A request that belongs to a known one is a follow-up.
    5. The first hit that forbids an acknowledgement is why there is none.
    """
    case = open_case(message, mailbox, history, received_at, now)
    found = [(rule, detail) for rule in RULES if (detail := rule.look(case)) is not None]
    effective = _effective(case, found) if found else found
    kind, reason = _kind(case, effective)
    forbidden_by = tuple(rule.name for rule, _ in effective if rule.forbids(case))
    return Verdict(
        kind=kind,
        reason=reason,
        suppressed_by=forbidden_by[0] if forbidden_by else None,
        forbidden_by=forbidden_by,
        hits=tuple(_hits(case, found)),
        requester=case.writer or case.sender,
        recipient=case.recipient,
    )


def _effective(case: Case, found: Found) -> Found:
    lifted: frozenset[str] = frozenset()
    if _local_treatment(case) == "request":
        lifted |= _LIFTED_LOCALLY
    if any(rule.name == "forwarded" and not rule.forbids(case) for rule, _ in found):
        lifted |= _LIFTED_BY_FORWARDING
    return [(rule, detail) for rule, detail in found if rule.name not in lifted]


def _kind(case: Case, effective: Found) -> tuple[Kind, str]:
    kind, reason = _first_kind(case, effective)
    if kind is Kind.REQUEST and any(rule.kind is Kind.FOLLOW_UP for rule, _ in effective):
        return Kind.FOLLOW_UP, "follow_up"
    return kind, reason


def _first_kind(case: Case, effective: Found) -> tuple[Kind, str]:
    for rule, _ in effective:
        if rule.kind is not None and rule.rung <= LAST_HARD_RUNG:
            return rule.kind, rule.name
    treatment = _local_treatment(case)
    if treatment is not None:
        return (Kind.AUTOMATIC if treatment == "record" else Kind.REQUEST), LOCAL_RULE
    if any(rule.kind is Kind.REPLY for rule, _ in effective):
        return Kind.REPLY, "reply"
    return Kind.REQUEST, PERSON


def _local_treatment(case: Case) -> str | None:
    """What the first local rule that says so treats the message as."""
    return next((rule.treat_as for rule in case.local_rules if rule.treat_as), None)


def _hits(case: Case, found: Found) -> Iterator[Hit]:
    for rule, detail in found:
        if rule.name == LOCAL_RULE:
            yield from (Hit(rule=LOCAL_RULE, detail=local.name) for local in case.local_rules)
        else:
            yield Hit(rule=rule.name, detail=detail)


def may_echo_subject(message: Message, mailbox: Mailbox, verdict: Verdict) -> bool:
    """Whether an acknowledgement may repeat the sender's own words.

    Only to the very address in From, and only if that is internal or proved by DMARC: what a stranger types into a
    form, or sends with somebody else's Reply-To, would be spam sent through us.
    """
    policy = mailbox.acknowledgement.echo_subject
    if policy != "authenticated":
        return policy == "always"
    if verdict.recipient is None or [verdict.recipient.key] != [address.key for address in message.from_]:
        return False
    return mailbox.organisation.is_internal(verdict.recipient) or is_authenticated(message, mailbox)
