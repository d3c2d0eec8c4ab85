"""Logs: one line an act, for people or machines; no secret, no address, no message text."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from mailwatch.logs import MAX_EXCEPTION_CHARACTERS, configure_logs, exception_text, get_logger


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """Logs as JSON, at debug; what was set up before is put back."""
    root, ours = logging.getLogger(), logging.getLogger("mailwatch")
    before = root.handlers, root.level, ours.level
    text = io.StringIO()
    configure_logs("json", "debug", text)
    yield text
    root.handlers, _, _ = before
    root.setLevel(before[1])
    ours.setLevel(before[2])
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_fact_is_one_json_line_with_utc_time(stream: io.StringIO) -> None:
    get_logger("services.receive").info("request.acknowledged", request=12, mailbox="info@ville.example", lag_s=4.5)

    (line,) = lines(stream)

    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request.acknowledged",
        "request": 12,
        "mailbox": "info@ville.example",
        "lag_s": 4.5,
        "level": "info",
        "logger": "mailwatch.services.receive",
    }


@pytest.mark.parametrize(
    "key", ["password", "smtp_password", "client_secret", "access_token", "Authorization", "api_key"]
)
def test_the_value_of_a_secret_looking_key_is_hidden_wherever_it_stands(stream: io.StringIO, key: str) -> None:
    get_logger("x").info("login", **{key: "hunter2"}, nested={"deep": [{key: "hunter2"}]})

    assert "hunter2" not in stream.getvalue()
    assert lines(stream)[0]["nested"] == {"deep": [{key: "***"}]}


def test_an_address_is_masked_outside_of_the_configurations_names(stream: io.StringIO) -> None:
    get_logger("x").info("from jean@parent.example", detail=["<Jean+école@parent.example>"], other={"a": ("x@y.z",)})

    assert "@" not in stream.getvalue()
    assert lines(stream)[0]["event"] == "from <address>"


def test_numbers_and_nothing_stay_what_they_are(stream: io.StringIO) -> None:
    get_logger("x").info("counted", n=3, share=0.5, done=True, why=None)

    assert tuple(lines(stream)[0][key] for key in ("n", "share", "done", "why")) == (3, 0.5, True, None)


def test_an_exceptions_text_is_masked_and_cut_and_says_where(stream: io.StringIO) -> None:
    try:
        raise ValueError("bad line from jean@parent.example: " + "x" * 10_000)
    except ValueError:
        get_logger("x").exception("message.failed")

    (line,) = lines(stream)

    assert line["exception"].startswith("ValueError: bad line from <address>: xxx")
    assert len(line["exception"]) == MAX_EXCEPTION_CHARACTERS
    assert line["frames"][-1].endswith("test_an_exceptions_text_is_masked_and_cut_and_says_where")


def test_an_exception_given_as_a_value_is_cut_too(stream: io.StringIO) -> None:
    get_logger("x").info("failed", error=ValueError("y" * 10_000))

    assert len(lines(stream)[0]["error"]) == MAX_EXCEPTION_CHARACTERS


def test_libraries_go_the_same_way_from_warning_up(stream: io.StringIO) -> None:
    library = logging.getLogger("sqlalchemy.engine")
    library.info("SELECT 1")
    library.warning("lost %s", "jean@parent.example")

    (line,) = lines(stream)

    assert (line["event"], line["level"], line["logger"]) == ("lost <address>", "warning", "sqlalchemy.engine")


def test_a_librarys_exception_is_cut_too(stream: io.StringIO) -> None:
    try:
        raise KeyError("z" * 10_000)
    except KeyError:
        logging.getLogger("apscheduler").exception("job failed")

    assert len(lines(stream)[0]["exception"]) == MAX_EXCEPTION_CHARACTERS


def test_the_level_holds_for_ours(stream: io.StringIO) -> None:
    configure_logs("json", "warning", stream)
    get_logger("x").info("quiet")
    get_logger("x").warning("loud")

    assert [each["event"] for each in lines(stream)] == ["loud"]


def test_a_second_set_up_replaces_the_first(stream: io.StringIO) -> None:
    early = get_logger("made.at.import")
    later = io.StringIO()
    configure_logs("json", "info", later)
    early.info("once")

    assert (stream.getvalue(), len(later.getvalue().splitlines())) == ("", 1)


def test_people_get_words_and_machines_get_json(stream: io.StringIO) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for log_format, file in (("auto", Terminal()), ("console", io.StringIO())):
        configure_logs(log_format, "info", file)  # type: ignore[arg-type]  # a tuple loses the literal
        get_logger("x").info("for people", n=1)
        assert not file.getvalue().startswith("{")
        assert "for people" in file.getvalue()
    configure_logs("auto", "info", stream)
    get_logger("x").info("for machines")
    assert lines(stream)[-1]["event"] == "for machines"


def test_on_a_terminal_a_servers_words_neither_end_a_line_nor_command_it(stream: io.StringIO) -> None:
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    hostile = "550 no\r\nforged event\x1b[2J\x9b31m\u2028\u202egnp.exe"
    console = io.StringIO()
    configure_logs("console", "info", console)
    get_logger("x").info("acknowledgement.failed", reason=hostile, problems=[hostile], facts={hostile: hostile})
    logging.getLogger("imapclient").warning("said %s", hostile)
    get_logger("x").error("tick.failed", exc_info=ValueError(hostile))
    shown = console.getvalue()
    assert [line.removeprefix("\x1b[2m")[:10] for line in shown.split("\n")] == [today] * 3 + ["ValueError", ""]
    assert not {*"\r\x9b\u2028\u202e"} & {*shown}
    assert "\x1b[2J" not in shown
    assert shown.count("forged event") >= 5


def test_an_exceptions_text_is_linear_in_its_length() -> None:
    assert len(exception_text(ValueError("a" * 2_000_000 + "@"))) == MAX_EXCEPTION_CHARACTERS
