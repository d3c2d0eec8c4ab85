"""What is stored of a request against what really happened to it. Complaints are sentences; none is what must be.

What happened is the machine's own record. Of the database only two things are believed: which request a message belongs
to (who came first decides that), and when a flag or a moved message was seen (before that nobody could know of it).
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from services.machine.letters import FOLLOWS, Letter, Reply
from services.machine.model import Effect, Expected, Happening, expect
from services.machine.office import ASIDE, BOXES, COLETTE, DONE, OWNERS, Office
from services.machine.staff import CLERK
from services.machine.stored import StoredEvent, StoredRequest

from mailwatch.domain.requests import UNSETTLED, EventKind

ANSWERS = {EventKind.ANSWERED, EventKind.ANSWER_NOTED}
BEARING = {EventKind.OPENED, EventKind.FOLLOWED_UP, EventKind.CLOSED, EventKind.SET_ASIDE, *ANSWERS}
FILED = {DONE: EventKind.CLOSED, ASIDE: EventKind.SET_ASIDE}
_SETTLED = {EventKind.CLOSED: Effect.CLOSES, EventKind.SET_ASIDE: Effect.SETS_ASIDE}


class Life:
    """One request beside the office's record of it."""

    def __init__(self, office: Office, request: StoredRequest) -> None:
        self.office = office
        self.request = request
        self.letters = {letter.message_id: letter for letter in office.letters}
        self.replies = {reply.identity: reply for reply in office.replies}

    def complaints(self) -> Iterator[str]:
        """Everything that isn't as it must be."""
        yield from self._letters()
        yield from self._replies()
        yield from self._deeds()
        yield from self._flags_and_moves()
        yield from self._clock()

    # --- letters ----------------------------------------------------------------------------------------------------

    def _letters(self) -> Iterator[str]:
        opening, *later = [event for event in self.request.events if event.message_id]
        if opening.kind is not EventKind.OPENED or opening.occurred_at != self.request.received_at:
            yield f"it doesn't begin with its message: {opening}"
        told = Counter((event.message_id, event.kind) for event in later if event.kind in FOLLOWS.values())
        for (message_id, kind), count in told.items():
            if kind is not FOLLOWS.get(self.letters[message_id].role) or count > 1:
                yield f"{message_id} is told as {kind}, {count} times"
        for event in (opening, *later):
            if not self._is_possible(event, self.letters[event.message_id]):
                yield f"{event.message_id} came at another instant than {event.occurred_at}"
        for event in self.request.events:
            is_by_reference = event.kind is EventKind.ANSWER_SUSPECTED and event.data["evidence"] == "reference"
            if is_by_reference and not self.letters[event.message_id].is_suspect:
                yield f"what {event.message_id} replies to is well known"

    def _is_possible(self, event: StoredEvent, letter: Letter | Reply) -> bool:
        """Where the clock was set back, what came later than now was taken to come now."""
        if event.kind not in {EventKind.OPENED, *FOLLOWS.values(), *ANSWERS} or "about" in event.data:
            return True
        earliest = {self.request.received_at}  # nobody answers what isn't there yet
        earliest |= self.letters[letter.about].any_instant if isinstance(letter, Reply) else set()
        instants = {max(instant, first) for instant in letter.any_instant for first in earliest}
        instants |= letter.any_instant if event.kind in FOLLOWS.values() else set()
        return event.occurred_at in instants or self.office.was_set_back

    # --- answers ----------------------------------------------------------------------------------------------------

    def _replies(self) -> Iterator[str]:
        mine = [reply for reply in self.office.replies if reply.about in self.request.message_ids]
        for kinds, must in ((ANSWERS, True), ({EventKind.CONSULTED}, False)):
            expected = {one.identity: one for one in mine if not one.is_automatic and self._answers(one) is must}
            told = Counter(
                event.data["identity"]
                for event in self.request.events
                if event.kind in kinds and "about" not in event.data
            )
            for identity in expected.keys() - told.keys():
                if not (expected[identity].is_excused or self.office.notes.has("message.passed_over")):
                    yield f"a reply wasn't seen: {expected[identity].message_id} of {expected[identity].any_instant}"
            for identity in told.keys() - expected.keys():
                if must or identity in self.replies:
                    yield f"a message is none of {sorted(kinds)}: {self.replies[identity].message_id}"
            if max(told.values(), default=1) > 1:
                yield f"a reply counts twice: {told}"
        for event in self.request.events:
            is_written = event.kind in ANSWERS and "about" not in event.data
            if is_written and not self._is_possible(event, self.replies[event.data["identity"]]):
                yield f"an answer was written at another instant than {event.occurred_at}"

    def _answers(self, reply: Reply) -> bool:
        """Written to whoever asked, or asked again, from outside; between colleagues, by one who is there to answer."""
        answerers = (self.request.mailbox, OWNERS[self.request.mailbox])
        if self.request.requester == COLETTE and reply.sender not in answerers:
            return False
        is_question = reply.about in {event.message_id for event in self._questions()}
        is_written_back = is_question and reply.to == self.letters[reply.about].sender != COLETTE
        return reply.counts and (reply.to == self.request.requester or is_written_back)

    # --- what people did --------------------------------------------------------------------------------------------

    def _deeds(self) -> Iterator[str]:
        did = Counter((deed.kind, deed.at) for deed in self.office.deeds if deed.reference == self.request.reference)
        kinds = {*_SETTLED, EventKind.REOPENED, EventKind.REASSIGNED}
        mine = [event for event in self.request.events if event.by == CLERK and event.kind in kinds]
        told = Counter((event.kind, event.at) for event in mine)
        if did != told:
            yield f"deeds are {did}, and told are {told}"
        given = [deed.to for deed in self.office.deeds if self._is_about_me(deed.reference, deed.kind)]
        if self.request.owner != (given[-1] if given else OWNERS[self.request.mailbox]):
            yield f"the owner is {self.request.owner}"
        for event in self.request.events:
            earlier = [one.occurred_at for one in self.request.events[: event.n - 1] if one.kind in BEARING]
            is_deed = event.by != "mailwatch" and event.kind in kinds - {EventKind.REASSIGNED}
            if is_deed and event.occurred_at < max(earlier):
                yield f"a deed lies before what was known when it was done: {event}"

    def _is_about_me(self, reference: str, kind: EventKind) -> bool:
        return reference == self.request.reference and kind is EventKind.REASSIGNED

    def _flags_and_moves(self) -> Iterator[str]:
        """None without its cause; and no clock runs for what is flagged, or filed away."""
        known: dict[str, str] = {self._identity(event): event.message_id for event in self._questions()}
        flags = {event.data["identity"] for event in self.request.events if "about" in event.data}
        moves = [event for event in self.request.events if "folder" in event.data]
        for event in self.request.events:
            if "about" in event.data:
                since = self.office.flagged.get(event.data["identity"])
                if since is None or event.data["identity"] not in self._identities():
                    yield f"nobody has flagged it: {event}"
        for event in moves:
            causes = {(event.data["folder"], identity) for identity in self._identities()}
            if event.kind is not FILED[event.data["folder"]] or not causes & self.office.moved.keys():
                yield f"nobody has moved it: {event}"
        if self.request.state not in UNSETTLED:
            return
        waiting = {self._identity(event) for event in self._questions() if self._is_waited_for(event)}
        for identity in waiting - flags:
            if self._lies_flagged(identity):
                yield f"the clock runs for a flagged message: {known[identity]}"
        if not any(event.kind is EventKind.REOPENED and "clock" in event.data for event in self.request.events):
            for (folder, identity), moved_at in self.office.moved.items():
                if identity in waiting and self.request.events[0].at < moved_at and self.request.mailbox == BOXES[0]:
                    yield f"the clock runs for a message in {folder}: {known[identity]}"

    def _questions(self) -> list[StoredEvent]:
        kinds = {EventKind.OPENED, EventKind.FOLLOWED_UP}
        return [event for event in self.request.events if event.message_id and event.kind in kinds]

    def _is_waited_for(self, event: StoredEvent) -> bool:
        return event.occurred_at >= self.request.clock_started_at

    def _identity(self, event: StoredEvent) -> str:
        return self.letters[event.message_id].identity

    def _identities(self) -> set[str]:
        return {self.letters[message_id].identity for message_id in self.request.message_ids}

    def _lies_flagged(self, identity: str) -> bool:
        """In a folder of the request's own mailbox that is watched, where a look has found it."""
        letter = next(one for one in self.office.letters if one.identity == identity)
        folders = [
            folder
            for address, name, folder in self.office.folders()
            if address == self.request.mailbox and name in self._watched(address)
        ]
        copies = [one for folder in folders for one in folder.messages.values() if one.head == letter.raw]
        return letter.delivered.get(self.request.mailbox, False) and any("\\Answered" in one.flags for one in copies)

    def _watched(self, address: str) -> tuple[str, ...]:
        return next(mailbox.folders for mailbox in self.office.world.mailboxes if mailbox.address == address)

    # --- the clock --------------------------------------------------------------------------------------------------

    def _clock(self) -> Iterator[str]:
        expected, request = expect(self._happenings()), self.request
        *earlier, last = expected.stretches
        if request.earlier != tuple(earlier):
            yield f"the clocks before are {request.earlier}, not {earlier}"
        if (request.clock_started_at, request.settled_at) != last[:2]:
            yield f"the clock ran {request.clock_started_at} to {request.settled_at}, and not {last}"
        if request.answered_at != expected.answered_at:
            yield f"it was answered at {expected.answered_at}, not at {request.answered_at}"
        if not self._is_state(expected):
            yield f"its state is {request.state}, not {expected.state or 'unsettled'}"

    def _is_state(self, expected: Expected) -> bool:
        """A person's word stands until the clock is seen running again: what they closed stays closed where a later
        question, and its answer, are learnt of at once, or the answer first."""
        if expected.state is None:
            return self.request.state in UNSETTLED
        words = [event.kind for event in self.request.events if event.kind in {*_SETTLED, EventKind.REOPENED}]
        last = words[-1] if words and words[-1] in _SETTLED else None
        return str(self.request.state) in {str(expected.state), str(last)}

    def _happenings(self) -> Iterator[Happening]:
        for event in self.request.events:
            at = max(event.occurred_at, self.request.received_at)
            if event.message_id and event.kind in (EventKind.OPENED, EventKind.FOLLOWED_UP):
                yield Happening(Effect.ASKS, at, event.n)
            elif event.kind in ANSWERS:
                about = event.data.get("about")
                yield Happening(Effect.ANSWERS, at, event.n, datetime.fromisoformat(about) if about else None)
            elif event.kind in _SETTLED:
                yield Happening(_SETTLED[event.kind], at, event.n)
            elif event.kind is EventKind.REOPENED and "clock" in event.data:
                goes_on = event.data["clock"] == "continued"
                yield Happening(Effect.GOES_ON if goes_on else Effect.BEGINS_ANEW, at, event.n)
