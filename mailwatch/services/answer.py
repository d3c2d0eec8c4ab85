"""Apply what staff wrote to the requests that it answers, in the transaction of whoever saw it.

    outgoing ─→ held, for requests still to come ─→ matched, over all mailboxes ─→ judged ─→ facts

Order of arrival doesn't matter: what was held is applied when a request, or a follow-up of one, is recorded.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from mailwatch.domain.answers import Outgoing, judge_outgoing, match_outgoing, outgoing_clues
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.requests import EventKind
from mailwatch.ports import Fact, Matches, NewRecord, Transaction


async def apply_outgoing(
    tx: Transaction, outgoing: Sequence[Outgoing], mailboxes: Mapping[str, Mailbox], now: datetime
) -> int:
    """Hold what staff wrote, and add what it says to the requests it belongs to; how many answers that brought.

    A request of a mailbox that isn't in `mailboxes` any more is judged by the mailbox in which the answer was seen.
    """
    if not outgoing:
        return 0
    await tx.keep_outgoing(outgoing)
    return await _apply(tx, outgoing, mailboxes, now)


async def apply_held(
    tx: Transaction, records: Sequence[NewRecord], mailboxes: Mapping[str, Mailbox], now: datetime
) -> int:
    """Add what was held for requests and follow-ups that were just recorded; how many answers that brought."""
    new = [record for record in records if not record.is_known]
    opened = [record.request for record in new if record.request is not None]
    message_ids = {id_ for request in opened for id_ in request.message_ids}
    message_ids.update(id_ for record in new for id_ in record.follow_ids)
    references = frozenset(request.reference for request in opened)
    if not message_ids and not references:
        return 0
    held = await tx.list_held(frozenset(message_ids), references)
    return await _apply(tx, held, mailboxes, now) if held else 0


async def _apply(tx: Transaction, outgoing: Sequence[Outgoing], mailboxes: Mapping[str, Mailbox], now: datetime) -> int:
    matches = await tx.find_matches([clues for one in outgoing for clues in outgoing_clues(one)])
    in_order = sorted(outgoing, key=lambda one: one.written_at)  # the first answer is the one that counts
    judged = [pair for one in in_order for pair in _judge(one, matches, mailboxes, now)]
    states = await tx.add_facts([fact for _, fact in judged])
    answered = [m for m, fact in judged if fact.event.kind is EventKind.ANSWERED and fact.request_id in states]
    for mailbox in sorted(set(answered)):
        await tx.note_answer_seen(mailbox)
    return len(answered)


def _judge(
    one: Outgoing, matches: Matches, mailboxes: Mapping[str, Mailbox], now: datetime
) -> Sequence[tuple[str, Fact]]:
    """What it says of each request that it belongs to, with the request's mailbox."""
    found = []
    for match in match_outgoing(one, matches):
        mailbox = mailboxes.get(match.request.mailbox) or mailboxes.get(one.mailbox)
        asked = matches.asked.get((match.request.id, match.message_id))
        event = judge_outgoing(one, match, mailbox, now, asked) if mailbox is not None else None
        if event is None:
            continue
        # The requester can only reply to what was written to them.
        message_id = one.message_id if event.kind is EventKind.ANSWERED else ""
        fact = Fact(request_id=match.request.id, event=event, identity=one.identity, message_id=message_id)
        found.append((match.request.mailbox, fact))
    return found
