"""A notice as the text of a Sieve script, and whose a script is that lies on a server.

The times stand in UTC and are compared as texts: `:zone` is a fixed offset (RFC 5260 §4.1), so that a local time would
be an hour wrong on one side of a change of clocks. Neither `variables` nor `encoded-character` is required: "${...}" in
somebody's words stays what it is.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from mailwatch.domain.absences import Audience
from mailwatch.domain.server_notices import ServerNotice
from mailwatch.ports.scripts import Origin, StoredScript

DAYS = 7  # one answer to a correspondent within so many (RFC 5230 §4.1)

_BY_HAND = "# Written by `mailwatch absence publish`. Once changed by hand, it is left alone."
_MARK = re.compile(r"# mailwatch sha256:([0-9a-f]{64})")
_BLANKS = re.compile(r"[\r\n\t]+ *")  # in a subject; Pigeonhole makes something unreadable of a tab
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f]")  # tab and line feed may stand in a text
_TOKEN = re.compile(
    r"\btext:[ \t]*(?:#[^\n]*)?\n.*?^\.$"  # RFC 5228 §2.4.2: a text over several lines, up to a lone dot
    r"|\#[^\n]*|/\*.*?\*/"
    r'|"(?P<string>(?:[^"\\]|\\.)*)"'
    r"|(?P<word>:?\w+|;)",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)


def compose_script(notice: ServerNotice) -> str:
    """The script that answers as the notice says, and does nothing outside its time."""
    tests = [*_since(notice.start), *_until(notice.end), *_audience(notice)]
    lines = [
        f"require {_strings(sorted(needed_extensions(notice)))};",
        "",
        f"if allof ({', '.join(tests)}) {{",
        "    vacation",
        f"        :days {DAYS}",
        f"        :handle {_string(_handle(notice))}",
        f"        :addresses {_strings(notice.addresses)}",
        f"        :subject {_string(_BLANKS.sub(' ', notice.subject).strip())}",
        f"        {_string(notice.text.rstrip())};",  # servers end it with a line end of their own
        "}",
    ]
    return _sign("\n".join(lines) + "\n")


def compose_empty_script() -> str:
    """A script of ours that does nothing, for scripts that include it while nobody is away."""
    return _sign("# Nobody is away.\n")


def needed_extensions(notice: ServerNotice) -> frozenset[str]:
    """What a server's Sieve must be able to do."""
    needed = {"vacation", "date", "relational"}
    return frozenset(needed if notice.audience is Audience.ALL else {*needed, "envelope"})


def read_script(text: str) -> StoredScript:
    """What is known of a script from its text."""
    text = text.replace("\r\n", "\n")
    return StoredScript(text=text, origin=_origin(text), includes=frozenset(_includes(text)))


def _origin(text: str) -> Origin:
    first, _, rest = text.partition("\n")
    mark = _MARK.fullmatch(first)
    if mark is None:
        return Origin.FOREIGN
    return Origin.OURS if mark[1] == _digest(rest) else Origin.EDITED


def _includes(text: str) -> Iterator[str]:
    """Names of the account's own scripts in `include` commands (RFC 6609 §3.2)."""
    command: list[str] | None = None
    for token in _TOKEN.finditer(text):
        word, string = token["word"], token["string"]
        if word and word.lower() == "include":
            command = []
        elif word == ";" or (word and word.lower() == ":global"):
            yield from command or () if word == ";" else ()
            command = None
        elif string is not None and command is not None:
            command.append(re.sub(r"\\(.)", r"\1", string))


def _sign(body: str) -> str:
    rest = f"{_BY_HAND}\n{body}"
    return f"# mailwatch sha256:{_digest(rest)}\n{rest}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _handle(notice: ServerNotice) -> str:
    """Names the response for the server's memory of whom it answered: other words or dates are told to all anew."""
    facts = (notice.start, notice.end, notice.subject, notice.text)
    return f"mailwatch-{_digest(repr(facts))[:16]}"


def _since(start: datetime) -> Iterable[str]:
    return [_compare("ge", start)]


def _until(end: datetime | None) -> Iterable[str]:
    return [_compare("lt", end)] if end else []


def _compare(relation: str, instant: datetime) -> str:
    # "2026-12-07T05:00:00Z" and "…+00:00" both follow "2026-12-07T05:00:00", however a server ends it.
    return f'currentdate :zone "+0000" :value "{relation}" "iso8601" "{instant:%Y-%m-%dT%H:%M:%S}"'


def _audience(notice: ServerNotice) -> Iterable[str]:
    """By the envelope: that is where the answer goes, and so who learns of the absence."""
    if notice.audience is Audience.ALL:
        return []
    domains = [each for domain in notice.internal_domains for each in (domain, f"*.{domain}")]
    test = f'envelope :domain :matches "from" {_strings(domains)}'
    return [test if notice.audience is Audience.INTERNAL else f"not {test}"]


def _strings(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_string, texts))}]"


def _string(text: str) -> str:
    """A quoted string (RFC 5228 §2.4.2): nothing but `\\` and `"` means anything in it."""
    text = _UNPRINTABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
