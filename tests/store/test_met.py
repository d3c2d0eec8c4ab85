"""What came while somebody was away: their own requests, and those of the mailboxes that they answer for."""

from datetime import timedelta

from store.records import INSCRIPTIONS, NOW, OTHER, a_new_request, a_record, receive

from mailwatch.store.store import SqlStore

DAY = timedelta(days=1)
PAUL = "paul.gagnon@cscmonavenir.example"


async def met(store: SqlStore, owner: str, *mailboxes: str) -> list[str]:
    """The mailboxes of what they met on the day."""
    async with store.transaction() as tx:
        return [each.mailbox for each in await tx.list_met(owner, mailboxes, NOW - DAY, NOW + DAY)]


async def test_it_is_found_by_its_owner_and_by_its_mailbox(store: SqlStore) -> None:
    await receive(store, a_record(1))
    await receive(store, a_record(2, OTHER, request=a_new_request(2, OTHER, owner=PAUL)), mailbox=OTHER)
    assert await met(store, PAUL) == [OTHER]
    assert await met(store, PAUL, INSCRIPTIONS) == [INSCRIPTIONS, OTHER]
    assert await met(store, "nobody@cscmonavenir.example", OTHER, "unknown@cscmonavenir.example") == [OTHER]
    assert await met(store, "nobody@cscmonavenir.example") == []
