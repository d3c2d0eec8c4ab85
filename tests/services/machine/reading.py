"""Digests and alerts, as those who get them read them."""

import re
from dataclasses import dataclass
from datetime import date
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

TORONTO = ZoneInfo("America/Toronto")
REFERENCE = re.compile(r"\bMW-[0-9A-Z]{6}\b")
REQUESTER = re.compile(r"\b[a-z][\w.-]*@(?:courriel|entreprise|mx)\.example|\bcolette@[\w.]+")
LINK = re.compile(r"\b\d+@courriel\.example")
SUBJECT = re.compile(r"Question \d+\b")
WELCOME = re.compile(r"Bon retour|Welcome back")


@dataclass(frozen=True)
class Report:
    """What stands in a digest or an alert.

    on          the date that it was written on, where its readers are
    references  of the requests that it names
    requesters  addresses that aren't staff's
    subjects    of the messages that it names
    links       Message-IDs, in links to messages
    welcomes    it says what came while its reader was away
    """

    on: date
    references: frozenset[str]
    requesters: frozenset[str]
    subjects: frozenset[str]
    links: frozenset[str]
    welcomes: bool


def read_report(body: bytes) -> Report:
    """Everything that its recipient may see of it: subject, plain text and HTML."""
    letter, text = _parse(body), read_text(body)
    return Report(
        on=parsedate_to_datetime(str(letter["Date"])).astimezone(TORONTO).date(),
        references=frozenset(REFERENCE.findall(text)),
        requesters=frozenset(REQUESTER.findall(text)),
        subjects=frozenset(SUBJECT.findall(text)),
        links=frozenset(f"<{found}>" for found in LINK.findall(text)),
        welcomes=WELCOME.search(text) is not None,
    )


def read_text(body: bytes) -> str:
    """Subject, plain text and HTML, each line after the other with one space between."""
    letter = _parse(body)
    parts = [part.get_content() for part in letter.walk() if part.get_content_maintype() == "text"]
    return " ".join("\n".join([str(letter["Subject"]), *parts]).replace("%40", "@").split())


def _parse(body: bytes) -> EmailMessage:
    return message_from_bytes(body, _class=EmailMessage, policy=policy.default)
