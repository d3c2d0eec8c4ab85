"""One request's life in one go: what happens to it, and when it is seen, in any order. Rules by single steps come to
several turns of one request too seldom."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule
from services.machine.arrivals import Arrivals
from services.machine.letters import Letter, Role
from services.machine.life import Life
from services.machine.office import ASIDE, BOXES, DONE
from services.machine.staff import COPY, OWN_SENT, SHARED_SENT, Staff
from services.machine.stored import list_stored

from mailwatch.domain.requests import EventKind
from mailwatch.domain.verdicts import Kind
from mailwatch.store import reports

ASKING = {Kind.REQUEST, Kind.FOLLOW_UP}

Step = Callable[["Lives", Letter], None]

# In which mailboxes it arrives, whether it is seen before anything else happens, and what then does.
LIVES = st.tuples(
    st.sampled_from([BOXES[:1], BOXES[:1], BOXES[1:], BOXES]),
    st.booleans(),
    st.lists(st.deferred(lambda: st.sampled_from(sorted(STEPS))), min_size=3, max_size=12),
)


class Lives(Arrivals, Staff):
    """What may happen to a request, as single words."""

    @rule(life=LIVES)
    def a_request_lives(self, life: tuple[tuple[str, ...], bool, list[str]]) -> None:
        where, is_seen_at_once, words = life
        letter = self._write(f"p{len(self.letters)}@courriel.example", where)
        for box in where:
            self._deliver(letter, box)
        if is_seen_at_once:
            self.run(self._look(None))
        for word in words:
            STEPS[word](self, letter)
        self.run(self._see_everything())
        self.run(self._compare_with_the_model())

    async def _compare_with_the_model(self) -> None:
        """Everything was looked at: each request is what happened to it, and no question is lost."""
        stored = await list_stored(self.store)
        opened = Counter((request.mailbox, request.events[0].message_id) for request in stored)
        assert [opening for opening, count in opened.items() if count > 1] == []
        for request in stored:
            complaints = list(Life(self, request).complaints())
            assert complaints == [], f"{complaints} of {request}"
        asking = {letter.message_id for letter in self.letters if letter.role is Role.QUESTION}
        for fact in await reports.list_messages(self.store, after=0):
            assert fact.message_id not in asking or fact.kind in ASKING, f"a question counts as {fact.kind}"

    def write_again(self, letter: Letter, role: Role, ago: int) -> None:
        self._write_again(letter, sorted(letter.delivered)[0], role, letter.sender, letter.message_id, ago)

    def answer(self, letter: Letter, places: set[str], ago: int) -> None:
        self._place(self._reply(letter, letter.sender, places), letter, places, ago, False)

    def flag(self, letter: Letter) -> None:
        """The last of its messages that lies there."""
        for folder in (self.world.folders[box]["INBOX"] for box in letter.delivered):
            theirs = [uid for uid, one in folder.messages.items() if letter.message_id.encode() in one.head]
            if theirs:
                self._flag(folder, theirs[-1])

    def file(self, letter: Letter, name: str) -> None:
        if BOXES[0] in letter.delivered:
            inbox = self.world.folders[BOXES[0]]["INBOX"]
            self._file(
                [uid for uid, one in inbox.messages.items() if letter.message_id.encode() in one.head][-1:], name
            )

    def command(self, letter: Letter, verb: str) -> None:
        kinds = {"close": EventKind.CLOSED, "set_aside": EventKind.SET_ASIDE}
        for request in self.run(list_stored(self.store)):
            if letter.message_id in request.message_ids:
                anew = {"reopen": {}, "reopen anew": {"anew": True}}.get(verb, {})
                act = getattr(self._act(), verb.partition(" ")[0])(request.reference, **anew)
                self._do(act, kinds.get(verb, EventKind.REOPENED))

    def look_at(self, letter: Letter) -> None:
        self.run(self._look(sorted(letter.delivered)[0]))

    def wait(self, minutes: int) -> None:
        self.was_set_back = self.was_set_back or minutes < 0
        self._move_clock(timedelta(minutes=minutes))


STEPS: Mapping[str, Step] = {
    "asks": lambda office, letter: office.write_again(letter, Role.QUESTION, 0),
    "asked an hour ago": lambda office, letter: office.write_again(letter, Role.QUESTION, 60),
    "thanks": lambda office, letter: office.write_again(letter, Role.THANKS, 0),
    "is away": lambda office, letter: office.write_again(letter, Role.AUTO_REPLY, 0),
    "is answered": lambda office, letter: office.answer(letter, {SHARED_SENT}, 0),
    "was answered an hour ago": lambda office, letter: office.answer(letter, {OWN_SENT}, 60),
    "is answered by copy": lambda office, letter: office.answer(letter, {COPY}, 0),
    "is answered, and seen twice": lambda office, letter: office.answer(letter, {COPY, OWN_SENT}, 0),
    "is flagged": lambda office, letter: office.flag(letter),
    "is done": lambda office, letter: office.file(letter, DONE),
    "is laid aside": lambda office, letter: office.file(letter, ASIDE),
    "is closed": lambda office, letter: office.command(letter, "close"),
    "is set aside": lambda office, letter: office.command(letter, "set_aside"),
    "is reopened": lambda office, letter: office.command(letter, "reopen"),
    "is reopened anew": lambda office, letter: office.command(letter, "reopen anew"),
    "is looked at": lambda office, letter: office.look_at(letter),
    "sees the clock set back": lambda office, letter: office.wait(-45),
    "waits a little": lambda office, letter: office.wait(20),
    "waits a day": lambda office, letter: office.wait(24 * 60),
}
