"""A week in which nobody is there, on real Dovecot: who is told what, message by message. The service runs in this
process on a clock that is moved; everything that leaves is counted.

    February 2026   Mon 9   Tue 10  Wed 11  Thu 12   Fri 13   (Mon 16: Family Day)   Tue 17

Marie is away all week; Paul, her delegate, is away until Thursday, and Luc covers for Paul. The library, Paul's, is
closed. Anne's absence comes from a calendar, and is deleted there on Thursday. Denis, whom nobody covers for, returns
earlier than he had said.
"""

import asyncio
import email
import email.policy
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
from servers.dovecot import Dovecot
from system.books import Database
from system.service import Service
from system.sink import Sink
from system.three_weeks import DOMAIN, MARIE, PAUL, ZONE, february
from system.town import PASSWORD

from mailwatch.app import App
from mailwatch.clock import MovableClock
from mailwatch.config import load_config
from mailwatch.domain.requests import EventKind
from mailwatch.store.consistency import find_inconsistencies
from mailwatch.store.reports import RequestStory, get_request, list_requests

pytestmark = pytest.mark.system

LUC, ANNE, DENIS = f"luc.gagnon@{DOMAIN}", f"anne.lavoie@{DOMAIN}", f"denis.roy@{DOMAIN}"
LIBRARY = f"bibliotheque@{DOMAIN}"
COLLEAGUE = f"collegue@{DOMAIN}"
BOXES = (MARIE, ANNE, DENIS, LIBRARY)

CONFIGURATION = """\
[organisation]
name = "Conseil scolaire catholique MonAvenir"
timezone = "America/Toronto"
domains = ["cscmonavenir.example"]
[database]
url = "{database}"
[calendar]
country = "CA"
subdivision = "ON"
hours = ["08:30-12:00", "13:00-16:30"]
[acknowledgement]
delay = "0s"
replies = "record"
[[escalation]]
after = "60 business days"
to = ["owner"]
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
[[people]]
email = "paul.roy@cscmonavenir.example"
name = "Paul Roy"
[[people]]
email = "luc.gagnon@cscmonavenir.example"
name = "Luc Gagnon"
phone = "416-555-0100"
[[people]]
email = "anne.lavoie@cscmonavenir.example"
name = "Anne Lavoie"
manager = "luc.gagnon@cscmonavenir.example"
[[people]]
email = "denis.roy@cscmonavenir.example"
name = "Denis Roy"
[[absence]]
who = "marie.tremblay@cscmonavenir.example"
away_from = 2026-02-09
returns_on = 2026-02-14
delegate = "paul.roy@cscmonavenir.example"
note = "Les formulaires sont dans l'armoire."
[[absence]]
who = "paul.roy@cscmonavenir.example"
away_from = 2026-02-09
returns_on = 2026-02-12
delegate = "luc.gagnon@cscmonavenir.example"
[[absence_calendar]]
name = "anne"
who = "anne.lavoie@cscmonavenir.example"
file = "anne.ics"
audience = "external"
"""
MAILBOX = """
[[mailbox]]
address = "{address}"
kind = "{kind}"
name = "{name}"
imap = "main"
password = {{ env = "PASSWORD" }}
owners = ["{owner}"]
"""
MAILBOXES = "".join(
    MAILBOX.format(address=address, kind=kind, name=name, owner=owner)
    for address, kind, name, owner in (
        (MARIE, "staff", "Marie Tremblay", MARIE),
        (ANNE, "staff", "Anne Lavoie", ANNE),
        (DENIS, "staff", "Denis Roy", DENIS),
        (LIBRARY, "shared", "Bibliothèque", PAUL),
    )
)
EVENT = """\
BEGIN:VEVENT
UID:040000008200E00074C5B7101A82E008@anne
DTSTAMP:20260201T120000Z
DTSTART;VALUE=DATE:20260209
DTEND;VALUE=DATE:20260221
SUMMARY:Vacances
TRANSP:OPAQUE
X-MICROSOFT-CDO-BUSYSTATUS:OOF
END:VEVENT
"""
CALENDAR = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN\n{}END:VCALENDAR\n"


@dataclass(frozen=True, slots=True)
class Line:
    """A message that arrives."""

    at: datetime
    who: str
    to: str
    text: str
    answers: str = ""  # the Message-ID that it replies to
    headers: tuple[tuple[str, str], ...] = ()
    subject: str = "Question"

    @property
    def sender(self) -> str:
        return self.who if "@" in self.who else f"{self.who}@courriel.example"

    @property
    def message_id(self) -> str:
        return f"<{self.at:%d%H%M}.{self.who.partition('@')[0]}@courriel.example>"


SOPHIE_FIRST = Line(february(2, "09:00"), "sophie", MARIE, "Quels documents faut-il pour inscrire ma fille ?")
KARIM_FIRST = Line(february(9, "10:00"), "karim", MARIE, "Où dois-je envoyer le formulaire d'inscription ?")
ROBOT = (("Auto-Submitted", "auto-replied"), ("X-Auto-Response-Suppress", "All"))
NEWSLETTER = (("List-Unsubscribe", "<https://infolettre.example/fin>"), ("Precedence", "bulk"))

SCRIPT = (
    SOPHIE_FIRST,
    KARIM_FIRST,
    Line(february(9, "10:30"), "karim", MARIE, "Je suis absent jusqu'au 20 février.", KARIM_FIRST.message_id, ROBOT,
         "Réponse automatique : Demande reçue"),
    Line(february(9, "11:00"), "karim", MARIE, "J'oubliais : et l'adresse ?", KARIM_FIRST.message_id),
    Line(february(9, "14:00"), "nora", DENIS, "Pouvez-vous me dire quand le gymnase sera libre ?"),
    Line(february(10, "11:00"), "karim", MARIE, "Avez-vous reçu mon message ?", KARIM_FIRST.message_id),
    Line(february(10, "12:00"), "infolettre", MARIE, "Nos nouveautés de la semaine.", headers=NEWSLETTER),
    Line(february(10, "13:00"), "sophie", MARIE, "Je n'ai pas encore eu de réponse.", SOPHIE_FIRST.message_id),
    Line(february(11, "09:00"), "lea", LIBRARY, "Puis-je prolonger mes prêts pendant la fermeture ?"),
    Line(february(11, "10:00"), COLLEAGUE, ANNE, "As-tu le procès-verbal de la dernière réunion ?"),
    Line(february(11, "10:15"), "omar", ANNE, "Could you please tell me when the next information evening is?"),
    Line(february(12, "09:00"), "zoe", ANNE, "À quelle heure commence la rencontre de jeudi ?"),
)  # fmt: skip

# --- what must come of it, by hand ------------------------------------------------------------------------------------

# (when, local; to; what it is): what it says, and what it must not say.
LETTERS = {
    (february(2, "09:00"), "sophie", "auto-replied"): (["lundi 9 février 2026"], ["absen"]),
    (february(9, "10:00"), "karim", "auto-replied"): (
        # Back on Saturday the 14th; Monday is a holiday. Paul is away himself: Luc covers, so the standard holds.
        ["Marie Tremblay", "mardi 17 février 2026", "Luc Gagnon", LUC, "416-555-0100"],
        ["Paul", "armoire"],
    ),
    (february(9, "10:00"), LUC, "auto-generated"): (["Marie Tremblay", "karim", "armoire"], []),  # note
    (february(9, "14:00"), "nora", "auto-replied"): (
        ["Denis Roy", "lundi 2 mars 2026", "mardi 3 mars 2026"],  # back; the answer
        ["Luc"],
    ),
    (february(10, "13:00"), "sophie", "auto-replied"): (["Marie Tremblay", "Luc Gagnon"], ["lundi 9 février"]),
    (february(11, "09:00"), "lea", "auto-replied"): (
        ["Bibliothèque", "mardi 17 février 2026", "jeudi 19 février 2026"],
        ["Paul", "Luc"],
    ),
    (february(11, "09:00"), LUC, "auto-generated"): (["lea"], []),  # note: Paul owns the library's requests
    (february(11, "10:00"), COLLEAGUE, "auto-replied"): (["mardi 24 février 2026"], ["absen", "Luc"]),  # not told
    (february(11, "10:15"), "omar", "auto-replied"): (
        ["Anne Lavoie", "Monday, February 23, 2026", "Luc Gagnon", "Tuesday, February 24, 2026"],
        [],
    ),
    (february(12, "08:30"), ANNE, "auto-generated"): (["omar", "Question"], []),  # while you were away
    (february(12, "08:30"), PAUL, "auto-generated"): (["lea"], ["karim"]),
    (february(12, "09:00"), "zoe", "auto-replied"): (["vendredi 20 février 2026"], ["absen"]),
    (february(17, "08:30"), MARIE, "auto-generated"): (["karim"], ["nora"]),
    (february(19, "08:30"), DENIS, "auto-generated"): (["nora"], []),
}

# requester: when an answer is due (local), what was announced, how often an absence moved it
DUE = {
    "sophie": (february(9, "16:30"), february(9, "16:30"), 0),
    "karim": (february(17, "16:30"), february(17, "16:30"), 0),
    "nora": (february(20, "16:30"), datetime(2026, 3, 3, 16, 30, tzinfo=ZONE), 2),
    "lea": (february(19, "16:30"), february(19, "16:30"), 0),  # the standard is later than the day after the return
    "collegue": (february(19, "16:30"), february(24, "16:30"), 2),
    "omar": (february(19, "16:30"), february(24, "16:30"), 2),
    "zoe": (february(20, "16:30"), february(20, "16:30"), 0),
}
STEPS = tuple(
    february(day, time) for day in (9, 10, 11, 12, 13, 17, 18, 19) for time in ("08:00", "08:30", "08:45", "16:45")
)


class Stage:
    """Dovecot, a sink for what leaves, and the service on a clock."""

    def __init__(self, dovecot: Dovecot, config: Path) -> None:
        self.dovecot = dovecot
        self.config = config
        self.clock = MovableClock(february(2, "08:00"))
        self.app: App

    async def command(self, *arguments: str) -> None:
        """A command of an operator's; its own clock is the real one. In a thread: the service beats meanwhile."""
        service = Service(self.config.parent, self.config.read_text(), {"PASSWORD": PASSWORD})
        done = await asyncio.to_thread(service.command, *arguments)
        assert done.returncode == 0, done.stderr

    def tell(self, calendar: str) -> None:
        """Anne's calendar says something else now."""
        (self.config.parent / "anne.ics").write_text(CALENDAR.format(calendar).replace("\n", "\r\n"))

    async def play(self) -> None:
        lines = list(SCRIPT)
        for moment in sorted({*STEPS, *(line.at for line in SCRIPT)}):
            self.clock.set(moment)
            if moment == february(9, "08:00"):
                await self.command("absence", "add", LIBRARY, "--from", "2026-02-09", "--returns", "2026-02-14")
                await self.command("absence", "add", DENIS, "--from", "2026-02-09", "--returns", "2026-03-02")
            if moment == february(12, "08:00"):
                self.tell("")
                await self.command("absence", "add", DENIS, "--from", "2026-02-09", "--returns", "2026-02-19")
            while lines and lines[0].at == moment:
                self._arrive(lines.pop(0))
            await self.app.catch_up()
            await self.app.catch_up()  # what the first one changed, the second one tells of

    def _arrive(self, line: Line) -> None:
        message = EmailMessage(policy=email.policy.SMTP)
        message["From"] = line.sender
        message["To"] = line.to
        message["Subject"] = f"RE: {line.subject}" if line.answers and line.headers != ROBOT else line.subject
        message["Date"] = line.at
        message["Message-ID"] = line.message_id
        if line.answers:
            message["In-Reply-To"] = line.answers
        for name, value in line.headers:
            message[name] = value
        message.set_content(f"{line.text}\n")
        self.dovecot.deliver(line.to, message.as_bytes(), internaldate=line.at)


@asynccontextmanager
async def played(database: Database, folder: Path, sink: Sink) -> AsyncIterator[Stage]:
    """The end of it all."""
    with Dovecot(BOXES, PASSWORD, domain=DOMAIN) as dovecot:
        config = folder / "mailwatch.toml"
        text = CONFIGURATION.format(database=database.configured, smtp_port=sink.port, imap_port=dovecot.ports["IMAP"])
        config.write_text(text + MAILBOXES)
        stage = Stage(dovecot, config)
        stage.tell(EVENT)
        if database.needs_upgrade:
            await stage.command("db", "upgrade")
        app = App(load_config(config), clock=stage.clock, environ={"PASSWORD": PASSWORD})
        async with app.running() as stage.app:
            await stage.app.catch_up()  # first sight
            await stage.play()
            yield stage


async def test_nobody_writes_into_the_void(database: Database, tmp_path: Path, sink: Sink) -> None:
    async with played(database, tmp_path, sink) as stage:
        store = stage.app.store
        stories = [await get_request(store, fact.reference) for fact in await list_requests(store)]
        assert await find_inconsistencies(store) == []
    letters = [email.message_from_bytes(letter.body, policy=email.policy.default) for letter in sink.letters]
    assert sorted(map(name_of, letters)) == sorted(LETTERS)
    for letter in letters:
        said, unsaid = LETTERS[name_of(letter)]
        words = f"{letter['Subject']}\n{text_of(letter)}"
        assert [phrase for phrase in said if phrase not in words] == [], words
        assert [phrase for phrase in unsaid if phrase in words] == [], words
    assert {story.request.requester.partition("@")[0]: due_of(story) for story in stories} == DUE
    (robot,) = [event for story in stories for event in story.events if event.kind is EventKind.AUTO_REPLIED]
    assert robot.data["returns_on"] == "2026-02-21"


def name_of(letter: EmailMessage) -> tuple[datetime, str, str]:
    """When (local, to the minute), to whom, and of which kind."""
    sent_at = letter["Date"].datetime.astimezone(ZONE).replace(second=0, microsecond=0)
    to = str(letter["To"])
    return sent_at, to.removesuffix("@courriel.example"), str(letter["Auto-Submitted"])


def text_of(letter: EmailMessage) -> str:
    """The plain text on one line, whatever blanks it has."""
    body = letter.get_body(("plain",))
    assert body is not None
    return re.sub(r"\s+", " ", str(body.get_content()))


def due_of(story: RequestStory) -> tuple[datetime, datetime | None, int]:
    request = story.request
    announced = request.announced_due_at.astimezone(ZONE) if request.announced_due_at else None
    moved = sum(event.kind is EventKind.RESCHEDULED for event in story.events)
    return request.answer_due_at.astimezone(ZONE), announced, moved
