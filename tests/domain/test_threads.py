"""Which request a message belongs to: every link, their order, and how little a weak one means."""

import base64
from datetime import timedelta

import pytest
from builders import NOW, a_mailbox, a_message, a_request_summary, a_thread

from mailwatch.domain.classification import History, Kind
from mailwatch.domain.decisions import decide
from mailwatch.domain.requests import State
from mailwatch.domain.threads import (
    CONFIDENCE,
    WEAK,
    Clues,
    Link,
    Threads,
    find_clues,
    find_thread,
    find_threads,
    thread_root,
)
from mailwatch.ports import Matches

ROOT = base64.b64encode(bytes(range(22))).decode()
REPLY_INDEX = base64.b64encode(bytes(range(22)) + b"\x80\x00\x00\x00\x10").decode()
SUBJECT = ("jean.cote@courriel.example", "inscription à la maternelle")

# A request for each link, and what of a message leads to it.
REQUESTS = {link: a_request_summary(id=number) for number, link in enumerate(Link, start=1)}
THREADS = Threads(
    by_message_id={"<parent@x>": REQUESTS[Link.IN_REPLY_TO], "<older@x>": REQUESTS[Link.REFERENCES]},
    by_reference={"MW-7F3K9Q": REQUESTS[Link.REFERENCE]},
    by_thread_root={thread_root(ROOT): REQUESTS[Link.THREAD_INDEX]},
    by_subject={SUBJECT: REQUESTS[Link.SUBJECT]},
)
CLUES = {
    Link.IN_REPLY_TO: {"in_reply_to": ("<parent@x>",)},
    Link.REFERENCES: {"references": ("<unknown@x>", "<older@x>")},
    Link.REFERENCE: {"reference": "MW-7F3K9Q"},
    Link.THREAD_INDEX: {"thread_root": thread_root(ROOT)},
    Link.SUBJECT: {"subject": SUBJECT},
}


@pytest.mark.parametrize("link", list(Link))
def test_each_link_alone_leads_to_its_request(link: Link) -> None:
    match = find_thread(Clues(**CLUES[link]), THREADS)  # type: ignore[arg-type]  # a table of fields
    assert match is not None
    assert (match.link, match.request) == (link, REQUESTS[link])


@pytest.mark.parametrize("strongest", range(len(Link)))
def test_of_several_links_the_strongest_decides(strongest: int) -> None:
    fields: dict[str, object] = {}
    for link in list(Link)[strongest:]:
        fields |= CLUES[link]
    match = find_thread(Clues(**fields), THREADS)  # type: ignore[arg-type]  # a table of fields
    assert match is not None
    assert match.link is list(Link)[strongest]


def test_confidence_falls_from_link_to_link_and_only_the_last_is_weak() -> None:
    values = [CONFIDENCE[link] for link in Link]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == len(values)
    assert [link for link in Link if CONFIDENCE[link] <= WEAK] == [Link.SUBJECT]


def test_what_leads_nowhere_belongs_to_nothing() -> None:
    assert (
        find_thread(Clues(in_reply_to=("<other@x>",), references=("<else@x>",), reference="MW-000000"), THREADS) is None
    )
    assert find_thread(Clues(), THREADS) is None


def test_only_an_id_is_named_as_what_led_there() -> None:
    by_id = find_thread(Clues(references=("<older@x>",)), THREADS)
    by_reference = find_thread(Clues(reference="MW-7F3K9Q"), THREADS)
    assert by_id is not None
    assert by_reference is not None
    assert (by_id.message_id, by_reference.message_id) == ("<older@x>", "")


# --- over all mailboxes --------------------------------------------------------------------------------------------

HERE, THERE = a_request_summary(id=11), a_request_summary(id=12, mailbox="marie.tremblay@cscmonavenir.example")
OLDER = a_request_summary(id=13)
MATCHES = Matches(
    by_message_id={"<parent@x>": [HERE, THERE], "<older@x>": [OLDER], "<gone@x>": []},
    by_reference={"MW-7F3K9Q": [HERE]},
    by_thread_root={thread_root(ROOT): [HERE, THERE]},
    by_subject={SUBJECT: [HERE], ("anne@courriel.example", SUBJECT[1]): [THERE, HERE]},
)


@pytest.mark.parametrize(
    ("clues", "link", "requests"),
    [
        (Clues(in_reply_to=("<parent@x>",), references=("<older@x>",)), Link.IN_REPLY_TO, [HERE, THERE]),
        (Clues(in_reply_to=("<gone@x>",), references=("<older@x>", "<parent@x>")), Link.REFERENCES, [OLDER]),
        (Clues(reference="MW-7F3K9Q", thread_root=thread_root(ROOT)), Link.REFERENCE, [HERE]),
        (Clues(thread_root=thread_root(ROOT), subject=SUBJECT), Link.THREAD_INDEX, [HERE, THERE]),
        (Clues(subject=SUBJECT), Link.SUBJECT, [HERE]),
    ],
)
def test_every_request_with_the_strongest_link_is_found(clues: Clues, link: Link, requests: object) -> None:
    found = find_threads(clues, MATCHES)
    assert [match.request for match in found] == requests
    assert {match.link for match in found} == {link}


def test_a_subject_may_be_asked_about_for_several_requesters_each_request_once() -> None:
    clues = Clues(subject=("marie.tremblay@cscmonavenir.example", SUBJECT[1]))
    both = [SUBJECT, ("anne@courriel.example", SUBJECT[1])]
    assert find_threads(clues, MATCHES) == []
    assert [match.request for match in find_threads(clues, MATCHES, both)] == [HERE, THERE]


def test_what_leads_nowhere_finds_nothing() -> None:
    assert find_threads(Clues(in_reply_to=("<gone@x>", "<other@x>"), reference="MW-000000"), MATCHES) == []


# --- clues ---------------------------------------------------------------------------------------------------------


def test_the_newest_reference_is_asked_about_first() -> None:
    clues = find_clues(a_message("References: <a@x> <b@x> <c@x>"))
    assert clues.references == ("<c@x>", "<b@x>", "<a@x>")


@pytest.mark.parametrize(
    ("subject", "reference"),
    [
        ("Re: Votre demande MW-7F3K9Q", "MW-7F3K9Q"),
        ("RE: [mw-7f3k9q] merci", "MW-7F3K9Q"),
        ("Dossier XMW-7F3K9Q", ""),
        ("Dossier MW-7F3K9QZ", ""),
        ("Dossier MW-7F3K9I", ""),  # no such letter
    ],
)
def test_our_reference_is_found_in_a_subject_and_nothing_like_it(subject: str, reference: str) -> None:
    assert find_clues(a_message(subject=subject)).reference == reference


@pytest.mark.parametrize(
    ("header", "fields", "is_found"),
    [
        ("", {"subject": "Re: Inscription"}, True),
        ("In-Reply-To: <x@y>", {"subject": "Inscription"}, True),
        ("", {"subject": "Inscription"}, False),  # a new conversation that Outlook began from an old message
    ],
)
def test_a_thread_index_counts_in_a_reply_only(header: str, fields: dict[str, str], is_found: bool) -> None:
    message = a_message(f"Thread-Index: {REPLY_INDEX}", *filter(None, [header]), **fields)
    assert (find_clues(message).thread_root == thread_root(ROOT)) is is_found


@pytest.mark.parametrize("value", ["", "AQ==", "not base 64 ☃", "====", "A" * 500])
def test_any_thread_index_is_read_or_ignored(value: str) -> None:
    assert thread_root(value) in ("", "00" * 22)


def test_a_subject_counts_only_with_a_reply_prefix() -> None:
    assert find_clues(a_message(subject="Re: Inscription à la maternelle")).subject == SUBJECT
    assert find_clues(a_message(subject="Inscription à la maternelle")).subject is None
    assert find_clues(a_message(subject="Re: Inscription", from_=None)).subject is None


def test_what_a_bounce_quotes_is_asked_about_before_what_it_says_it_replies_to() -> None:
    message = a_message(
        "In-Reply-To: <parent@x>",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        from_="mailer-daemon@mx.example",
        body="--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <mw.ack.1@x>\n\n--b--\n",
    )
    assert find_clues(message).in_reply_to == ("<mw.ack.1@x>", "<parent@x>")


# --- what a link means ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("link", list(Link))
def test_a_weak_link_never_suppresses_and_never_follows(link: Link) -> None:
    decision = decide(a_message(), a_mailbox(), History(thread=a_thread(link)), NOW, NOW)
    if link is Link.SUBJECT:
        assert decision.verdict.kind is Kind.REQUEST
        assert (decision.acknowledge, decision.opens is not None, decision.follows) == (True, True, None)
    else:
        assert decision.verdict.kind is Kind.FOLLOW_UP
        assert (decision.acknowledge, decision.opens) == (False, None)
        assert decision.follows is not None


@pytest.mark.parametrize(
    ("settled", "follows"),
    [
        (NOW - timedelta(days=1), True),
        (NOW - timedelta(days=13), True),  # Tuesday the 10th: nine business days and a holiday-free fortnight
        (NOW - timedelta(days=30), False),
    ],
)
def test_a_request_settled_long_ago_is_not_reopened_a_new_one_is_opened(settled: object, follows: bool) -> None:
    thread = a_thread(state=State.ANSWERED, settled_at=settled)
    decision = decide(a_message("In-Reply-To: <parent@x>"), a_mailbox(), History(thread=thread), NOW, NOW)
    assert (decision.follows is not None) is follows
    assert (decision.opens is not None) is not follows
    assert decision.acknowledge is not follows


def test_a_late_look_does_not_make_a_follow_up_a_new_request() -> None:
    thread = a_thread(state=State.ANSWERED, settled_at=NOW - timedelta(days=13))
    decision = decide(a_message(), a_mailbox(), History(thread=thread), NOW, NOW + timedelta(days=9))
    assert decision.follows is not None
