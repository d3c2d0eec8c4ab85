"""Compare the mailboxes, the database and every message that left: what is missing, and what came twice."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from servers.dovecot import Dovecot
from system.books import Database
from system.sink import Letter

from torture.load import Delivered, Sort

FIGURES = (
    "delivered",
    "recorded",
    "requests",
    "acknowledged",
    "extra copies",
    "kills with a copy",
    "most by one kill",
    "most of one message",
)


@dataclass(frozen=True, slots=True)
class Lives:
    """What left in each life of the service, in order; each life but the last ended by a kill."""

    letters: Sequence[Sequence[Letter]]

    @property
    def all(self) -> list[Letter]:
        """Everything that left."""
        return [letter for life in self.letters for letter in life]

    def extra_by_kill(self) -> list[int]:
        """For each kill, how many messages that had left before it left again because of it."""
        last = {letter.message_id: number for number, life in enumerate(self.letters) for letter in life}
        again: Counter[int] = Counter()
        for number, life in enumerate(self.letters):
            again[number] = sum(last[message_id] > number for message_id in {letter.message_id for letter in life})
        return [again[number] for number in range(len(self.letters) - 1)]


@dataclass
class Verdict:
    """`problems`: promises that were broken, in words. `figures`: what was counted."""

    problems: list[str] = field(default_factory=list)
    figures: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a fault excuses: who may have gone without an acknowledgement, since it was refused for good or is in doubt;
    and how many copies somebody may have got. `flags`: those that people had set before, by mailbox and UID."""

    unsent: frozenset[str] = frozenset()
    copies: Mapping[str, int] = field(default_factory=dict)
    flags: Mapping[str, Mapping[int, frozenset[str]]] = field(default_factory=dict)


def judge(
    delivered: Sequence[Delivered],
    lives: Lives,
    database: Database,
    dovecot: Dovecot,
    connections: int,
    allowed: Allowed = Allowed(),  # frozen
) -> Verdict:
    """The verdict on a service that has settled everything."""
    verdict = Verdict()
    for found in (
        _judge_records(delivered, database),
        _judge_letters(delivered, lives.all, allowed),
        _judge_copies(lives, connections, allowed),
        _judge_entries(database, lives.all, allowed),
        _judge_flags(delivered, dovecot, allowed),
        (f"invariant: {text}" for text in database.inconsistencies()),
    ):
        verdict.problems += found
    extra = lives.extra_by_kill()
    copies = Counter(letter.message_id for letter in lives.all)
    counted = (
        sum(len(one.boxes) for one in delivered),
        len(database.messages()),
        len(database.requests()),
        len({letter.recipient for letter in lives.all}),
        sum(extra),
        sum(count > 0 for count in extra),
        max(extra, default=0),
        max(copies.values(), default=0),
    )
    verdict.figures = dict(zip(FIGURES, counted, strict=True))
    return verdict


def _judge_records(delivered: Sequence[Delivered], database: Database) -> Iterator[str]:
    expected = Counter((box, one.message_id) for one in delivered for box in one.boxes)
    recorded = Counter((fact.mailbox, fact.message_id) for fact in database.messages())
    yield from (f"not recorded: {key}" for key in expected - recorded)
    yield from (f"recorded twice, or never delivered: {key}" for key in recorded - expected)
    senders = {one.sender: one for one in delivered if one.sort is not Sort.ROBOT}
    asked = Counter((box, one.sender) for one in senders.values() for box in one.boxes)
    opened = Counter((request.mailbox, request.requester) for request in database.requests())
    yield from (f"no request: {key}" for key in asked - opened)
    yield from (f"a request too many: {key}" for key in opened - asked)


def _judge_letters(delivered: Sequence[Delivered], letters: Sequence[Letter], allowed: Allowed) -> Iterator[str]:
    """Each question has an acknowledgement under one Message-ID, and every copy has the same bytes."""
    ids: Mapping[str, set[str]] = defaultdict(set)
    bodies: Mapping[str, set[bytes]] = defaultdict(set)
    for letter in letters:
        ids[letter.recipient].add(letter.message_id)
        bodies[letter.message_id].add(letter.body)
    asked = {one.sender for one in delivered if one.sort is not Sort.ROBOT}
    yield from (f"never acknowledged: {sender}" for sender in sorted(asked - ids.keys() - allowed.unsent))
    yield from (f"acknowledged, but asked nothing: {sender}" for sender in sorted(ids.keys() - asked))
    yield from (f"under {len(each)} Message-IDs: {sender}" for sender, each in ids.items() if len(each) > 1)
    yield from (f"copies that differ: {message_id}" for message_id, each in bodies.items() if len(each) > 1)


def _judge_copies(lives: Lives, connections: int, allowed: Allowed) -> Iterator[str]:
    """At most one copy of a message more for each kill, and at most one for each open connection."""
    for number, life in enumerate(lives.letters):
        counts = Counter((letter.recipient, letter.message_id) for letter in life)
        for (recipient, message_id), count in counts.items():
            if count > allowed.copies.get(recipient, 1):
                yield f"{count} times in life {number} of the service: {message_id}"
    for number, extra in enumerate(lives.extra_by_kill()):
        if extra > connections:
            yield f"{extra} copies by kill {number}: more than {connections} connections explain"


def _judge_entries(database: Database, letters: Sequence[Letter], allowed: Allowed) -> Iterator[str]:
    """The outbox knows of everything that left, and thinks nothing gone that didn't."""
    left = {letter.message_id for letter in letters}
    entries = [entry for entry in database.entries() if entry.kind == "acknowledgement"]
    for entry in entries:
        if entry.state != "sent" and entry.recipient not in allowed.unsent:
            yield f"entry {entry.id} is {entry.state}: {entry.reason}"
        elif entry.state == "sent" and entry.message_id not in left:
            yield f"entry {entry.id} is said to be sent, and wasn't"
    yield from (f"left, and not in the outbox: {i}" for i in left - {entry.message_id for entry in entries})
    for request in database.requests():
        is_excused = request.suppressed_by == "elsewhere" or request.requester in allowed.unsent
        if request.state != ("open" if is_excused else "acknowledged"):
            yield f"request {request.reference} is {request.state}"


def _judge_flags(delivered: Sequence[Delivered], dovecot: Dovecot, allowed: Allowed) -> Iterator[str]:
    for box in sorted({box for one in delivered for box in one.boxes}):
        before = allowed.flags.get(box, {})
        changed = {uid: now for uid, now in dovecot.flags(box).items() if now != before.get(uid, frozenset())}
        if changed:
            yield f"flags were changed in {box}: {changed}"
