"""The main job on other IMAP servers, each with ways of its own: namespaces, special use, CONDSTORE, IDLE."""

from collections.abc import Callable, Iterator

import pytest
from servers.courier import Courier
from servers.cyrus import Cyrus
from servers.dovecot import Dovecot
from servers.embedded import Embedded
from servers.mail_programs import MailPrograms
from system.books import Database
from system.letters import INSCRIPTIONS, LOUIS, SOPHIE, a_letter, a_reply, letter_id
from system.service import Service, eventually
from system.sink import Sink
from system.town import PASSWORD, a_configuration, a_watched_mailbox, an_imap_server_in_plain_text, now, smtp_plain

from mailwatch.domain.requests import State

pytestmark = pytest.mark.system

USER = "inscriptions"
DESK, SETTLED = "Guichet", "Traitées"  # as IT writes them, whatever the server puts before
SERVERS: dict[str, Callable[[], Dovecot | Cyrus | Courier | Embedded]] = {
    "dovecot": lambda: Dovecot([f"{USER}@cscmonavenir.example"], PASSWORD, domain="cscmonavenir.example"),
    "cyrus": lambda: Cyrus([USER], PASSWORD),
    "courier": lambda: Courier([USER], PASSWORD),
    "pymap": lambda: Embedded([USER], PASSWORD),
}


class Mailbox:
    """The watched mailbox on some server, as the people who work with it have it."""

    def __init__(self, server: MailPrograms) -> None:
        self.server = server
        self.user = INSCRIPTIONS if isinstance(server, Dovecot) else USER

    def make_folders(self) -> None:
        """Those that IT's configuration names, and Sent where the server makes none."""
        client = self.server.client(self.user)
        for folder in (DESK, SETTLED, "Sent"):
            if not client.folder_exists(name := self.server.name_of(folder)):
                client.create_folder(name)

    def deliver(self, raw: bytes, **how: object) -> None:
        self.server.deliver(self.user, raw, **how)  # type: ignore[arg-type]  # as `deliver` takes them

    def flags(self) -> list[dict[int, frozenset[str]]]:
        return [self.server.flags(self.user, folder) for folder in ("INBOX", DESK)]

    def mark_answered(self, number: int, folder: str) -> None:
        self.server.set_flags(self.user, self._uids(number, folder), ["\\Answered"], folder)

    def move(self, number: int, folder: str) -> None:
        """As programs do it where there is no MOVE."""
        uids = self._uids(number, "INBOX")
        client = self.server.client(self.user)
        client.select_folder("INBOX")
        client.copy(uids, self.server.name_of(folder))
        client.add_flags(uids, ["\\Deleted"])
        client.expunge()

    def _uids(self, number: int, folder: str) -> list[int]:
        """Where a letter lies."""
        client = self.server.client(self.user)
        client.select_folder(self.server.name_of(folder), readonly=True)
        uids: list[int] = client.search(["HEADER", "Message-ID", letter_id(number)])
        return uids


@pytest.fixture(params=SERVERS)
def mailbox(request: pytest.FixtureRequest) -> Iterator[Mailbox]:
    with SERVERS[request.param]() as server:
        mailbox = Mailbox(server)
        mailbox.make_folders()
        yield mailbox


@pytest.fixture
def service(mailbox: Mailbox, sqlite: Database, sink: Sink, a_service: Callable[[str], Service]) -> Service:
    keys = f'folders = ["INBOX", "{DESK}"]\nclosing_folders = ["{SETTLED}"]\n'
    return a_service(
        a_configuration(
            sqlite.configured,
            smtp_plain(sink.port),
            [an_imap_server_in_plain_text(mailbox.server.ports["IMAP"], poll="1s")],
            [a_watched_mailbox(username=mailbox.user, more=keys)],
        )
    )


def seen(service: Service) -> None:
    """Every folder, for the first time."""
    service.start()
    eventually(lambda: len(service.said("folder.first_seen")) == 4, "the first sight of every folder")


def test_the_main_job(mailbox: Mailbox, service: Service, sqlite: Database, sink: Sink) -> None:
    for number, flags in enumerate([(), ("\\Seen",), ("\\Flagged", "\\Answered")], start=101):
        mailbox.deliver(a_letter(number, sent_at=now()), flags=flags)
    seen(service)

    # Once, though a copy comes, and though nobody looks for a while; what was there is left alone.
    request = a_letter(1, sent_at=now())
    mailbox.deliver(request)
    mailbox.deliver(a_letter(2, sender=LOUIS, name="Louis Okafor", sent_at=now()), folder=DESK)
    eventually(lambda: len(service.said("acknowledgement.sent")) == 2, "both are acknowledged")
    service.stop()
    mailbox.deliver(request)
    mailbox.deliver(a_letter(3, sent_at=now(), subject="Autre chose"))
    before = mailbox.flags()
    service.start()
    eventually(lambda: len(service.said("acknowledgement.sent")) == 3, "what came meanwhile is acknowledged")
    assert sorted(letter.recipient for letter in sink.letters) == sorted([SOPHIE, SOPHIE, LOUIS])
    assert len({letter.message_id for letter in sink.letters}) == 3
    assert mailbox.flags() == before

    # Three ways in which people settle a request.
    answer = a_reply(11, letter_id(1), sender=INSCRIPTIONS, to=SOPHIE, text="Voici la liste.\n", sent_at=now())
    mailbox.deliver(answer, folder="Sent")
    mailbox.mark_answered(2, DESK)
    mailbox.move(3, SETTLED)
    expected = [State.ANSWERED, State.ANSWERED, State.CLOSED]
    eventually(lambda: sorted(request.state for request in sqlite.requests()) == expected, "all three are settled")
    service.stop()
    assert sqlite.inconsistencies() == []


def test_check_finds_nothing_to_mend(mailbox: Mailbox, service: Service) -> None:
    for folder in ("INBOX", DESK, SETTLED, "Sent"):
        mailbox.deliver(a_letter(1, sent_at=now()), folder=folder)

    done = service.command("check")

    assert done.returncode == 0, done.stdout
    assert "can be read (1 messages), and reading changes nothing" in done.stdout
    assert "not watched" not in done.stdout
    assert "answers are looked for in" in done.stdout
