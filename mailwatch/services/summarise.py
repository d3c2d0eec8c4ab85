"""Make the digest that one person reads of what concerns them: who may see what, in whose words, with which link."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from urllib.parse import quote

from mailwatch.domain.absences import Absence, find_cover
from mailwatch.domain.calendars import business_days_between
from mailwatch.domain.covers import Away
from mailwatch.domain.digests import AwayLine, CoverNote, Digest, DigestLine, WhileAway
from mailwatch.domain.escalations import Concern, Standing, Unsettled, find_owner
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import Mailbox, Organisation
from mailwatch.domain.requests import MAILWATCH
from mailwatch.ports.absences import Met, Running

MOST_MET = 60  # requests of an absence that a digest lists; Gmail cuts a message at 102 KB. It says how many more

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

    def list_registers(self, day: date, absences: Sequence[Absence]) -> Mapping[str, list[str]]:
        """Who is told, on a day, how much lies in the silent registers of which mailboxes: owners, or their cover."""
        registers: dict[str, list[str]] = defaultdict(list)
        people = self._organisation.people
        for mailbox in self._mailboxes.values():
            for reader in {find_cover(owner.email, day, absences, people) for owner in mailbox.owners}:
                registers[reader].append(mailbox.address)
        return registers

    def make(
        self,
        recipient: str,
        concerns: Sequence[Concern],
        silent: Mapping[str, int],
        day: date,
        now: datetime,
        away: WhileAway | None = None,
    ) -> Digest:
        """What a person is told on a day; perhaps an empty digest. A request that is held stands only there.

        away  what came while they were away, if this is the day on which they are told
        """
        person = self._organisation.people.get(recipient)
        language = self.language_of(recipient)
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
            away=away,
        )

    def language_of(self, recipient: str) -> Language:
        """The language in which a recipient reads: a person's own, else the organisation's first."""
        person = self._organisation.people.get(recipient)
        return person.language if person else self._organisation.languages[0]

    def while_away(self, recipient: str, first: date, met: Sequence[Met]) -> WhileAway:
        """What came while its reader was away, for an owner's eyes."""
        language = self.language_of(recipient)
        lines = tuple(self._away_line(each, language) for each in met[:MOST_MET] if each.mailbox in self._mailboxes)
        return WhileAway(first=first, lines=lines, more=max(0, len(met) - MOST_MET))

    def cover_note(self, recipient: str, away: Away, request: Running) -> CoverNote:
        """What a delegate is told of a request that came in for them."""
        person = self._organisation.people.get(recipient)
        language = self.language_of(recipient)
        mailbox = self._mailboxes[request.mailbox]
        zone = mailbox.standard.calendar.timezone
        absent = away.person.name if away.person else mailbox.name_in(language)
        return CoverNote(
            recipient=recipient,
            name=person.name if person else "",
            language=language,
            organisation=self._organisation.name,
            absent=absent,
            returns_on=away.returns_on,
            note=away.absence.note,
            line=DigestLine(
                reference=request.reference,
                service=mailbox.name_in(language),
                mailbox=mailbox.address,
                sender=request.requester,
                subject=request.subject,
                received_at=request.received_at.astimezone(zone),
                due_at=request.answer_due_at.astimezone(zone),
                standing=Standing.WITHIN,
                business_days_late=0,
                is_new=True,
                owner=self._name(request.owner),
                covers=absent,
                link=self._link(request),
            ),
        )

    def _away_line(self, met: Met, language: Language) -> AwayLine:
        mailbox = self._mailboxes[met.mailbox]
        zone = mailbox.standard.calendar.timezone
        return AwayLine(
            reference=met.reference,
            service=mailbox.name_in(language),
            mailbox=mailbox.address,
            sender=met.requester,
            subject=met.subject,
            received_at=met.received_at.astimezone(zone),
            due_at=met.answer_due_at.astimezone(zone),
            state=met.state,
            settled_at=met.settled_at.astimezone(zone) if met.settled_at else None,
            answered_by="" if met.settled_by == MAILWATCH else self._name(met.settled_by),
            link=self._link(met),
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

    def _link(self, request: Unsettled | Running | Met) -> str:
        """The message in somebody's mail program; "" where the URL wants a Message-ID and there is none."""
        if not request.message_id and "{message_id}" in self._message_link:
            return ""
        values = {
            "message_id": request.message_id.removeprefix("<").removesuffix(">"),  # as in RFC 2392 §2
            "mailbox": request.mailbox,
            "reference": request.reference,
        }
        return _PLACEHOLDER.sub(lambda found: quote(values[found[1]], safe=""), self._message_link)
