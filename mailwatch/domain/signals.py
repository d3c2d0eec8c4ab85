"""Header names and values that automatic, list and spam mail give itself away by: tables and the readers of them.

All header names are lower case, all occurrences count. Each reader gives what it saw (a header, a keyword), or None.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from mailwatch.domain.messages import Message, strip_comments

# --- automatic replies ---

# Set by responders since before RFC 3834; their value doesn't matter unless it denies.
AUTOREPLY_HEADERS = (
    "x-autoreply",
    "x-autorespond",
    "x-autoresponder",
    "x-autoresponse",
    "x-autoreply-from",
    "x-mail-autoreply",
)
# Headers that say so by one value only: FirstClass, FreeScout.
AUTOREPLY_VALUES = {"x-fc-machinegenerated": "true", "x-freescout-mail-type": "auto.reply"}
AUTORESPONDER_CLASS = re.compile(r"^\s*9\s*;\s*autoresponder", re.IGNORECASE)  # X-POST-MessageClass

# --- other automatic mail ---

LOOP_HEADERS = ("x-loop", "x-no-loop", "x-otrs-loop")
HELPDESK_HEADERS = ("x-rt-loop-prevention", "x-roundup-loop", "x-cron-env")
HELPDESK_PREFIXES = ("x-zammad-", "x-bugzilla-", "x-jira-", "x-github-", "x-gitlab-", "x-redmine-", "x-trac-")
TICKET_PREFIXES = ("x-zendesk-", "x-freshdesk-", "x-sfdc-")  # agents' answers carry them too: no proof by themselves
DENIALS = frozenset({"", "no", "false", "0"})  # `X-OTRS-Loop: no` says that it is none

# --- lists ---

LIST_HEADERS = (
    "list-id",
    "list-post",
    "list-owner",
    "list-subscribe",
    "list-help",
    "list-archive",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "mailing-list",
    "x-mailing-list",
    "x-beenthere",
)
PRECEDENCE_HEADERS = ("precedence", "x-precedence")
BULK_PRECEDENCES = frozenset({"bulk", "list", "junk", "auto_reply"})

# --- forwarding ---

AUTO_FORWARDED = "x-ms-exchange-organization-autoforwarded"
RESENT_HEADERS = ("resent-from", "resent-to", "resent-date", "resent-sender", "resent-message-id", "resent-cc")
MAILER_HEADERS = ("x-mailer", "user-agent")
# Programs that people write mail with, by what their X-Mailer or User-Agent contains, in lower case.
MAIL_PROGRAMS = (
    "outlook",
    "thunderbird",
    "betterbird",
    "apple mail",
    "iphone mail",
    "ipad mail",
    "android",
    "samsung",
    "aquamail",
    "k-9",
    "fairemail",
    "blackberry",
    "evolution",
    "kmail",
    "claws",
    "sylpheed",
    "mutt",
    "alpine",
    "em client",
    "emclient",
    "the bat!",
    "postbox",
    "mailmate",
    "airmail",
    "spark",
    "foxmail",
    "ymail",
    "yahoo",
    "roundcube",
    "rainloop",
    "snappymail",
    "squirrelmail",
    "horde",
    "zimbra",
    "sogo",
    "open-xchange",
    "zoho",
    "groupwise",
    "lotus notes",
    "hcl notes",
    "ibm notes",
    "protonmail",
    "vivaldi",
)

# --- spam ---

SPAM_FLAGS = {"x-spam-flag": "yes", "x-spam-status": "yes"}
SCL_HEADER = "x-ms-exchange-organization-scl"
FOREFRONT_HEADER = "x-forefront-antispam-report"
_FOREFRONT_SCL = re.compile(r"(?:^|;)\s*SCL:\s*(-?\d{1,3})", re.IGNORECASE)

# --- calendars, absences, reports and suppression ---

CONTENT_CLASS = "content-class"  # Exchange 2000 and later
# How the text of Lotus Notes' absence notices begins.
NOTES_ABSENCE = re.compile(
    r"\s*(?:I (?:will be|am) out of the office|Je (?:serai|suis) absent(?:\(e\)|e)?\b|Ich (?:werde|bin) )",
    re.IGNORECASE,
)

REACTION_TYPES = frozenset({"text/vnd.google.email-reaction+json"})  # Gmail
CALENDAR_REPLIES = frozenset({"reply", "counter", "cancel", "refresh", "declinecounter"})
CALENDAR_REQUESTS = frozenset({"request", "add"})
SUPPRESSING = frozenset({"all", "autoreply"})  # of X-Auto-Response-Suppress; the others concern other mail

_KEYWORD = re.compile(r"[^\s;,]+")


def keyword(value: str) -> str:
    """The keyword of a structured value in lower case: `No (really); x=y` → `no`; "" where there is none."""
    found = _KEYWORD.search(strip_comments(value))
    return found[0].strip("\"'").lower() if found else ""


def auto_submitted(message: Message) -> tuple[str, ...]:
    """Every keyword of Auto-Submitted that isn't `no` (RFC 3834 §5); unknown ones count as automatic."""
    values = message.index.get("auto-submitted")
    if values is None:
        return ()
    return tuple(word for word in map(keyword, values) if word not in ("", "no"))


def find_affirmed(message: Message, names: Iterable[str]) -> str | None:
    """The first of these headers whose value doesn't deny itself."""
    for name in names:
        values = message.index.get(name)
        if values and any(keyword(value) not in DENIALS for value in values):
            return name
    return None


def find_value(message: Message, wanted: dict[str, str]) -> str | None:
    """The first header whose keyword is the wanted one."""
    for name, word in wanted.items():
        values = message.index.get(name)
        if values and any(keyword(value) == word for value in values):
            return name
    return None


def find_present(message: Message, names: Iterable[str]) -> str | None:
    """The first of these headers that is there at all."""
    return next((name for name in names if name in message.index), None)


def find_prefixed(message: Message, prefixes: tuple[str, ...]) -> str | None:
    """The first header whose name begins so."""
    return next((name for name in message.index if name.startswith(prefixes)), None)


def is_reaction(message: Message) -> bool:
    """Whether it is a reaction, sent as a message of its own: an emoji below somebody's message, and no word."""
    return any(part.content_type in REACTION_TYPES for part in message.parts)


def find_precedences(message: Message) -> Iterator[str]:
    """Every Precedence value that means bulk mail."""
    for name in PRECEDENCE_HEADERS:
        for value in message.index.get(name, ()):
            if (word := keyword(value).replace("-", "_")) in BULK_PRECEDENCES:
                yield word


def find_mail_program(message: Message) -> str | None:
    """The header in which a program that people write mail with names itself."""
    for name in MAILER_HEADERS:
        value = (message.first(name) or "").lower()
        if value and any(program in value for program in MAIL_PROGRAMS):
            return name
    return None


def find_spam_level(message: Message, limit: int) -> int | None:
    """The spam confidence level (SCL, -1 to 9) that Exchange gave, where it reaches the limit."""
    levels = [*message.index.get(SCL_HEADER, ())]
    for report in message.index.get(FOREFRONT_HEADER, ()):
        levels += _FOREFRONT_SCL.findall(report)
    return next((level for level in map(_integer, levels) if level is not None and level >= limit), None)


def _integer(text: str) -> int | None:
    text = text.strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,3}", text) else None


def find_suppression(message: Message) -> str | None:
    """What X-Auto-Response-Suppress asks for, where it concerns an acknowledgement (MS-OXCMAIL §2.1.3.2.20)."""
    return next((word for word in _suppressed(message) if word in SUPPRESSING), None)


def asks_no_absence_notice(message: Message) -> bool:
    """Whether X-Auto-Response-Suppress asks for no out-of-office replies (MS-OXCMAIL §2.1.3.2.20)."""
    return any(word in SUPPRESSING or word == "oof" for word in _suppressed(message))


def _suppressed(message: Message) -> Iterator[str]:
    for value in message.index.get("x-auto-response-suppress", ()):
        yield from (word.strip().lower() for word in strip_comments(value).split(","))


def strip_tags(subject: str, tags: tuple[str, ...]) -> str:
    """The subject without the tags that gateways put before it: `[EXTERNE] Inscription` → `Inscription`."""
    return _tags(tags).sub("", subject, count=1)


@lru_cache(maxsize=64)
def _tags(tags: tuple[str, ...]) -> re.Pattern[str]:
    any_tag = "|".join(re.escape(tag) for tag in tags if tag)
    return re.compile(rf"\A(?:\s|{any_tag})*+" if any_tag else r"\A\s*+", re.IGNORECASE)
