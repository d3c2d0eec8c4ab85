"""`mailwatch check` against real servers: each failure gets its sentence, with the remedy, in both languages."""

import asyncio
import itertools
import re
import socketserver
import sqlite3
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from builders import a_mailbox, raw_message
from cli.program import Done, Program, plain
from cli.towns import Town, a_town
from servers.dovecot import Dovecot
from servers.ports import free_ports
from servers.postfix import Postfix
from servers.postgres import Postgres
from servers.tls import make_certificate
from services.world import a_letter, a_world

from mailwatch.checkup.reading import AT_ONCE
from mailwatch.store import migration

USERS = [f"box{number:02}@example.test" for number in range(60)]


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    with Dovecot(users=USERS) as server:
        yield server


@pytest.fixture(scope="module")
def postfix(dovecot: Dovecot) -> Iterator[Postfix]:
    with Postfix(dovecot, mynetworks="127.0.0.2/32") as server:
        yield server


@pytest.fixture(scope="module")
def fresh_users() -> Iterator[str]:
    return iter(USERS)


@pytest.fixture
def town(dovecot: Dovecot, postfix: Postfix, fresh_users: Iterator[str]) -> Town:
    """A good configuration with one mailbox, which nobody has used."""
    return a_town(dovecot, postfix, next(fresh_users))


@pytest.fixture
def check(program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> "Check":
    return Check(program, monkeypatch, tmp_path)


class Check:
    """`check(town)`: the command on a town's configuration, its secrets in the environment."""

    def __init__(self, program: Program, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._program = program
        self._monkeypatch = monkeypatch
        self.folder = folder

    def __call__(self, town: Town, *options: str, lang: str = "en") -> Done:
        for name, value in town.secrets.items():
            self._monkeypatch.setenv(name, value)
        return self._program("check", *options, config=town.write(self.folder), lang=lang)

    def problems(self, town: Town, *options: str) -> tuple[list[str], list[str]]:
        """The problems in English and in French; the exit code says that there are some."""
        found = []
        for lang in ("en", "fr"):
            done = self(town, "--json", *options, lang=lang)
            assert (done.code, done.err) == (1, "")
            found.append([f"{f['about']}: {plain(f['text'])}" for f in done.objects() if f["level"] == "problem"])
        return found[0], found[1]


def matches(found: list[str], pattern: str) -> None:
    """There is one problem, and it says this."""
    assert len(found) == 1, found
    assert re.fullmatch(pattern, found[0]), found[0]


# --- all is well ------------------------------------------------------------------------------------------------------


def test_a_good_configuration_has_no_problem_and_nothing_is_changed(check: Check, town: Town, dovecot: Dovecot) -> None:
    (user,) = town.users
    for flags in ([], [], ["\\Seen"], ["\\Answered", "\\Flagged"]):
        dovecot.deliver(user, raw_message(to=user), flags=flags)
    before = dovecot.flags(user)
    done = check(town)
    assert (done.code, done.err) == (0, "")
    assert done.lines == [
        f"✓ database: `mailwatch run` will make {check.folder}/mailwatch.db",
        f"✓ [smtp] localhost:{town.smtp_port}: the server accepts the account, and mail from {user}",
        f"✓ {user}: INBOX can be read (4 messages), and reading changes nothing",
        f"✓ {user}: answers are looked for in Sent",
        "No problem found.",
    ]
    assert dovecot.flags(user) == before
    assert not (check.folder / "mailwatch.db").exists()


def test_a_good_configuration_in_french(check: Check, town: Town) -> None:
    done = check(town, lang="fr")
    assert done.code == 0
    assert done.lines == [
        f"✓ database: « mailwatch run » créera {check.folder}/mailwatch.db",
        f"✓ [smtp] localhost:{town.smtp_port}: le serveur accepte le compte, et le courrier de {town.users[0]}",
        f"✓ {town.users[0]}: INBOX peut être lu (0 messages), et la lecture n'y change rien",
        f"✓ {town.users[0]}: les réponses sont cherchées dans Sent",
        "Aucun problème.",
    ]


def test_json_has_a_level_a_subject_and_a_text(check: Check, town: Town) -> None:
    found = check(town, "--json").objects()
    assert [facts.keys() for facts in found] == [{"level", "about", "text"}] * 4
    assert {facts["level"] for facts in found} == {"ok"}


def test_a_database_that_is_there_is_opened(check: Check, town: Town) -> None:
    asyncio.run(migration.upgrade(f"sqlite+aiosqlite:///{check.folder}/mailwatch.db"))
    assert check(town).lines[0] == "✓ database: it answers, and its tables are this version's"


def test_a_database_that_everybody_may_read_is_a_warning(check: Check, town: Town) -> None:
    database = check.folder / "mailwatch.db"
    asyncio.run(migration.upgrade(f"sqlite+aiosqlite:///{database}"))
    assert not any(line.startswith("!") for line in check(town).lines)

    database.chmod(0o644)
    done = check(town)

    assert done.code == 0
    assert f"everybody on this machine may read {database}" in done.out


@pytest.mark.parametrize("more", ["", "[observing]\nobserve_copies = false\n"])
def test_whoever_could_forge_a_colleague_s_copy_is_told_of(check: Check, town: Town, more: str) -> None:
    done = check(town.but(authserv_id=(), more=more), "--json")

    told = [one["text"] for one in done.objects() if one["level"] == "warning"]
    assert done.code == 0
    assert [town.users[0] in text and "`authserv_id`" in text for text in told] == ([] if more else [True])


def test_what_is_not_acted_on_yet_is_a_warning(check: Check, town: Town) -> None:
    done = check(town.but(more="[retention]\n"), lang="fr")
    assert done.code == 0
    assert done.lines[0] == "! configuration: [retention] : compris, mais cette version n'en tient pas encore compte"


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_wrong_imap_password(check: Check, town: Town) -> None:
    english, french = check.problems(town.but(secrets={**town.secrets, "IMAP_PASSWORD": "wrong"}))
    user, port = town.users[0], town.imap_port
    matches(
        english,
        rf"{user}: localhost:{port} refuses the user name or the password of {user} \(.*AUTHENTICATIONFAILED.*\)\. "
        r"Check `username` and `password` of this mailbox; .*",
    )
    matches(
        french,
        rf"{user}: localhost:{port} refuse le nom ou le mot de passe de {user} \(.*AUTHENTICATIONFAILED.*\)\. "
        r"Vérifiez « username » et « password » de cette boîte ; .*",
    )


def test_an_unknown_imap_host(check: Check, town: Town) -> None:
    english, french = check.problems(town.but(imap_host="imap.nowhere.invalid"))
    about = f"[imap.main] imap.nowhere.invalid:{town.imap_port}"
    assert english == [
        f"{about}: the name imap.nowhere.invalid is unknown. Correct `host` in [imap.main], or the DNS of this machine."
    ]
    assert french == [
        f"{about}: le nom imap.nowhere.invalid est inconnu. Corrigez « host » dans [imap.main], ou le DNS de cette "
        "machine."
    ]


def test_a_port_where_nothing_listens(check: Check, town: Town) -> None:
    (port,) = free_ports(1)
    english, french = check.problems(town.but(imap_port=port))
    where = f"localhost:{port}"
    assert english == [
        f"[imap.main] {where}: nothing listens at {where}. Correct `port` in [imap.main], or start the server."
    ]
    assert french == [
        f"[imap.main] {where}: rien n'écoute à {where}. Corrigez « port » dans [imap.main], ou démarrez le serveur."
    ]


def test_tls_on_a_port_that_speaks_in_clear(check: Check, town: Town, dovecot: Dovecot) -> None:
    english, french = check.problems(town.but(imap_port=dovecot.ports["IMAP"]))
    matches(english, r".* takes the connection, and then it fails: .* Check `security` and `port` in \[imap\.main\]\.")
    matches(french, r".* accepte la connexion, puis elle échoue : .* Vérifiez « security » et « port » dans .*")


def test_a_folder_that_is_not_there(check: Check, town: Town) -> None:
    english, french = check.problems(town.but(folders=["INBOX", "Demandes"]))
    user = town.users[0]
    matches(
        english,
        rf"{user}: there is no folder Demandes, or this account may not read it\. Correct `folders`; "
        r"the server has: .*INBOX.*",
    )
    matches(
        french, rf"{user}: le dossier Demandes n'existe pas, .* Corrigez « folders » ; le serveur offre : .*INBOX.*"
    )


def test_a_folder_with_mail_that_is_not_watched_is_a_warning(check: Check, town: Town, dovecot: Dovecot) -> None:
    user = town.users[0]
    for folder in ("Web", "Sent", "Deleted Items"):  # the last one isn't announced as special
        dovecot.deliver(user, raw_message(), folder=folder)
    for lang, expected in (
        ("en", "not watched, though they hold mail: Web. If rules file new mail there, add them to `folders`."),
        (
            "fr",
            "non surveillés, bien qu'ils contiennent du courrier : Web. Si des règles y classent du nouveau courrier, "
            "ajoutez-les à « folders ».",
        ),
    ):
        done = check(town, lang=lang)
        assert done.code == 0
        assert f"! {user}: {expected}" in done.lines


def test_folders_that_settle_requests_must_be_there_and_are_no_unwatched_ones(
    check: Check, town: Town, dovecot: Dovecot
) -> None:
    user = town.users[0]
    dovecot.deliver(user, raw_message(), folder="Fait")
    settling = town.but(more='closing_folders = ["Fait"]\nset_aside_folders = ["Autre"]')
    english, french = check.problems(settling)
    matches(english, rf"{user}: there is no folder Autre, .* Create it, or correct `set_aside_folders`; .*Fait.*")
    matches(french, rf"{user}: le dossier Autre n'existe pas, .* corrigez « set_aside_folders » ; .*Fait.*")
    assert not any("Fait. " in line for line in check(settling).lines if line.startswith("!"))


def test_of_an_account_whose_sent_folder_alone_is_read_nothing_else_is_inspected(
    check: Check, town: Town, dovecot: Dovecot
) -> None:
    user = town.users[0]
    dovecot.deliver(user, raw_message(), folder="Web")
    second = '[[mailbox]]\naddress = "accueil@example.test"\nkind = "shared"\nimap = "main"\nenabled = false\n'
    done = check(town.but(more=f'observe_sent = "only"\n{second}password = {{ env = "IMAP_PASSWORD" }}'))
    assert [line for line in done.lines if user in line and "smtp" not in line] == [
        f"✓ {user}: answers are looked for in Sent"
    ]


def test_what_is_wrong_with_a_server_is_said_once(check: Check, town: Town) -> None:
    english, _ = check.problems(town.but(users=USERS[-12:], imap_port=free_ports(1)[0]))
    matches(english, r"\[imap\.main\] .*nothing listens.*")


def test_a_server_that_is_down_is_not_tried_for_each_of_its_mailboxes(check: Check, town: Town) -> None:
    class HangsUp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            calls.append(self.client_address)

    calls: list[object] = []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), HangsUp) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        done = check(town.but(users=USERS[-40:], imap_host="127.0.0.1", imap_port=server.server_address[1]))
        server.shutdown()
    assert done.code == 1
    assert len([line for line in done.lines if line.startswith("✗")]) == 1
    assert 0 < len(calls) <= 2 * AT_ONCE  # each try is repeated once, to find out why


def test_one_bad_mailbox_does_not_hide_the_others(check: Check, town: Town, dovecot: Dovecot) -> None:
    good, bad = town.users[0], "nobody@example.test"
    done = check(town.but(users=[good, bad]))
    assert done.code == 1
    assert any(line.startswith(f"✗ {bad}: ") for line in done.lines)
    assert f"✓ {good}: INBOX can be read (0 messages), and reading changes nothing" in done.lines
    assert done.lines[-1] == "Problems: 1."


# --- certificates -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def expired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Servers whose certificate was good until yesterday."""
    certificate = make_certificate(tmp_path_factory.mktemp("expired"), expires=timedelta(days=-1))
    with Dovecot(users=USERS, certificate=certificate) as dovecot, Postfix(dovecot) as postfix:
        yield a_town(dovecot, postfix, USERS[0])


def test_an_expired_certificate(check: Check, expired: Town) -> None:
    english, french = check.problems(expired)
    smtp, imap = f"localhost:{expired.smtp_port}", f"localhost:{expired.imap_port}"
    assert english == [
        f"[smtp] {smtp}: the certificate of {smtp} has expired. Have whoever runs the server renew it.",
        f"[imap.main] {imap}: the certificate of {imap} has expired. Have whoever runs the server renew it.",
    ]
    assert french == [
        f"[smtp] {smtp}: le certificat de {smtp} est expiré. Faites-le renouveler par l'exploitant du serveur.",
        f"[imap.main] {imap}: le certificat de {imap} est expiré. Faites-le renouveler par l'exploitant du serveur.",
    ]


def test_an_authority_that_nobody_knows(check: Check, town: Town) -> None:
    english, french = check.problems(town.but(ca_file=None))
    assert [("authority" in text, "`ca_file`" in text) for text in english] == [(True, True)] * 2
    assert [("autorité" in text, "« ca_file »" in text) for text in french] == [(True, True)] * 2


def test_a_certificate_of_another_name(check: Check, town: Town) -> None:
    english, french = check.problems(town.but(imap_host="127.1", smtp_host="127.1"))  # the same machine
    assert ["is made out to another name. Write that name as `host` in" in text for text in english] == [True, True]
    assert ["est établi à un autre nom. Inscrivez ce nom comme « host » dans" in text for text in french] == [True] * 2


def test_a_ca_file_that_holds_no_certificate(check: Check, town: Town) -> None:
    rubbish = check.folder / "ca.pem"
    rubbish.write_text("rien")
    english, french = check.problems(town.but(ca_file=rubbish))
    assert len(english) == 2
    assert all(f"{rubbish} can't be used as `ca_file`" in text for text in english)
    assert all(f"{rubbish} ne peut servir de « ca_file »" in text for text in french)


# --- sending ----------------------------------------------------------------------------------------------------------


def test_a_wrong_smtp_password(check: Check, town: Town) -> None:
    english, french = check.problems(town.but(secrets={**town.secrets, "SMTP_PASSWORD": "wrong"}))
    about = rf"\[smtp\] localhost:{town.smtp_port}"
    matches(
        english, rf"{about}: the server refuses the account: 535 .*\. Check `username` and `password` in \[smtp\].*"
    )
    matches(french, rf"{about}: le serveur refuse le compte : 535 .*\. Vérifiez « username » et « password » dans .*")


def test_an_smtp_server_that_is_down(check: Check, town: Town) -> None:
    (port,) = free_ports(1)
    english, french = check.problems(town.but(smtp_port=port))
    where = f"localhost:{port}"
    assert english == [f"[smtp] {where}: nothing listens at {where}. Correct `port` in [smtp], or start the server."]
    assert french == [
        f"[smtp] {where}: rien n'écoute à {where}. Corrigez « port » dans [smtp], ou démarrez le serveur."
    ]


def test_an_unknown_smtp_host(check: Check, town: Town) -> None:
    english, french = check.problems(town.but(smtp_host="smtp.nowhere.invalid"))
    matches(english, r".*: the name smtp\.nowhere\.invalid is unknown\. Correct `host` in \[smtp\], .*")
    matches(french, r".*: le nom smtp\.nowhere\.invalid est inconnu\. Corrigez « host » dans \[smtp\], .*")


def test_a_sample_is_delivered_from_each_mailbox(
    check: Check, town: Town, dovecot: Dovecot, fresh_users: Iterator[str]
) -> None:
    senders, recipient = [*town.users, next(fresh_users)], next(fresh_users)
    done = check(town.but(users=senders), f"--send-test={recipient}")
    assert done.code == 0
    told = [line for line in done.lines if "a sample acknowledgement from" in line]
    assert len(told) == 2
    letters = delivered(dovecot, recipient, len(senders))
    for sender, line in zip(senders, told, strict=True):
        assert f"from {sender} (envelope {sender}) went to {recipient}" in line
        (letter,) = (text for text in letters if f"<{sender}>" in text)
        assert "Auto-Submitted: auto-replied" in letter
        assert line.rpartition(" ")[2] in letter  # its Message-ID, as it was told


def delivered(dovecot: Dovecot, user: str, count: int) -> list[str]:
    """The messages that a user has, once there are so many: the server announces them."""
    client = dovecot.client(user)
    client.select_folder("INBOX")
    while len(found := client.search()) < count:
        client.idle()
        client.idle_check(timeout=10)
        client.idle_done()
    return [item[b"BODY[]"].decode() for item in client.fetch(found, ["BODY.PEEK[]"]).values()]


def test_a_sample_that_is_refused(check: Check, town: Town) -> None:
    english, french = check.problems(town, "--send-test=nobody@elsewhere.example")
    user = town.users[0]
    matches(english, rf".*: the sample from {user} to nobody@elsewhere\.example wasn't taken: 5\d\d .* Correct the .*")
    matches(french, rf".*: l'exemple de {user} à nobody@elsewhere\.example n'a pas été accepté : 5\d\d .*")


# --- secrets, templates -----------------------------------------------------------------------------------------------


def test_secrets_that_are_missing(check: Check, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in town.secrets:
        monkeypatch.delenv(name, raising=False)
    english, french = check.problems(town.but(secrets={}))
    path, port, user = check.folder / "mailwatch.toml", town.smtp_port, town.users[0]
    assert [re.sub(r"\.toml:\d+", ".toml:N", text) for text in english] == [
        f"[smtp] localhost:{port}: {path}:N: smtp.password: the environment variable SMTP_PASSWORD isn't set; set it "
        "for the user that runs mailwatch",
        f"{user}: {path}:N: mailbox[1].password: the environment variable IMAP_PASSWORD isn't set; set it for the user "
        "that runs mailwatch",
    ]
    assert [re.sub(r"\.toml:\d+", ".toml:N", text) for text in french] == [
        f"[smtp] localhost:{port}: {path}:N: smtp.password : la variable d'environnement SMTP_PASSWORD n'est pas "
        "définie, ou elle est vide. Définissez-la pour l'utilisateur qui exécute mailwatch.",
        f"{user}: {path}:N: mailbox[1].password : la variable d'environnement IMAP_PASSWORD n'est pas définie, ou elle "
        "est vide. Définissez-la pour l'utilisateur qui exécute mailwatch.",
    ]


def test_a_template_of_the_operator_that_fails(check: Check, town: Town) -> None:
    (check.folder / "mine/fr").mkdir(parents=True)
    (check.folder / "mine/fr/acknowledgement.txt").write_text("Bonjour {{ prenom }}, {{ reference }}")
    english, french = check.problems(town.but(more='[templates]\nfolder = "mine"\n'))
    fault = r"fr/acknowledgement\.txt: UndefinedError: 'prenom' is undefined\..*"
    matches(english, rf"templates: {fault} our own wording is sent instead\.")
    matches(french, rf"templates: un de vos modèles est à corriger ; d'ici là, le nôtre est envoyé\. .* : {fault}")


def test_templates_of_the_operator_that_work(check: Check, town: Town) -> None:
    (check.folder / "mine/fr").mkdir(parents=True)
    (check.folder / "mine/fr/acknowledgement.subject.txt").write_text("Reçu : {{ reference }}")
    assert "✓ templates: your own templates render" in check(town.but(more='[templates]\nfolder = "mine"\n')).lines


# --- the database -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


def test_a_postgresql_database_without_tables(check: Check, town: Town, postgres: Postgres) -> None:
    name = asyncio.run(postgres.create())
    english, french = check.problems(town.but(database=postgres.url(name, driver="postgresql")))
    assert english == ["database: the database holds no mailwatch tables yet: `mailwatch db upgrade` makes them"]
    assert french == [
        "database: la base ne contient pas encore les tables de mailwatch : « mailwatch db upgrade » les crée."
    ]


def test_a_postgresql_database_of_another_version(check: Check, town: Town, postgres: Postgres) -> None:
    name = asyncio.run(postgres.create())
    asyncio.run(migration.upgrade(postgres.url(name)))
    asyncio.run(postgres.execute("UPDATE alembic_version SET version_num = '9999'", name))
    english, french = check.problems(town.but(database=postgres.url(name, driver="postgresql")))
    matches(english, r"database: the database is at revision 9999, .* install the newer mailwatch again")
    matches(french, r"database: la base est à la révision 9999, .* réinstallez la version plus récente de mailwatch\.")


def test_a_postgresql_server_that_is_down(check: Check, town: Town) -> None:
    english, french = check.problems(town.but(database=f"postgresql://app@127.0.0.1:{free_ports(1)[0]}/mailwatch"))
    matches(english, r"database: .* Check `url` in \[database\], that the server runs, .*")
    matches(french, r"database: .* Vérifiez « url » dans \[database\], que le serveur fonctionne .*")


def test_a_file_that_is_no_database(check: Check, town: Town) -> None:
    (check.folder / "mailwatch.db").write_bytes(b"Not at all what SQLite writes. " * 200)
    english, french = check.problems(town.but(database="sqlite:///mailwatch.db"))
    matches(
        english, rf"database: {check.folder}/mailwatch\.db: file is not a database\. Check that `url` .* own file, .*"
    )
    matches(french, rf"database: {check.folder}/mailwatch\.db : .* nomme le fichier de mailwatch, .*")


def test_a_folder_in_the_place_of_the_database(check: Check, town: Town) -> None:
    (check.folder / "mailwatch.db").mkdir()
    english, french = check.problems(town.but(database="sqlite:///mailwatch.db"))
    matches(english, rf"database: {check.folder}/mailwatch\.db is a folder: .*")
    matches(french, rf"database: {check.folder}/mailwatch\.db est un dossier : .*")


def test_a_folder_for_the_database_that_is_not_there(check: Check, town: Town) -> None:
    english, french = check.problems(town.but(database="sqlite:///none/mailwatch.db"))
    matches(english, rf"database: {check.folder}/none isn't there, or can't be written to\. Make it, .*")
    matches(french, rf"database: {check.folder}/none n'existe pas, ou n'admet pas l'écriture\. Créez-le, .*")


def test_data_without_a_database(check: Check, town: Town) -> None:
    english, french = check.problems(town, "--data")
    matches(english, r"database: .*mailwatch\.db: there is no database yet\. `mailwatch run` makes it\.")
    matches(french, r"database: .*mailwatch\.db : il n'y a pas encore de base de données\. .*")


async def record_a_request(folder: Path) -> None:
    """A database, world.db, with one request."""
    async with a_world(folder, a_mailbox()) as world:
        await world.look()
        world.arrive(a_letter())
        await world.look()


def test_data_that_keeps_every_invariant(check: Check, town: Town) -> None:
    asyncio.run(record_a_request(check.folder))
    town = town.but(database="sqlite:///world.db", secrets={})  # no server is asked, so no secret is needed
    assert check(town, "--data").lines == ["✓ data: every invariant holds", "No problem found."]
    assert check(town, "--data", lang="fr").lines == [
        "✓ data: tous les invariants sont respectés",
        "Aucun problème.",
    ]


def test_data_with_an_inconsistency_names_it(check: Check, town: Town) -> None:
    asyncio.run(record_a_request(check.folder))
    with sqlite3.connect(check.folder / "world.db") as database:
        ((reference,),) = database.execute("SELECT reference FROM request").fetchall()
        database.execute("UPDATE request SET state = 'acknowledged', acknowledged_at = received_at")
    database.close()
    english, french = check.problems(town.but(database="sqlite:///world.db"), "--data")
    assert len(english) == len(french) >= 1
    assert any(reference in text or "request" in text for text in english)
    assert all(text.startswith("data: incohérence : ") for text in french)


def test_every_sentence_has_its_french(check: Check, town: Town) -> None:
    """Problems of all kinds at once: no English word of ours is left in the French ones."""
    towns = itertools.chain(
        [town.but(imap_host="imap.nowhere.invalid", smtp_host="smtp.nowhere.invalid")],
        [town.but(folders=["Rien"], database="sqlite:///none/x.db")],
    )
    for each in towns:
        for text in check.problems(each)[1]:
            assert not re.search(r"\b(the|check|correct|server|unknown|isn't)\b", text, re.IGNORECASE), text
