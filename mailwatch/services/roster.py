"""The mailboxes as absences have them at this moment: read in each transaction, since people come and go meanwhile."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from mailwatch.domain.absences import Absence
from mailwatch.domain.mailboxes import Mailbox, Organisation
from mailwatch.ports import Transaction

# How long an absence that is over still tells when a request of those days was due. Older requests keep what they have.
REMEMBERED = timedelta(days=120)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staffed:
    """Who is there. `mailboxes`: by address, each knowing the absences."""

    absences: tuple[Absence, ...] = ()
    mailboxes: Mapping[str, Mailbox]

    def staff(self, mailbox: Mailbox) -> Mailbox:
        """A mailbox with the absences, also one that isn't on the roster."""
        known = self.mailboxes.get(mailbox.address)
        return known if known is not None else _with(mailbox, self.absences)


class Roster:
    """Mailboxes of one organisation."""

    def __init__(self, mailboxes: Iterable[Mailbox]) -> None:
        self._mailboxes = {mailbox.address: mailbox for mailbox in mailboxes}
        self._staffed = _staff(self._mailboxes, ())

    async def read(self, tx: Transaction) -> Staffed:
        """The mailboxes with the absences that this transaction sees."""
        absences = await tx.list_absences((tx.now - REMEMBERED).date())
        if absences != self._staffed.absences:  # rarely: what follows from them is kept
            self._staffed = _staff(self._mailboxes, absences)
        return self._staffed


def _staff(mailboxes: Mapping[str, Mailbox], absences: tuple[Absence, ...]) -> Staffed:
    """One organisation for all mailboxes that share one."""
    organisations: dict[int, Organisation] = {}
    for mailbox in mailboxes.values():
        own = mailbox.organisation
        organisations.setdefault(id(own), replace(own, absences=absences))
    return Staffed(
        absences=absences,
        mailboxes={
            address: replace(mailbox, organisation=organisations[id(mailbox.organisation)])
            for address, mailbox in mailboxes.items()
        },
    )


def _with(mailbox: Mailbox, absences: tuple[Absence, ...]) -> Mailbox:
    return replace(mailbox, organisation=replace(mailbox.organisation, absences=absences))
