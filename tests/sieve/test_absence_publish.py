"""`mailwatch absence publish` on a real Pigeonhole: configuration in, answers out; one mailbox holds up no other."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cli.program import Done, Program, own_logs, plain
from sieve.post import Post, words_of

from mailwatch.cli.absence_publish_words import INCLUDE
from mailwatch.services.publish import SCRIPT

TODAY = datetime.now(UTC).date()  # the mailboxes are in UTC
GONE = "parti@example.test"

HEAD = """\
[organisation]
name = "Conseil scolaire"
timezone = "UTC"
[calendar]
hours = ["08:30-16:30"]
[smtp]
host = "localhost"
[imap.main]
host = "imap.example.test"
sieve_host = "localhost"
sieve_port = {port}
ca_file = "{ca_file}"
timeout = "5s"
[[people]]
email = "paul.roy@example.test"
name = "Paul Roy"
phone = "poste 2211"
"""
MAILBOX = """\
[[mailbox]]
address = "{address}"
name = {{ fr = "Service des inscriptions", en = "Admissions" }}
kind = "shared"
imap = "main"
password = {{ env = "{secret}" }}
owners = ["paul.roy@example.test"]
notice = "sieve"
"""
ABSENCE = """\
[[absence]]
who = "{who}"
away_from = {away_from}
returns_on = {returns_on}
delegate = "paul.roy@example.test"
"""

Publish = Callable[..., Done]


@pytest.fixture(autouse=True)
def _own_logs() -> Iterator[None]:
    with own_logs():
        yield


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    monkeypatch.setenv("PASSWORD", "pw")
    monkeypatch.setenv("WRONG_PASSWORD", "wrong")
    return Program(monkeypatch, capsys)


@pytest.fixture
def publish(program: Program, post: Post, tmp_path: Path) -> Publish:
    """`mailwatch absence publish` for `post`, who is away from the first to before the second of `days` from today."""

    def call(*arguments: str, days: tuple[int, int] | None = (-1, 2), first: str = "", lang: str = "") -> Done:
        path = tmp_path / "mailwatch.toml"
        text = HEAD.format(port=post.server.ports["SIEVE"], ca_file=post.server.ca_file) + first
        text += MAILBOX.format(address=post.user, secret="PASSWORD")
        if days is not None:
            begins, returns = (TODAY + timedelta(days=each) for each in days)
            text += ABSENCE.format(who=post.user, away_from=begins, returns_on=returns)
        path.write_text(text, "utf-8")
        if not (tmp_path / "mailwatch.db").exists():
            assert program("db", "upgrade", config=path).code == 0
        return program("absence", "publish", *arguments, config=path, lang=lang)

    return call


def test_an_absence_is_answered_by_the_server_until_it_is_withdrawn(publish: Publish, post: Post) -> None:
    done = publish()

    assert (done.code, done.err) == (0, "")
    assert done.lines[0].startswith(f"✓ {post.user}: published: the server answers from {TODAY - timedelta(days=1)}, ")
    [answer] = post.write()
    words = words_of(answer)
    assert "Paul Roy" in words
    assert "poste 2211" in words
    assert words.index("The English version follows.") < words.index("Bonjour,") < words.index("Hello,")

    assert "published already" in publish().out
    assert "withdrawn" in publish("--withdraw").out
    assert post.write() == []
    done = publish("--withdraw")
    assert (done.code, "nothing to do" in done.out) == (0, True)


def test_an_absence_that_was_recorded_is_published_too(
    program: Program, publish: Publish, post: Post, tmp_path: Path
) -> None:
    publish(days=None)
    until = str(TODAY + timedelta(days=2))
    added = program(
        "absence", "add", post.user, "--from", str(TODAY), "--until", until, config=tmp_path / "mailwatch.toml"
    )
    assert added.code == 0, added.err

    assert "published: " in publish(days=None).out
    assert len(post.write()) == 1


def test_an_absence_to_come_is_published_and_answers_nothing_yet(publish: Publish, post: Post) -> None:
    assert "published: " in publish(days=(2, 4)).out
    assert (post.active(), post.write()) == (SCRIPT, [])


@pytest.mark.parametrize("days", [None, (-3, 0)])
def test_without_an_absence_what_was_published_is_withdrawn(
    publish: Publish, post: Post, days: tuple[int, int] | None
) -> None:
    publish()

    done = publish(days=days)

    assert (done.code, "withdrawn" in done.out) == (0, True)
    assert post.active() == ""


def test_a_dry_run_shows_the_script_and_stores_nothing(publish: Publish, post: Post) -> None:
    done = publish("--dry-run")

    assert done.code == 0
    assert f'currentdate :zone "+0000" :value "ge" "iso8601" "{TODAY - timedelta(days=1)}T00:00:00"' in done.out
    [facts] = publish("--dry-run", "--json").objects()
    assert facts["mailbox"] == post.user
    assert facts["script"].startswith("# mailwatch sha256:")
    assert not (post.home / "sieve").exists()


def test_a_person_s_script_is_left_alone_and_the_remedy_works(publish: Publish, post: Post) -> None:
    async def have(text: str) -> None:
        async with post.session() as scripts:
            await scripts.put_script("moi", text)
            await scripts.set_active("moi")

    asyncio.run(have("keep;\n"))
    done = publish()
    assert (done.code, INCLUDE in done.out, '"moi" is active' in done.out) == (1, True, True)
    assert (post.script("moi"), post.write()) == (b"keep;\r\n", [])

    asyncio.run(have(f"{INCLUDE}\n"))
    done = publish()
    assert (done.code, len(post.write())) == (0, 1)


def test_one_mailbox_that_fails_holds_up_no_other(publish: Publish, post: Post) -> None:
    first = MAILBOX.format(address=GONE, secret="WRONG_PASSWORD") + MAILBOX.format(
        address="sans@example.test", secret="NOT_SET"
    )

    done = publish("--json", first=first)

    assert done.code == 1
    facts = {each["mailbox"]: (each["outcome"], each["reason"]) for each in done.objects()}
    assert facts == {
        GONE: ("failed", "LoginRefused"),
        "sans@example.test": ("failed", "ConfigurationError"),
        post.user: ("published", ""),
    }
    assert len(post.write()) == 1


def test_only_the_mailboxes_named_are_published(publish: Publish, post: Post) -> None:
    first = MAILBOX.format(address=GONE, secret="WRONG_PASSWORD")

    assert [each["mailbox"] for each in publish("--mailbox", post.user, "--json", first=first).objects()] == [post.user]
    assert publish("--mailbox", GONE, first=first).code == 1
    done = publish("--mailbox", "x@example.org")
    assert (done.code, post.user in done.err) == (2, True)


def test_a_refusal_is_told_in_french_with_the_remedy(publish: Publish, post: Post) -> None:
    publish()
    edited = post.script(SCRIPT) + b"# x\r\n"
    (post.home / "sieve" / f"{SCRIPT}.sieve").write_bytes(edited)

    done = publish(lang="fr")

    assert done.code == 1
    assert f"notre script « {SCRIPT} » a été modifié à la main" in plain(done.out)
    assert post.script(SCRIPT) == edited
    assert publish("--force").code == 0
