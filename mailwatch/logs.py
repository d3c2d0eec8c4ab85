"""Log set-up and redaction: what may leave the process as a log line.

Lines go to stderr: for people on a terminal, else one JSON object each, timestamps in UTC (ISO 8601). Ours come from
structlog; the libraries' (standard `logging`, WARNING and above) take the same way. Logs hold ids: a key that looks
like a secret loses its value, e-mail addresses are masked wherever they stand except under the keys that hold
configuration, and the text of an exception, which may quote a message, is masked and cut.
"""

import logging
import re
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import Any, Literal, TextIO, cast

import structlog

from mailwatch.domain.lines import dump_line, printable

LogFormat = Literal["auto", "json", "console"]
LEVELS = ("debug", "info", "warning", "error")

MASK = "***"
MASKED_ADDRESS = "<address>"
MAX_EXCEPTION_CHARACTERS = 500  # a server's answer or a parser's complaint may quote a message: enough to recognise it
MAX_FRAMES = 12  # the innermost ones tell where; hundreds of a recursion tell no more
MAX_DEPTH = 6  # of nested values; deeper ones are shown as text

_SECRET_KEY = re.compile(r"passw|secret|token|credential|authori[sz]ation|api_?key|private_?key|cookie", re.IGNORECASE)
_WORD = r"[^\s<>\"'(),;:=\[\]{}|/\\@]"
_ADDRESS = re.compile(rf"{_WORD}{{1,64}}@{_WORD}{{1,255}}")  # bounded (RFC 5321 §4.5.3.1): linear on any text
_CONFIGURED_KEYS = frozenset({"mailbox", "mailboxes", "account"})  # names of the configuration, not persons who wrote
_OURS = "mailwatch"

EventDict = MutableMapping[str, Any]  # structlog's own type: a line's values may be anything


def configure_logs(format: LogFormat = "auto", level: str = "info", stream: TextIO | None = None) -> None:
    """Send all logs to `stream` (default: stderr). A second call replaces the first."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(_is_for_people(format, stream)))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(_OURS).setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # a logger made at import time must follow a later configure_logs
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger below `mailwatch.`: `log.info("request.acknowledged", request=12, mailbox="…")`."""
    full = name if name == _OURS or name.startswith(f"{_OURS}.") else f"{_OURS}.{name}"
    return structlog.stdlib.get_logger(full)


def redact(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Processor: hide the values of secret-looking keys and every e-mail address that isn't configuration."""
    for key, value in event.items():
        if not key.startswith("_"):  # structlog's own luggage
            event[key] = _redacted(key, value)
    return event


def shorten_exception(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Processor: `exc_info` becomes the exception's masked, cut text and the places it came through."""
    error = _exception(event.pop("exc_info", None))
    if error is not None:
        event["exception"] = exception_text(error)
        event["frames"] = [
            f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-MAX_FRAMES:]
        ]
    return event


def exception_text(error: BaseException) -> str:
    """`Type: text` of an exception, addresses masked, at most 500 characters."""
    return _masked(f"{type(error).__name__}: {error}")[:MAX_EXCEPTION_CHARACTERS]


_SHARED: list[structlog.typing.Processor] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    shorten_exception,
    redact,
]


def _formatter(is_for_people: bool) -> logging.Formatter:
    renderers: list[structlog.typing.Processor] = (
        [_harmless, structlog.dev.ConsoleRenderer()]
        if is_for_people
        else [structlog.processors.JSONRenderer(serializer=dump_line)]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *_SHARED],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
    )


def _harmless(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Processor: a server's words, shown on a terminal, neither end the line nor command it. What isn't text is shown
    as Python writes it, which escapes the same."""
    return {key: printable(value) if isinstance(value, str) else value for key, value in event.items()}


def _is_for_people(log_format: LogFormat, stream: TextIO) -> bool:
    return log_format == "console" or (log_format == "auto" and stream.isatty())


def _redacted(key: str, value: object, depth: int = 0) -> object:
    if _SECRET_KEY.search(key):
        return MASK
    if key in _CONFIGURED_KEYS or value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping) and depth < MAX_DEPTH:
        return {str(inner): _redacted(str(inner), each, depth + 1) for inner, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth < MAX_DEPTH:
        return [_redacted(key, each, depth + 1) for each in value]
    if isinstance(value, BaseException):
        return exception_text(value)
    return _masked(str(value))


def _masked(text: str) -> str:
    return _ADDRESS.sub(MASKED_ADDRESS, text) if "@" in text else text


def _exception(exc_info: object) -> BaseException | None:
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return cast("BaseException | None", exc_info[1])
    return sys.exception() if exc_info else None
