"""What goes wrong around it: mailboxes that can't be read, a database at the wrong revision."""

import socket
from collections.abc import Callable

import pytest
from system.books import Database
from system.letters import INSCRIPTIONS, SOPHIE, a_letter, read
from system.service import Service, eventually
from system.town import Town, a_configuration, a_watched_mailbox, an_imap_server, now, smtp_with_login

pytestmark = pytest.mark.system

LIBRARY = "bibliotheque@cscmonavenir.example"  # behind a server that is dead
TRANSPORT = "transport@cscmonavenir.example"  # with a wrong password


def test_mailboxes_in_trouble_are_named_and_hold_up_no_other(
    town: Town, sqlite: Database, a_service: Callable[[str], Service]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and says nothing
        service = a_service(
            a_configuration(
                sqlite.configured,
                smtp_with_login(town),
                [
                    an_imap_server(town.dovecot),
                    an_imap_server(town.dovecot, name="dead", port=silent.getsockname()[1], timeout="1s"),
                ],
                [
                    a_watched_mailbox(LIBRARY, imap="dead"),
                    a_watched_mailbox(TRANSPORT, password="WRONG_PASSWORD"),
                    a_watched_mailbox(),
                ],
            )
        )
        service.start()
        eventually(lambda: service.said("folder.first_seen", mailbox=INSCRIPTIONS), "the good one is watched")
        town.submit(a_letter(sent_at=now()))
        eventually(lambda: town.mail_of(SOPHIE), "its requests are acknowledged")
        eventually(lambda: service.said("mailbox.trouble", mailbox=LIBRARY), "the dead server is noticed")
        eventually(lambda: service.said("mailbox.trouble", mailbox=TRANSPORT), "the wrong password is noticed")

        status = service.status()
        troubles = {mailbox["address"]: mailbox["trouble_code"] for mailbox in status["mailboxes"]}
        assert troubles == {INSCRIPTIONS: None, LIBRARY: "unavailable", TRANSPORT: "login-refused"}
        assert status["alive"] is True
        assert status["outbox"] == {"sent": 1}
        assert service.command("status", "--health").returncode == 0
        service.stop()
    assert read(town.mail_of(SOPHIE)[0]).headers.startswith("From: Service des inscriptions")
    assert sqlite.inconsistencies() == []


@pytest.fixture
def on_postgres(town: Town, postgres: Database, a_service: Callable[[str], Service]) -> Service:
    """A service on a PostgreSQL database without tables."""
    configuration = a_configuration(postgres.configured, smtp_with_login(town), [an_imap_server(town.dovecot)])
    return a_service(configuration)


def test_run_waits_for_a_postgresql_to_be_upgraded_and_names_the_command(on_postgres: Service) -> None:
    on_postgres.launch()
    awaited = eventually(lambda: on_postgres.said("schema.awaited"), "it waits")
    assert awaited[0]["text"] == "the database holds no mailwatch tables yet: `mailwatch db upgrade` makes them"
    health = on_postgres.command("status", "--health")
    assert health.returncode == 1
    assert "`mailwatch db upgrade`" in health.stderr
    assert on_postgres.command("db", "upgrade").returncode == 0
    eventually(lambda: on_postgres.said("service.started"), "it starts by itself")
    on_postgres.stop()


def test_run_that_waits_for_an_upgrade_ends_when_it_is_told_to(on_postgres: Service) -> None:
    on_postgres.launch()
    eventually(lambda: on_postgres.said("schema.awaited"), "it waits")
    on_postgres.stop()
    assert on_postgres.said("service.started") == []


def test_run_refuses_a_postgresql_of_a_newer_version(on_postgres: Service, postgres: Database) -> None:
    assert on_postgres.command("db", "upgrade").returncode == 0
    postgres.execute("UPDATE alembic_version SET version_num = '9999'")
    run = on_postgres.command("run")
    assert run.returncode == 1
    assert run.stderr.startswith("mailwatch: the database is at revision 9999, which this program doesn't know")
    assert "Traceback" not in run.stderr


def test_a_second_run_on_one_sqlite_file_is_refused(
    town: Town, sqlite: Database, a_service: Callable[[str], Service]
) -> None:
    service = a_service(a_configuration(sqlite.configured, smtp_with_login(town), [an_imap_server(town.dovecot)]))
    service.start()
    second = service.command("run")
    assert second.returncode == 2
    assert "another `mailwatch run` uses this database" in second.stderr
    service.stop()
