"""Rules 1 to 12 of the ladder: what a message says of itself. Each look gives what it saw ("" will do), or None."""

from mailwatch.domain import signals
from mailwatch.domain.addresses import Address
from mailwatch.domain.answerers import is_requester, is_staff, takes_part
from mailwatch.domain.cases import Case, hit
from mailwatch.domain.composition import OWN_HEADER, OWN_ID_PREFIX, is_own_message_id
from mailwatch.domain.mailboxes import MailboxKind
from mailwatch.domain.messages import Message, has_reply_prefix
from mailwatch.domain.senders import (
    BOUNCERS,
    LIST_MANAGERS,
    POSTMASTER,
    is_list_address,
    is_list_sender,
    is_no_reply,
    is_one_of,
    names_us,
    own_keys,
)
from mailwatch.domain.subjects import find_auto_reply_subject, is_delivery_notice, is_forward, is_notes_absence
from mailwatch.domain.threads import WEAK

# What Exchange's IMAP puts in place of a message that it can't convert.
STUB = "Retrieval using the IMAP4 protocol failed"
_STUB_WINDOW = 300  # characters; further down it is quoted by a person

# Of a list's headers these often name nothing but a web page; they belong to the list that the others name.
_NAMELESS_LIST_HEADERS = frozenset(
    {"list-help", "list-archive", "list-owner", "list-subscribe", "list-unsubscribe-post"}
)
_OWN_HEADER = OWN_HEADER.lower()
_REPORTS = (f"<{OWN_ID_PREFIX}dig.", f"<{OWN_ID_PREFIX}ale.")  # how the Message-IDs of our digests and alerts begin
# Local parts that no person has, though somebody may read what is sent there.
_ROBOTS = frozenset({"notification", "notifications", "notify", "alert", "alerts", "alerte", "alertes"})

# --- 1 to 6: what protocols and mail systems say in so many words ----------------------------------------------------


def own(case: Case) -> str | None:
    message = case.message
    if is_own_message_id(message.message_id) or _OWN_HEADER in message.index:
        return "our mark"
    if case.auto and message.from_ and message.from_[0].key in case.mailbox.organisation.watched:
        return "automatic, from a watched mailbox"
    return None


def _has_report(case: Case, report: str, part: str) -> str | None:
    """A multipart/report of a type; or its part alone, unless a person forwards it."""
    for leaf in case.message.parts:
        content_type = leaf.content_type
        if content_type == "multipart/report" and leaf.params.get("report-type", "").lower() == report:
            return content_type
        if content_type in (f"message/{part}", f"message/global-{part}"):
            is_forwarded = has_reply_prefix(case.subject) and not _is_report(case.message)
            return hit(not is_forwarded, content_type)
    return None


def _is_report(message: Message) -> bool:
    return bool(message.parts) and message.parts[0].content_type in ("multipart/report", "message/delivery-status")


def _has_content_class(case: Case, name: str) -> str | None:
    """Exchange says by a header what its own reports are, whatever MIME it makes of them."""
    return signals.find_value(case.message, {signals.CONTENT_CLASS: f"urn:content-classes:{name}"})


def delivery_report(case: Case) -> str | None:
    return _has_report(case, "delivery-status", "delivery-status") or _has_content_class(case, "dsn")


def disposition_notification(case: Case) -> str | None:
    return _has_report(case, "disposition-notification", "disposition-notification") or _has_content_class(case, "mdn")


def feedback_report(case: Case) -> str | None:
    return _has_report(case, "feedback-report", "feedback-report")


def failed_recipients(case: Case) -> str | None:
    return hit("x-failed-recipients" in case.message.index)


def null_reverse_path(case: Case) -> str | None:
    path = case.message.return_path
    return hit(path is not None and path.partition("@")[0].lower() in ("", "mailer-daemon"))  # some write it for <>


def mailer_daemon(case: Case) -> str | None:
    return hit(case.local in BOUNCERS, case.local)


def delivery_notice(case: Case) -> str | None:
    return hit(case.local == POSTMASTER and is_delivery_notice(case.subject))


def list_manager(case: Case) -> str | None:
    return hit(case.local in LIST_MANAGERS, case.local)


def auto_replied(case: Case) -> str | None:
    return hit("auto-replied" in case.auto)


def autoreply_header(case: Case) -> str | None:
    message = case.message
    return signals.find_affirmed(message, signals.AUTOREPLY_HEADERS) or signals.find_value(
        message, signals.AUTOREPLY_VALUES
    )


def autoresponder_class(case: Case) -> str | None:
    values = case.message.all("x-post-messageclass")
    return hit(any(signals.AUTORESPONDER_CLASS.match(value) for value in values))


def auto_reply_subject(case: Case) -> str | None:
    return find_auto_reply_subject(case.subject)


def notes_absence(case: Case) -> str | None:
    return hit(is_notes_absence(case.subject) and signals.NOTES_ABSENCE.match(case.message.text))


def _calendar_method(case: Case, methods: frozenset[str]) -> str | None:
    for part in case.message.parts:
        if part.content_type == "text/calendar" and (method := part.params.get("method", "").lower()) in methods:
            return method
    return None


def calendar_reply(case: Case) -> str | None:
    return _calendar_method(case, signals.CALENDAR_REPLIES)


def calendar_request(case: Case) -> str | None:
    return _calendar_method(case, signals.CALENDAR_REQUESTS) or _has_content_class(case, "calendarmessage")


def forwarded(case: Case) -> str | None:
    message = case.message
    if signals.find_value(message, {signals.AUTO_FORWARDED: "true"}):
        return signals.AUTO_FORWARDED
    if resent := signals.find_present(message, signals.RESENT_HEADERS):
        return resent
    return hit("auto-generated" in case.auto and _has_personal_traits(case), "auto-generated, with a person's traits")


def _has_personal_traits(case: Case) -> bool:
    """A personal From, and an answer or a mail program's name; no list, no helpdesk."""
    if case.sender is None or is_no_reply(case.local) or is_list_address(case.local) or case.local in _ROBOTS:
        return False
    if loop_header(case) or helpdesk_header(case) or list_header(case) or list_sender(case) or precedence(case):
        return False
    if signals.find_prefixed(case.message, signals.TICKET_PREFIXES):
        return False
    return bool(case.message.in_reply_to) or signals.find_mail_program(case.message) is not None


def stub(case: Case) -> str | None:
    message = case.message
    return hit(message.subject.startswith(STUB) or STUB in message.text[:_STUB_WINDOW])


# --- 7 to 12: the silent register ------------------------------------------------------------------------------------


def auto_submitted(case: Case) -> str | None:
    return next((word for word in case.auto if word != "auto-replied"), None)


def loop_header(case: Case) -> str | None:
    for name in signals.LOOP_HEADERS:
        for value in case.message.all(name):
            # Sympa marks with X-Loop what it hands on; a list of ours is no loop.
            is_group = any(group in value.lower() for group in case.mailbox.groups)
            if not is_group and signals.keyword(value) not in signals.DENIALS:
                return name
    return None


def helpdesk_header(case: Case) -> str | None:
    message = case.message
    return signals.find_present(message, signals.HELPDESK_HEADERS) or signals.find_prefixed(
        message, signals.HELPDESK_PREFIXES
    )


def list_header(case: Case) -> str | None:
    for name in signals.LIST_HEADERS:
        for value in case.message.all(name):
            if not _is_own_list_header(case, name, value):
                return name
    return None


def _is_own_list_header(case: Case, name: str, value: str) -> bool:
    if not case.is_through_group:
        return False
    return name in _NAMELESS_LIST_HEADERS or names_us(value, case.mailbox)


def list_sender(case: Case) -> str | None:
    senders = [sender for sender in case.message.sender if is_list_sender(sender.local)]
    return hit(any(not names_us(str(sender), case.mailbox) for sender in senders))


def precedence(case: Case) -> str | None:
    found = signals.find_precedences(case.message)
    return next((word for word in found if not (word == "list" and case.is_through_group)), None)


def no_reply(case: Case) -> str | None:
    return hit(case.writer is None and is_no_reply(case.local))


def list_address(case: Case) -> str | None:
    return hit(case.writer is None and is_list_address(case.local))


def form(case: Case) -> str | None:
    return hit(case.writer)


def spam_flag(case: Case) -> str | None:
    return signals.find_value(case.message, signals.SPAM_FLAGS)


def spam_level(case: Case) -> str | None:
    level = signals.find_spam_level(case.message, case.policy.spam_level)
    return None if level is None else f"SCL {level}"


def junk_folder(case: Case) -> str | None:
    return hit(case.history.is_junk_folder)


def _is_addressed(case: Case, addresses: tuple[Address, ...]) -> bool:
    own = own_keys(case.mailbox)
    return any(is_one_of(address, own) for address in addresses)


def report_reply(case: Case) -> str | None:
    """Only staff get reports: whatever a stranger's message claims to reply to, it is looked at like any other. And who
    hands a report on asks for something."""
    message = case.message
    if case.sender is None or not is_staff(case.sender, case.mailbox) or is_forward(case.subject):
        return None
    return hit(any(id_.startswith(_REPORTS) for id_ in (*message.in_reply_to, *message.references[-1:])))


def answer_copy(case: Case) -> str | None:
    thread = case.history.thread
    if thread is None or not takes_part(case.message, thread, case.mailbox, case.received_at):
        return None
    return str(thread.link)


def _asks_again(case: Case) -> bool:
    """The requester's own word in their thread. A reply to all goes to whoever answered; the mailbox is in Cc only."""
    thread = case.history.thread
    if thread is None or thread.confidence <= WEAK or case.sender is None:
        return False
    return is_requester(case.sender.key, thread.request)


def copy(case: Case) -> str | None:
    if case.policy.copies != "record" or _is_addressed(case, case.message.to) or _asks_again(case):
        return None
    return hit(_is_addressed(case, case.message.cc))


def _is_undisclosed(case: Case) -> bool:
    return not _is_addressed(case, case.message.to) and not _is_addressed(case, case.message.cc)


def undisclosed_staff(case: Case) -> str | None:
    return hit(case.mailbox.kind is MailboxKind.STAFF and _is_undisclosed(case) and not _asks_again(case))


def undisclosed_shared(case: Case) -> str | None:
    return hit(case.mailbox.kind is MailboxKind.SHARED and _is_undisclosed(case))
