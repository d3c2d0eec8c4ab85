"""Which request a message belongs to, and how sure we are.

In-Reply-To → References → our reference in the subject → Thread-Index root → same requester and subject.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar

from mailwatch.domain.messages import Message, has_reply_prefix, subject_key
from mailwatch.domain.requests import REFERENCE_ALPHABET, RequestSummary

THREAD_ROOT_BYTES = 22  # MS-OXOMSG §2.2.1.3: header byte, 5 of time, 16 of GUID; replies append to it
_REFERENCE = re.compile(rf"\bMW-[{REFERENCE_ALPHABET}]{{6}}\b", re.IGNORECASE)


class Link(StrEnum):
    """How a message was matched to a request, strongest first."""

    IN_REPLY_TO = "in-reply-to"
    REFERENCES = "references"
    REFERENCE = "reference"  # our reference in the subject
    THREAD_INDEX = "thread-index"
    SUBJECT = "subject"  # same requester, same subject with a reply prefix, 14 days


CONFIDENCE = {
    Link.IN_REPLY_TO: 0.99,
    Link.REFERENCES: 0.95,
    Link.REFERENCE: 0.9,
    Link.THREAD_INDEX: 0.8,
    Link.SUBJECT: 0.4,
}
_BY_ID = frozenset({Link.IN_REPLY_TO, Link.REFERENCES})
WEAK = CONFIDENCE[Link.SUBJECT]  # never closes anything, never suppresses an acknowledgement


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadMatch:
    """The request a message belongs to."""

    request: RequestSummary
    link: Link
    message_id: str = ""  # the id that led to it, if one did

    @property
    def confidence(self) -> float:
        """Between 0 and 1."""
        return CONFIDENCE[self.link]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clues:
    """What a message offers for threading: keys into what is recorded."""

    in_reply_to: tuple[str, ...] = ()  # for a bounce or a receipt: the ids it quotes
    references: tuple[str, ...] = ()  # newest first
    reference: str = ""  # MW-…
    thread_root: str = ""
    subject: tuple[str, str] | None = None  # (sender key, subject key), only with a reply prefix

    @property
    def message_ids(self) -> tuple[str, ...]:
        """Every Message-ID it refers to."""
        return self.in_reply_to + self.references


@dataclass(frozen=True, slots=True, kw_only=True)
class Threads:
    """The recorded requests that a batch of messages may belong to."""

    by_message_id: Mapping[str, RequestSummary] = field(default_factory=dict)
    by_reference: Mapping[str, RequestSummary] = field(default_factory=dict)
    by_thread_root: Mapping[str, RequestSummary] = field(default_factory=dict)
    by_subject: Mapping[tuple[str, str], RequestSummary] = field(default_factory=dict)


Found_co = TypeVar("Found_co", covariant=True)


class Candidates(Protocol[Found_co]):
    """What clues may lead to, by the same keys: a request each in one mailbox, several requests over all of them."""

    @property
    def by_message_id(self) -> Mapping[str, Found_co]:
        """By In-Reply-To and References."""
        ...

    @property
    def by_reference(self) -> Mapping[str, Found_co]:
        """By our reference in the subject."""
        ...

    @property
    def by_thread_root(self) -> Mapping[str, Found_co]:
        """By the root of the Thread-Index."""
        ...

    @property
    def by_subject(self) -> Mapping[tuple[str, str], Found_co]:
        """By (requester key, subject key)."""
        ...


def thread_root(thread_index: str) -> str:
    """The conversation's root in a Thread-Index header as hex, or "" where there is none."""
    try:
        raw = base64.b64decode(thread_index[:64].encode("ascii", "ignore"), validate=False)
    except (binascii.Error, ValueError):
        return ""
    return raw[:THREAD_ROOT_BYTES].hex() if len(raw) >= THREAD_ROOT_BYTES else ""


def find_clues(message: Message, tags: tuple[str, ...] = ()) -> Clues:
    """What a message offers for threading: a subject only with a reply prefix, a Thread-Index only in a reply."""
    found = _REFERENCE.search(message.subject)
    is_reply = has_reply_prefix(message.subject, tags)
    refers = bool(message.in_reply_to or message.references)
    sender = message.from_[0].key if message.from_ else ""
    return Clues(
        in_reply_to=message.quoted_ids + message.in_reply_to,
        references=tuple(reversed(message.references)),
        reference=found.group().upper() if found else "",
        thread_root=thread_root(message.thread_index) if message.thread_index and (is_reply or refers) else "",
        subject=(sender, subject_key(message.subject, tags)) if is_reply and sender else None,
    )


def find_thread(clues: Clues, threads: Threads) -> ThreadMatch | None:
    """The request with the strongest link, or None."""
    for link, message_id, request in _follow(clues, threads):
        return ThreadMatch(request=request, link=link, message_id=message_id)
    weakest = threads.by_subject.get(clues.subject) if clues.subject else None
    return ThreadMatch(request=weakest, link=Link.SUBJECT) if weakest else None


def find_threads(
    clues: Clues, candidates: Candidates[Sequence[RequestSummary]], subjects: Sequence[tuple[str, str]] | None = None
) -> list[ThreadMatch]:
    """Every request with the strongest link: one message may have opened a request in each of several mailboxes.

    `subjects`: the pairs (requester, subject key) to ask about, where the requester isn't the message's sender.
    """
    for link, message_id, requests in _follow(clues, candidates):
        if requests:
            return [ThreadMatch(request=request, link=link, message_id=message_id) for request in requests]
    if subjects is None:
        subjects = [clues.subject] if clues.subject else []
    found = {request.id: request for pair in subjects for request in candidates.by_subject.get(pair, ())}
    return [ThreadMatch(request=request, link=Link.SUBJECT) for request in found.values()]


def _follow(clues: Clues, known: Candidates[Found_co]) -> Iterator[tuple[Link, str, Found_co]]:
    """(link, the Message-ID that led there, what is there), strongest link first; subjects apart."""
    for link, keys, found in (
        (Link.IN_REPLY_TO, clues.in_reply_to, known.by_message_id),
        (Link.REFERENCES, clues.references, known.by_message_id),
        (Link.REFERENCE, (clues.reference,), known.by_reference),
        (Link.THREAD_INDEX, (clues.thread_root,), known.by_thread_root),
    ):
        for key in keys:
            if key and key in found:
                yield link, key if link in _BY_ID else "", found[key]
