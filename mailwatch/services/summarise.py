"""Make the digest that one person reads of what concerns them: who may see what, in whose words, with which link."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from urllib.parse import quote

from mailwatch.domain.absences import find_cover
from mailwatch.domain.calendars import business_days_between
from mailwatch.domain.digests import Digest, DigestLine
from mailwatch.domain.escalations import Concern, Standing, Unsettled, find_owner
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox, Organisation

_PLACEHOLDER = re.compile(r"\{(message_id|mailbox|reference)\}")


class Summarise:
    """Concerns → digests.

    details       show sender and subject to managers and directors, too
    message_link  URL with {message_id}, {mailbox}, {reference}; "" for none
    """

    def __init__(
        self, organisation: Organisation, mailboxes: Mapping[str, Mailbox], *, details: bool, message_link: str
    ) -> None:
        self._organisation = organisation
        self._mailboxes = mailboxes
        self._details = details
        self._message_link = message_link
        owners = [owner for mailbox in mailboxes.values() for owner in mailbox.owners]
        self._names = {person.email: person.name for person in (*owners, *organisation.people.values())}

    def list_registers(self, day: date) -> Mapping[str, list[str]]:
        """Who is told, on a day, how much lies in the silent registers of which mailboxes: owners, or their cover."""
        registers: dict[str, list[str]] = defaultdict(list)
        for mailbox in self._mailboxes.values():
            for reader in {self._find_cover(owner.email, day) for owner in mailbox.owners}:
                registers[reader].append(mailbox.address)
        return registers

    def make(
        self, recipient: str, concerns: Sequence[Concern], silent: Mapping[str, int], day: date, now: datetime
    ) -> Digest:
        """What a person is told on a day; perhaps an empty digest. A request that is held stands only there."""
        person = self._organisation.people.get(recipient)
        language = person.language if person else self._organisation.languages[0]
        lines = [(concern, self._line(concern, language, now)) for concern in concerns]
        return Digest(
            recipient=recipient,
            name=person.name if person else "",
            language=language,
            on=day,
            organisation=self._organisation.name,
            held=tuple(line for concern, line in lines if concern.held),
            new=tuple(line for concern, line in lines if concern.is_new and not concern.held),
            rest=tuple(line for concern, line in lines if not concern.is_new and not concern.held),
            silent=silent,
        )

    def _line(self, concern: Concern, language: Language, now: datetime) -> DigestLine:
        request = concern.request
        mailbox = self._mailboxes[request.mailbox]
        zone = mailbox.standard.calendar.timezone
        is_shown = concern.is_owner or self._details
        is_overdue = concern.standing is Standing.OVERDUE
        return DigestLine(
            reference=request.reference,
            service=mailbox.name_in(language),
            mailbox=mailbox.address,
            sender=request.requester if is_shown else "",
            subject=request.subject if is_shown else "",
            received_at=request.received_at.astimezone(zone),
            due_at=request.answer_due_at.astimezone(zone),
            standing=concern.standing,
            business_days_late=business_days_between(request.calendar, request.answer_due_at, now) if is_overdue else 0,
            is_new=concern.is_new,
            owner=self._name(find_owner(request, mailbox, self._organisation.people)),
            covers=self._name(concern.covers),
            withheld_by=concern.held,
            link=self._link(request) if is_shown else "",  # a Message-ID often names its writer's organisation
        )

    def _name(self, email: str) -> str:
        """A member of staff's name, as far as it is known."""
        return self._names.get(email) or email

    def _link(self, request: Unsettled) -> str:
        """The message in somebody's mail program; "" where the URL wants a Message-ID and there is none."""
        if not request.message_id and "{message_id}" in self._message_link:
            return ""
        values = {
            "message_id": request.message_id.removeprefix("<").removesuffix(">"),  # as in RFC 2392 §2
            "mailbox": request.mailbox,
            "reference": request.reference,
        }
        return _PLACEHOLDER.sub(lambda found: quote(values[found[1]], safe=""), self._message_link)

    def _find_cover(self, who: str, day: date) -> str:
        return find_cover(who, day, self._organisation.absences, self._organisation.people)
