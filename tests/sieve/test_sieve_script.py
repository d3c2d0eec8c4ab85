"""The text of scripts: any words survive, and ours is known as ours."""

import re
from datetime import UTC, datetime

import pytest
from builders import MARIE
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sieve.post import Post, words_of

from mailwatch.domain.server_notices import ServerNotice
from mailwatch.ports.scripts import Origin
from mailwatch.services.publish import PublicationKind, publish
from mailwatch.sieve.script import compose_empty_script, compose_script, read_script

START, END = datetime(2026, 12, 7, 5, tzinfo=UTC), datetime(2026, 12, 14, 5, tzinfo=UTC)

letters = st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from('\n\t"\\${}.#*/;')
texts = st.text(letters, max_size=300)
subjects = st.text(letters, max_size=200)  # Pigeonhole cuts them after 256 characters


def a_notice(**fields: object) -> ServerNotice:
    defaults = {"addresses": (MARIE,), "start": START, "end": END, "subject": "Absence", "text": "Bonjour"}
    return ServerNotice(**(defaults | fields))  # type: ignore[arg-type]  # a builder


# --- words ----------------------------------------------------------------------------------------------------------


@given(subjects, texts)
@example("", ".\n..\n.leading\n")
@example("${hex:41} ${x}", 'text:\n.\n"; stop; vacation "x\\')
@example('"; discard; #', 'x";\ndiscard;\n/*')
@example("0\t0", "")
@example("é" * 200, "’ « é » 🙂 \u2028 \ufeff")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_any_text_arrives_as_it_was_written(post: Post, subject: str, text: str) -> None:
    async with post.session() as scripts:
        published = await publish(scripts, post.wanted(subject=subject, text=text))

    assert published.kind in (PublicationKind.PUBLISHED, PublicationKind.UNCHANGED)
    [answer] = post.write()
    assert words_of(answer) == text.rstrip() + "\n"
    if subject.strip():  # without one, Pigeonhole writes one of its own
        assert "".join(answer["Subject"].split()) == "".join(subject.split())


@given(subjects, texts)
def test_what_we_compose_is_ours_and_includes_nothing(subject: str, text: str) -> None:
    read = read_script(compose_script(a_notice(subject=subject, text=text)).replace("\n", "\r\n"))

    assert (read.origin, read.includes) == (Origin.OURS, frozenset())


def test_a_subject_is_one_line_and_control_characters_are_left_out() -> None:
    script = compose_script(a_notice(subject="a\r\nBcc: x@y.example\x00", text="b\x00\x1b[1m\r\nc\rd"))

    assert ':subject "a Bcc: x@y.example"' in script
    assert '"b[1m\nc\nd";' in script


# --- whose ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", [compose_script(a_notice()), compose_empty_script()])
def test_a_script_is_ours_until_a_character_of_it_changes(script: str) -> None:
    assert read_script(script).origin is Origin.OURS
    assert read_script(script + "\n").origin is Origin.EDITED
    assert read_script(script.replace("by hand", "by me")).origin is Origin.EDITED
    assert read_script("\n" + script).origin is Origin.FOREIGN
    assert read_script("keep;").origin is Origin.FOREIGN


def test_other_words_or_dates_are_another_response() -> None:
    def handle(**fields: object) -> str:
        return re.findall(r':handle "([^"]+)"', compose_script(a_notice(**fields)))[0]

    handles = [handle(), handle(text="b"), handle(subject="b"), handle(end=None), handle(start=END, end=None)]

    assert len(set(handles)) == len(handles)
    assert handle() == handle()


@pytest.mark.parametrize(
    ("script", "includes"),
    [
        ('include :personal "mailwatch";', {"mailwatch"}),
        ('require ["include"];\nInclude :Personal :optional :once "mailwatch" ; keep;', {"mailwatch"}),
        ('include "mailwatch"; include "b\\"c";', {"mailwatch", 'b"c'}),
        ('include :global "mailwatch";', set()),
        ('# include "mailwatch";\n/* include "mailwatch"; */ keep;', set()),
        ('vacation "include \\"mailwatch\\";";', set()),
        ('vacation text:\ninclude "mailwatch";\n..\n.\n;\ninclude "b";', {"b"}),
        ('require "include"; fileinto "mailwatch";', set()),
        ('include "mailwatch', set()),
    ],
)
def test_only_a_command_includes(script: str, includes: set[str]) -> None:
    assert read_script(script).includes == includes
