"""Notices on a real Pigeonhole: what it answers, and that a person's own scripts survive whatever we do."""

import shutil
from collections.abc import Iterator
from datetime import timedelta

import pytest
from servers.dovecot import Dovecot
from sieve.post import HOUR, OWN_SCRIPT, Post, words_of
from system.sink import Sink

from mailwatch.domain.absences import Audience
from mailwatch.services.publish import SCRIPT, Publication, PublicationKind, Refusal, WantedScript, publish, withdraw
from mailwatch.sieve.script import compose_empty_script

PUBLISHED = Publication(PublicationKind.PUBLISHED)
UNCHANGED = Publication(PublicationKind.UNCHANGED)
WITHDRAWN = Publication(PublicationKind.WITHDRAWN)
NOTHING = Publication(PublicationKind.NOTHING)

EMPTY = compose_empty_script()
INCLUDING = f'require ["include"];\r\ninclude :personal :optional "{SCRIPT}";\r\n'
EDITED = "# and a line by hand\n"


def refused(refusal: Refusal, detail: str = "") -> Publication:
    return Publication(PublicationKind.REFUSED, refusal, detail)


async def give_own_script(post: Post, text: str = OWN_SCRIPT, name: str = "moi") -> None:
    """What a person does in their webmail."""
    async with post.session() as scripts:
        await scripts.put_script(name, text.replace("\r\n", "\n"))
        await scripts.set_active(name)


async def edit_ours(post: Post, *, is_active: bool = True) -> bytes:
    """What a person does who finds our script and changes it."""
    async with post.session() as scripts:
        await scripts.put_script(SCRIPT, post.wanted().text + EDITED)
        await scripts.set_active(SCRIPT if is_active else "")
    return post.script(SCRIPT)


# --- what is answered -----------------------------------------------------------------------------------------------


async def test_the_server_answers_each_correspondent_once(post: Post) -> None:
    async with post.session() as scripts:
        assert await publish(scripts, post.wanted()) == PUBLISHED

    [answer], again, [other] = post.write("a@example.org"), post.write("a@example.org"), post.write("b@example.org")

    assert again == []
    assert (answer["Subject"], answer["Auto-Submitted"]) == ("Absence : Marie", "auto-replied (vacation)")
    assert answer["In-Reply-To"] == "<q@example.org>"
    assert words_of(answer) == words_of(other) == "De retour lundi.\n"


@pytest.mark.parametrize(
    ("since", "until", "answers"),
    [
        (timedelta(minutes=-1), HOUR, 1),
        (-HOUR, timedelta(minutes=1), 1),
        (-HOUR, None, 1),
        (timedelta(minutes=1), HOUR, 0),
        (timedelta(minutes=1), None, 0),
        (-HOUR, timedelta(minutes=-1), 0),
    ],
)
async def test_it_answers_during_the_absence_only(
    post: Post, since: timedelta, until: timedelta | None, answers: int
) -> None:
    async with post.session() as scripts:
        await publish(scripts, post.wanted(since=since, until=until))

    assert len(post.write()) == answers


async def test_a_changed_text_is_told_to_those_who_know_the_old_one(post: Post) -> None:
    async with post.session() as scripts:
        await publish(scripts, post.wanted())
        post.write("a@example.org")

        assert await publish(scripts, post.wanted(text="De retour mardi.\n")) == PUBLISHED

    [answer] = post.write("a@example.org")
    assert words_of(answer) == "De retour mardi.\n"


async def test_mail_to_an_alias_is_answered_and_mail_that_names_no_address_of_ours_is_not(post: Post) -> None:
    async with post.session() as scripts:
        await publish(scripts, post.wanted(addresses=(post.user, "ecole@example.test")))

    assert len(post.write(to="ecole@example.test")) == 1
    assert post.write(to="liste@example.net") == []


@pytest.mark.parametrize(
    ("audience", "inside", "outside"), [(Audience.ALL, 1, 1), (Audience.INTERNAL, 1, 0), (Audience.EXTERNAL, 0, 1)]
)
async def test_only_the_audience_is_answered(post: Post, audience: Audience, inside: int, outside: int) -> None:
    async with post.session() as scripts:
        await publish(scripts, post.wanted(audience=audience, internal_domains=("board.example",)))

    assert len(post.write("luc@board.example")) == len(post.write("luc@school.board.example")) == inside
    assert len(post.write("luc@otherboard.example")) == outside


# --- again, and never mind ------------------------------------------------------------------------------------------


async def test_publishing_again_changes_nothing(post: Post) -> None:
    wanted = post.wanted()
    async with post.session() as scripts:
        await publish(scripts, wanted)
        before = (post.home / "sieve" / f"{SCRIPT}.sieve").stat().st_mtime_ns

        assert await publish(scripts, wanted) == UNCHANGED

    assert (post.home / "sieve" / f"{SCRIPT}.sieve").stat().st_mtime_ns == before


async def test_what_is_withdrawn_answers_no_more_and_leaves_nothing(post: Post) -> None:
    async with post.session() as scripts:
        await publish(scripts, post.wanted())

        assert await withdraw(scripts, EMPTY) == WITHDRAWN
        assert await scripts.list_scripts() == {}
        assert await withdraw(scripts, EMPTY) == NOTHING

    assert (post.write(), post.active()) == ([], "")


async def test_ours_left_inactive_is_made_active_again(post: Post) -> None:
    wanted = post.wanted()
    async with post.session() as scripts:
        await publish(scripts, wanted)
        await scripts.set_active("")

        assert await publish(scripts, wanted) == PUBLISHED

    assert len(post.write()) == 1


# --- a person's own script ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("force", [False, True])
async def test_a_person_s_script_stays_the_active_one_byte_for_byte(post: Post, force: bool) -> None:
    await give_own_script(post)

    async with post.session() as scripts:
        for _ in range(2):
            published = await publish(scripts, post.wanted(), force=force)

            assert published == refused(Refusal.ANOTHER_ACTIVE, "moi")
            assert (post.active(), post.script("moi").decode()) == ("moi", OWN_SCRIPT)
            assert post.write() == []
        assert await withdraw(scripts, EMPTY, force=force) == WITHDRAWN

        assert await scripts.list_scripts() == {"moi": True}
    assert post.script("moi").decode() == OWN_SCRIPT


async def test_a_person_s_script_that_includes_ours_answers_and_is_never_broken(post: Post) -> None:
    wanted = post.wanted()
    await give_own_script(post, INCLUDING)

    async with post.session() as scripts:
        assert await publish(scripts, wanted) == PUBLISHED
        assert await publish(scripts, wanted) == UNCHANGED
        assert len(post.write()) == 1

        assert await withdraw(scripts, EMPTY) == WITHDRAWN
        assert await withdraw(scripts, EMPTY) == NOTHING
        assert post.write() == []
        assert await scripts.list_scripts() == {"moi": True, SCRIPT: False}

        assert await publish(scripts, wanted) == PUBLISHED
        assert len(post.write()) == 1
    assert post.script("moi").decode() == INCLUDING


@pytest.mark.parametrize(("text", "answers"), [(OWN_SCRIPT, 0), (INCLUDING, 1)])
async def test_a_script_put_in_place_by_hand_which_the_server_does_not_list_is_active_again(
    post: Post, text: str, answers: int
) -> None:
    """Dovecot moves ~/.dovecot.sieve aside when another script becomes the active one."""
    post.write()  # the first delivery makes the folder
    by_hand = post.home / ".dovecot.sieve"
    by_hand.write_bytes(text.encode())
    shutil.chown(by_hand, "nobody", "nogroup")

    async with post.session() as scripts:
        published = await publish(scripts, post.wanted())

    assert published == (PUBLISHED if answers else refused(Refusal.ANOTHER_ACTIVE, "dovecot.orig"))
    assert by_hand.read_bytes().decode() == text
    assert len(post.write()) == answers


async def test_a_script_that_only_has_our_name_is_never_touched(post: Post) -> None:
    await give_own_script(post, name=SCRIPT)

    async with post.session() as scripts:
        assert await publish(scripts, post.wanted(), force=True) == refused(Refusal.NAME_TAKEN)
        assert await withdraw(scripts, EMPTY, force=True) == NOTHING

    assert (post.active(), post.script(SCRIPT).decode()) == (SCRIPT, OWN_SCRIPT)


async def test_ours_edited_by_hand_is_kept_until_it_is_forced(post: Post) -> None:
    edited = await edit_ours(post)

    async with post.session() as scripts:
        assert await publish(scripts, post.wanted()) == refused(Refusal.EDITED)
        assert await withdraw(scripts, EMPTY) == refused(Refusal.EDITED)
        assert (post.active(), post.script(SCRIPT)) == (SCRIPT, edited)

        assert await publish(scripts, post.wanted(), force=True) == PUBLISHED
    assert post.script(SCRIPT) != edited


async def test_ours_edited_by_hand_is_withdrawn_when_it_is_forced(post: Post) -> None:
    await edit_ours(post, is_active=False)

    async with post.session() as scripts:
        assert await withdraw(scripts, EMPTY, force=True) == WITHDRAWN
        assert await scripts.list_scripts() == {}


# --- what servers refuse --------------------------------------------------------------------------------------------


async def test_a_full_account_is_told_and_what_was_published_goes_on(post: Post) -> None:
    async with post.session() as scripts:
        await publish(scripts, post.wanted())
        room = 100 * 1024 - len(post.script(SCRIPT))
        await scripts.put_script("plein", "#" * (room - 100) + "\n")

        published = await publish(scripts, post.wanted(text="x" * 500))

    assert (published.kind, published.refusal) == (PublicationKind.REFUSED, Refusal.QUOTA)
    assert "quota" in published.detail
    [answer] = post.write()
    assert words_of(answer) == "De retour lundi.\n"


async def test_a_script_that_the_server_cannot_compile_is_told_with_its_words(post: Post) -> None:
    async with post.session() as scripts:
        published = await publish(scripts, WantedScript(text="bonjour;\n", extensions=frozenset()))

    assert (published.kind, published.refusal) == (PublicationKind.REFUSED, Refusal.SCRIPT_REFUSED)
    assert "unknown command 'bonjour'" in published.detail
    assert post.write() == []


@pytest.fixture
def without_dates(sink: Sink) -> Iterator[Post]:
    extra = "plugin {\n  sieve_extensions = -date -relational\n}\n"
    with Dovecot(sieve_answers_to=sink.port, extra=extra) as server:
        yield Post(server, sink, server.users[0])


async def test_a_server_that_knows_no_dates_is_told_before_anything_is_stored(without_dates: Post) -> None:
    async with without_dates.session() as scripts:
        published = await publish(scripts, without_dates.wanted())

        assert published == refused(Refusal.EXTENSIONS_MISSING, "date, relational")
        assert await scripts.list_scripts() == {}
