"""Three weeks on real Dovecot, the service in this process on a clock that is moved; what must come of it, by hand."""

import asyncio
import email
import email.policy
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import date, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from servers.dovecot import Dovecot
from system.books import Database
from system.service import Service
from system.sink import Sink
from system.three_weeks import (
    BEGINS,
    BIBLIOTHEQUE,
    DIRECTOR,
    DOMAIN,
    ENDS,
    INSCRIPTIONS,
    IT,
    LUC,
    MARIE,
    PAUL,
    SCRIPT,
    ZONE,
    Act,
    Line,
    a_follow_up,
    a_forward,
    a_question,
    a_robots_reply,
    an_answer,
    february,
    list_steps,
    message_id,
)

from mailwatch.app import App
from mailwatch.clock import MovableClock
from mailwatch.config import Config, load_config
from mailwatch.domain.requests import EventKind
from mailwatch.store.consistency import find_inconsistencies
from mailwatch.store.reports import RequestStory, get_request, list_requests

pytestmark = pytest.mark.system

PASSWORD = "mot de passe"
RESTARTED = (february(17, "08:30"), february(17, "08:45"), february(17, "12:00"))
BEFORE, AFTER, LATER = "before 1 business day", "after 0 business days", "after 3 business days"

CONFIGURATION = """\
[organisation]
name = "Conseil scolaire catholique MonAvenir"
timezone = "America/Toronto"
languages = ["fr", "en"]
domains = ["cscmonavenir.example"]

[database]
url = "{database}"

[calendar]
country = "CA"
subdivision = "ON"
hours = ["08:30-12:00", "13:00-16:30"]
closures = ["2026-02-06", "2026-03-16..2026-03-20"]

[acknowledgement]
delay = "0s"

[[escalation]]
before = "1 business day"
to = ["owner"]
[[escalation]]
after = "0 business days"
to = ["owner", "manager"]
[[escalation]]
after = "3 business days"
to = ["direction@cscmonavenir.example"]

[alerts]
to = ["informatique@cscmonavenir.example"]

[smtp]
host = "127.0.0.1"
port = {smtp_port}
security = "none"

[imap.main]
host = "localhost"
port = {imap_port}
security = "none"

[[people]]
email = "marie.tremblay@cscmonavenir.example"
name = "Marie Tremblay"
language = "fr"
manager = "luc.gagnon@cscmonavenir.example"
[[people]]
email = "luc.gagnon@cscmonavenir.example"
name = "Luc Gagnon"
language = "fr"
[[people]]
email = "paul.roy@cscmonavenir.example"
name = "Paul Roy"
language = "en"

[[mailbox]]
address = "inscriptions@cscmonavenir.example"
name = {{ fr = "Service des inscriptions", en = "Admissions" }}
kind = "shared"
imap = "main"
password = {{ env = "PASSWORD" }}
owners = ["marie.tremblay@cscmonavenir.example"]
department = "Inscriptions"

[[mailbox]]
address = "bibliotheque@cscmonavenir.example"
name = {{ fr = "Bibliothèque", en = "Library" }}
kind = "shared"
imap = "main"
password = {{ env = "PASSWORD" }}
owners = ["paul.roy@cscmonavenir.example"]

[[mailbox]]
address = "marie.tremblay@cscmonavenir.example"
kind = "staff"
imap = "main"
password = {{ env = "PASSWORD" }}
observe_sent = "only"

[[absence]]
who = "marie.tremblay@cscmonavenir.example"
away_from = 2026-02-10
returns_on = 2026-02-12
delegate = "paul.roy@cscmonavenir.example"
"""

# --- what must come of it, by hand ------------------------------------------------------------------------------------

# requester: state, due (local), answered (local), escalations in order
REQUESTS = {
    "anne": ("answered", february(10, "16:30"), february(4, "11:00"), []),
    "bruno": ("answered", february(10, "16:30"), february(5, "15:00"), []),
    "chloe": ("answered", february(18, "16:30"), february(18, "16:30"), [BEFORE]),  # reopened on the 10th
    "denis": ("acknowledged", february(11, "16:30"), None, [BEFORE, AFTER, LATER]),
    "emma": ("answered", february(11, "16:30"), february(11, "11:00"), [BEFORE]),
    "farid": ("answered", february(12, "16:30"), february(5, "14:00"), []),  # acknowledgement withheld
    "gaelle": ("answered", february(12, "16:30"), february(5, "11:00"), []),
    "hugo": ("answered", february(13, "16:30"), february(17, "10:00"), [BEFORE, AFTER]),  # a forward is no answer
    "ines": ("answered", february(13, "16:30"), february(11, "09:15"), []),  # received on a Saturday
    "jules": ("acknowledged", datetime(2026, 2, 23, 16, 30, tzinfo=ZONE), None, [BEFORE]),
}

# (day of February, recipient): what the digest names, in its order
DIGESTS = {
    (5, MARIE): ["farid"],  # please acknowledge yourself
    (11, PAUL): ["denis", "emma"],  # emma's in Marie's place
    (12, PAUL): ["denis"],
    (13, PAUL): ["denis"],
    (13, MARIE): ["hugo"],
    (17, PAUL): ["denis"],
    (17, MARIE): ["hugo"],
    (17, LUC): ["hugo"],
    (18, PAUL): ["denis"],
    (18, MARIE): ["chloe"],
    (18, DIRECTOR): ["denis"],
    (19, PAUL): ["denis"],
    (19, DIRECTOR): ["denis"],
    (20, PAUL): ["denis"],
    (20, DIRECTOR): ["denis"],
}

# The evidence by which each was found answered, in the order of the events.
EVIDENCE = {
    "anne": ["sent folder"],
    "bruno": ["copy"],
    "chloe": ["sent folder", "sent folder"],
    "emma": ["sent folder"],
    "farid": ["sent folder"],
    "gaelle": ["sent folder"],
    "hugo": ["sent folder"],
    "ines": ["\\Answered"],
}

# Nine answers. In service hours (seven a day): 5½, 8½, 11, 14¾, 15, 19½, 33, 37 h 50, 41½; elapsed: 21½, 25½, 29, 49,
# 63½, 91¼, 189, 199½ and 282 h 50. Missed: denis (no answer by the 11th), hugo (two business days late).
REPORT = {
    "received": 10,
    "set_aside": 0,
    "acknowledged": {"met": 10, "of": 10, "percent": 100.0},  # farid by his answer
    "acknowledged_not_due": 0,
    "withheld_missed": 0,
    "answered": {"met": 7, "of": 9, "percent": 77.7},
    "answered_not_due": 1,  # jules
    "closed_unanswered": 0,
    "answers": 9,  # two of chloe's
    "business_minutes": {"median": 15 * 60, "p90": 41 * 60 + 30},
    "elapsed_minutes": {"median": 63 * 60 + 30, "p90": 282 * 60 + 50},
    "promises": {"met": 6, "of": 8, "percent": 75.0},  # farid was promised nothing
    "promises_not_due": 1,
    "reopened": 1,
    "open": 2,
    "overdue": 1,
    "suppressed": {"auto_response_suppress": 1},
    "silent": {"automatic": 0, "bulk": 1, "copy": 0, "spam": 0, "undisclosed": 0},
}


# --- the play ---------------------------------------------------------------------------------------------------------


class Stage:
    """Dovecot, a sink for what leaves, and one or two workers on a clock."""

    def __init__(self, dovecot: Dovecot, clock: MovableClock, config: Path, workers: int) -> None:
        self._dovecot = dovecot
        self._clock = clock
        self._config = config
        self._workers = workers
        self._running = AsyncExitStack()
        self.apps: list[App] = []

    async def start(self) -> None:
        """Every worker."""
        config = load_config(self._config)
        for _ in range(self._workers):
            app = App(config, clock=self._clock, environ={"PASSWORD": PASSWORD})
            self.apps.append(await self._running.enter_async_context(app.running()))
        async with asyncio.timeout(30):  # a mailbox that is changing hands is nobody's to catch up with
            while not self._is_shared_out(config):  # noqa: ASYNC110  # a lease is no event
                await asyncio.sleep(0.05)

    def _is_shared_out(self, config: Config) -> bool:
        """Every worker holds its share."""
        held = [sum(app.watchers.holds(mailbox.address) for mailbox in app.mailboxes) for app in self.apps]
        return sum(held) == len(config.mailboxes()) and max(held) - min(held) <= 1

    async def stop(self) -> None:
        """As SIGTERM does it."""
        await self._running.aclose()
        self.apps.clear()

    async def play(self) -> None:
        """The script, and the clock's steps between its lines."""
        await self.catch_up()  # first sight
        lines = list(SCRIPT)
        for moment in sorted({*list_steps(), *(line.at for line in SCRIPT)}):
            self._clock.set(moment)
            while lines and lines[0].at == moment:
                self._perform(lines.pop(0))
            if moment in RESTARTED:
                await self.stop()
                await self.start()
            await self.catch_up()

    async def catch_up(self) -> None:
        """Every worker does all that there is to do now, at the same time as the others."""
        async with asyncio.timeout(30):
            # All look before any calls a mailbox silent: the clock has leapt, and each sees to its own share only.
            await asyncio.gather(*(app.look() for app in self.apps))
            await asyncio.gather(*(app.catch_up() for app in self.apps))

    def _perform(self, line: Line) -> None:
        match line.act:
            case Act.ASK:
                self._deliver(line.to, a_question(line), line)
            case Act.FOLLOW:
                self._deliver(line.to, a_follow_up(line), line)
            case Act.ROBOT:
                self._deliver(line.to, a_robots_reply(line), line)
            case Act.ANSWER:
                self._deliver(line.to, an_answer(line, line.to), line, "Sent")
            case Act.COPY:
                self._deliver(line.to, an_answer(line, MARIE, copy=line.to), line)
            case Act.FORWARD:
                self._deliver(MARIE, a_forward(line), line, "Sent")
            case Act.FLAG:
                self._flag(line)

    def _deliver(self, box: str, message: EmailMessage, line: Line, folder: str = "INBOX") -> None:
        self._dovecot.deliver(box, message.as_bytes(), folder=folder, internaldate=line.at)

    def _flag(self, line: Line) -> None:
        client = self._dovecot.client(line.to)
        client.select_folder("INBOX")
        (uid,) = client.search(["HEADER", "Message-ID", message_id(line.who)])
        client.add_flags([uid], ["\\Answered"])


@asynccontextmanager
async def played(database: Database, folder: Path, sink: Sink) -> AsyncIterator[Stage]:
    """The end of the three weeks."""
    with Dovecot((INSCRIPTIONS, BIBLIOTHEQUE, MARIE), PASSWORD, domain=DOMAIN) as dovecot:
        config = folder / "mailwatch.toml"
        config.write_text(
            CONFIGURATION.format(database=database.configured, smtp_port=sink.port, imap_port=dovecot.ports["IMAP"])
        )
        if database.needs_upgrade:
            assert Service(folder, config.read_text(), {"PASSWORD": PASSWORD}).command("db", "upgrade").returncode == 0
        stage = Stage(dovecot, MovableClock(BEGINS), config, workers=1 if database.is_sqlite else 2)
        await stage.start()
        try:
            await stage.play()
            yield stage
        finally:
            await stage.stop()


async def test_three_weeks_come_to_what_was_worked_out_by_hand(database: Database, tmp_path: Path, sink: Sink) -> None:
    async with played(database, tmp_path, sink) as stage:
        store = stage.apps[0].store
        stories = {
            fact.requester.partition("@")[0]: await get_request(store, fact.reference)
            for fact in await list_requests(store)
        }
        assert await find_inconsistencies(store) == []
    assert {who: summary(story) for who, story in stories.items()} == REQUESTS
    assert {who: found for who, story in stories.items() if (found := evidence(story))} == EVIDENCE
    names = {story.request.reference: who for who, story in stories.items()}
    letters = [parsed(letter.body) for letter in sink.letters]
    assert digests(letters, names) == DIGESTS
    assert_only_owners_see_who_asked(letters)
    assert [letter["Subject"] for letter in letters if letter["To"] == IT] == []
    assert report(tmp_path) == REPORT
    replied = [letter for letter in letters if letter["Auto-Submitted"] == "auto-replied"]
    acknowledged = [letter["To"] for letter in replied if letter["Message-ID"].startswith("<mw.ack.")]
    # Who writes again while Marie is away is told so; nobody else owns the mailbox.
    assert [letter["To"] for letter in replied if letter["Message-ID"].startswith("<mw.not.")] == [
        "chloe@courriel.example"
    ]
    assert sorted(acknowledged) == sorted(f"{who}@courriel.example" for who in REQUESTS if who != "farid")


def report(folder: Path) -> dict[str, object]:
    """The month's total, as the command prints it."""
    service = Service(folder, (folder / "mailwatch.toml").read_text(), {"PASSWORD": PASSWORD})
    as_of = ENDS.isoformat()
    done = service.command("report", "--month", "2026-02", "--as-of", as_of, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    total: dict[str, object] = json.loads(done.stdout)["scopes"][-1]
    return {key: value for key, value in total.items() if key in REPORT}


def summary(story: RequestStory) -> tuple[str, datetime, datetime | None, list[str]]:
    request = story.request
    settled = request.settled_at.astimezone(ZONE) if request.settled_at else None
    levels = [str(event.data["level"]) for event in story.events if event.kind is EventKind.ESCALATED]
    return str(request.state), request.answer_due_at.astimezone(ZONE), settled, levels


def evidence(story: RequestStory) -> list[str]:
    return [str(event.data["evidence"]) for event in story.events if event.kind is EventKind.ANSWERED]


def parsed(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)


def digests(letters: Sequence[EmailMessage], names: dict[str, str]) -> dict[tuple[int, str], list[str]]:
    """What was listed to whom on which day. Two digests of one person and day would fail the caller's comparison."""
    found: dict[tuple[int, str], list[str]] = {}
    for letter in letters:
        if letter["Auto-Submitted"] != "auto-generated" or letter["To"] == IT:
            continue
        day: date = letter["Date"].datetime.astimezone(ZONE).date()
        key = day.day, letter["To"]
        assert key not in found, f"a second digest: {key}"
        found[key] = [names[reference] for reference in dict.fromkeys(re.findall(r"MW-\w{6}", text_of(letter)))]
    return found


def text_of(letter: EmailMessage) -> str:
    body = letter.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def assert_only_owners_see_who_asked(letters: Sequence[EmailMessage]) -> None:
    for letter in letters:
        if letter["Auto-Submitted"] == "auto-generated":
            words = str(letter["Subject"]) + "".join(str(part.get_content()) for part in letter.iter_parts())
            sees = "courriel.example" in words or "Question" in words
            assert sees == (letter["To"] in (MARIE, PAUL)), letter["To"]
