"""Two programs that answer by themselves, face to face: mailwatch and Pigeonhole's vacation, mailwatch and mailwatch.

In each of 200 rounds, half an hour apart, whatever left is delivered to whom it is addressed, and everybody looks. A
relay may strip the headers by which automatic messages know each other: then what is left must do.
"""

import email
import email.policy
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from servers.dovecot import Dovecot
from sieve.post import Post
from system.sink import Letter, Sink
from system.three_weeks import DOMAIN, MARIE, PAUL
from system.town import PASSWORD

from mailwatch.app import App
from mailwatch.clock import MovableClock
from mailwatch.config import load_config
from mailwatch.store.consistency import find_inconsistencies

pytestmark = pytest.mark.system

ROUNDS = 200
HALF_AN_HOUR = timedelta(minutes=30)
BEGINS = datetime(2026, 2, 9, 15, 0, tzinfo=UTC)
TELLTALE = re.compile(
    rb"^(?:Auto-Submitted|X-Auto-Response-Suppress|Precedence|X-Mailwatch[\w-]*):.*\r?\n(?:[ \t].*\r?\n)*",
    re.MULTILINE | re.IGNORECASE,
)

VACATION = 'require "vacation";\r\nvacation :days 1 "Absent jusqu’à lundi.";\r\n'
CONFIGURATION = """\
[organisation]
name = "Conseil scolaire catholique MonAvenir"
timezone = "America/Toronto"
[database]
url = "sqlite:///{name}.db"
[calendar]
hours = ["08:30-12:00", "13:00-16:30"]
[smtp]
host = "127.0.0.1"
port = {smtp_port}
security = "none"
[imap.main]
host = "localhost"
port = {imap_port}
security = "none"
[[people]]
email = "{address}"
name = "{name}"
[[mailbox]]
address = "{address}"
kind = "staff"
imap = "main"
password = {{ env = "PASSWORD" }}
owners = ["{address}"]
[[absence]]
who = "{address}"
away_from = 2026-02-02
returns_on = 2026-04-06
"""


class Wire:
    """What leaves, on its way to whom it is addressed."""

    def __init__(self, dovecot: Dovecot, sink: Sink, *, strips: bool) -> None:
        self.dovecot, self.sink = dovecot, sink
        self.strips = strips
        self.sent: Counter[str] = Counter()
        self._carried = 0

    def carry(self, at: datetime) -> None:
        """Deliver what left since the last time."""
        for letter in self._new():
            message = email.message_from_bytes(letter.body, policy=email.policy.default)
            self.sent[str(message["From"].addresses[0].addr_spec)] += 1
            body = TELLTALE.sub(b"", letter.body) if self.strips else letter.body
            self.deliver(letter.recipient, body, at)

    def deliver(self, to: str, raw: bytes, at: datetime) -> None:
        """By LMTP to whoever has a Sieve script; else with the INBOX's own date."""
        if to.startswith("robot"):
            self.dovecot.deliver_by_lmtp([to], raw, sender=MARIE)
        else:
            self.dovecot.deliver(to, raw, internaldate=at)

    def _new(self) -> Iterator[Letter]:
        letters = self.sink.letters[self._carried :]
        self._carried += len(letters)
        yield from letters


def a_question(sender: str, to: str) -> bytes:
    """A person's message, from an address that answers by itself, too."""
    lines = (f"From: {sender}", f"To: {to}", "Subject: Question", "Message-ID: <q1@poste.example>",
             "", "Bonjour, quand la réunion aura-t-elle lieu ? Merci.", "")  # fmt: skip
    return "\r\n".join(lines).encode()


async def face(wire: Wire, folder: Path, people: Iterable[str], questions: Iterable[tuple[str, str]]) -> None:
    """Let everybody face each other for all the rounds; every mailwatch an installation of its own."""
    clock = MovableClock(BEGINS)
    async with AsyncExitStack() as running:
        apps = []
        for address in people:
            name = address.partition("@")[0]
            config = folder / f"{name}.toml"
            config.write_text(
                CONFIGURATION.format(
                    name=name, address=address, smtp_port=wire.sink.port, imap_port=wire.dovecot.ports["IMAP"]
                )
            )
            app = App(load_config(config), clock=clock, environ={"PASSWORD": PASSWORD})
            apps.append(await running.enter_async_context(app.running()))
        for app in apps:
            await app.catch_up()  # first sight
        for sender, to in questions:
            clock.set(clock.now() + HALF_AN_HOUR)
            wire.deliver(to, a_question(sender, to), clock.now())
        for _ in range(ROUNDS):
            for app in apps:
                await app.catch_up()
            clock.set(clock.now() + HALF_AN_HOUR)
            wire.carry(clock.now())
        for app in apps:
            assert await find_inconsistencies(app.store) == []


@pytest.mark.parametrize("strips", [False, True], ids=["faithful relay", "stripping relay"])
async def test_two_mailwatches_exchange_at_most_one_message_each(strips: bool, tmp_path: Path, sink: Sink) -> None:
    with Dovecot((MARIE, PAUL), PASSWORD, domain=DOMAIN) as dovecot:
        wire = Wire(dovecot, sink, strips=strips)
        await face(wire, tmp_path, (MARIE, PAUL), [(MARIE, PAUL), (PAUL, MARIE)])
    assert wire.sent == {MARIE: 1, PAUL: 1}


@pytest.mark.parametrize("strips", [False, True], ids=["faithful relay", "stripping relay"])
async def test_mailwatch_and_a_sieve_vacation_exchange_at_most_one_message_each(
    strips: bool, tmp_path: Path, sink: Sink
) -> None:
    robot = f"robot@{DOMAIN}"
    with Dovecot((MARIE, robot), PASSWORD, domain=DOMAIN, sieve_answers_to=sink.port) as dovecot:
        post = Post(dovecot, sink, robot)
        async with post.session() as session:
            await session.put_script(
                "vacation", 'require "vacation";\r\nvacation :days 1 "Absent jusqu\'à lundi.";\r\n'
            )
            await session.set_active("vacation")
        wire = Wire(dovecot, sink, strips=strips)
        await face(wire, tmp_path, (MARIE,), [(robot, MARIE)])
    assert wire.sent[MARIE] == 1
    assert wire.sent[robot] == (1 if strips else 0)  # Pigeonhole knows an automatic message by its headers, too
