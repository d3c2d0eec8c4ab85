"""The ladder: every rule by which a message is judged, in order, each with the standard or the practice it comes from.

A rule looks at a Case and says what it saw, or None. What a hit then means stands in the table, not in the look:
the kind it decides, if any, and whether it forbids an acknowledgement. docs/rules.md is written from this table.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mailwatch.domain import evidence, reservations
from mailwatch.domain.cases import Case
from mailwatch.domain.verdicts import Kind

LAST_HARD_RUNG = 12  # up to here the first hit that names a kind decides it
LOCAL_RULE = "local_rule"


def _always(case: Case) -> bool:
    return True


def _never(case: Case) -> bool:
    return False


def _holds_forwarded(case: Case) -> bool:
    return case.policy.forwarded != "send"


def _holds_undisclosed(case: Case) -> bool:
    return not case.policy.acknowledge_bcc


def _holds_local(case: Case) -> bool:
    return any(rule.treat_as == "record" or not rule.acknowledge for rule in case.local_rules)


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the ladder.

    rung      its step of the ladder; rules of a rung stand in this order
    kind      what the message is when the rule decides; None: a person's request all the same
    look      what it saw ("" will do), or None
    forbids   whether a hit forbids an acknowledgement in this case
    source    the standard or the practice it follows
    """

    name: str
    rung: int
    kind: Kind | None
    look: Callable[[Case], str | None]
    source: str
    summary: str
    forbids: Callable[[Case], bool] = _always


# fmt: off
RULES: tuple[Rule, ...] = (
    Rule("own", 1, Kind.OWN, evidence.own, "RFC 3834 §2",
         "Our Message-ID's form, our header, or any watched mailbox's automatic mail."),
    Rule("delivery_report", 2, Kind.BOUNCE, evidence.delivery_report, "RFC 3464, RFC 6522",
         "`multipart/report` of delivery-status, or a `message/delivery-status` part that nobody forwarded; Exchange's "
         "`Content-Class: urn:content-classes:dsn`."),
    Rule("disposition_notification", 2, Kind.RECEIPT, evidence.disposition_notification, "RFC 8098",
         "A read receipt: `multipart/report` of disposition-notification; Exchange's "
         "`Content-Class: urn:content-classes:mdn`."),
    Rule("feedback_report", 2, Kind.FEEDBACK, evidence.feedback_report, "RFC 5965",
         "An abuse report: `multipart/report` of feedback-report."),
    Rule("failed_recipients", 2, Kind.BOUNCE, evidence.failed_recipients, "Exim, Gmail",
         "X-Failed-Recipients."),
    Rule("null_reverse_path", 2, Kind.BOUNCE, evidence.null_reverse_path, "RFC 5321 §4.5.5, RFC 3834 §2",
         "`Return-Path: <>`, or `<MAILER-DAEMON>` in its place. Without a Return-Path nothing is known."),
    Rule("mailer_daemon", 3, Kind.BOUNCE, evidence.mailer_daemon, "RFC 5230 §4.6",
         "From mailer-daemon, mail-daemon, bounce or bounces, as the whole local part, with or without a domain."),
    Rule("delivery_notice", 3, Kind.BOUNCE, evidence.delivery_notice, "Exchange 5.5, Notes, antivirus gateways",
         "From postmaster, under a subject that begins as a notice of an undelivered message does; a postmaster's "
         "other mail is a person's."),
    Rule("list_manager", 3, Kind.AUTOMATIC, evidence.list_manager, "RFC 5230 §4.6",
         "From listserv, majordomo or mdaemon, as the whole local part."),
    Rule("auto_replied", 4, Kind.AUTO_REPLY, evidence.auto_replied, "RFC 3834 §5",
         "Auto-Submitted says `auto-replied`."),
    Rule("autoreply_header", 4, Kind.AUTO_REPLY, evidence.autoreply_header, "practice of responders",
         "X-Autoreply, X-Autorespond, X-Autoresponder, X-Autoresponse, X-AutoReply-From, X-Mail-Autoreply; "
         "`X-FC-Machinegenerated: true`; `X-FreeScout-Mail-Type: auto.reply`."),
    Rule("autoresponder_class", 4, Kind.AUTO_REPLY, evidence.autoresponder_class, "practice of responders",
         "`X-POST-MessageClass: 9; Autoresponder`."),
    Rule("auto_reply_subject", 4, Kind.AUTO_REPLY, evidence.auto_reply_subject, "Exchange, Gmail, Notes",
         "The subject begins with what mail systems put before automatic replies (a table in docs/rules.md), not after "
         "Re:, TR: or Fwd:."),
    Rule("notes_absence", 4, Kind.AUTO_REPLY, evidence.notes_absence, "Lotus Notes",
         'The subject is "… is out of the office." (or the same in French or German), above Notes\' own first line.'),
    Rule("calendar_reply", 5, Kind.INVITATION, evidence.calendar_reply, "RFC 5546 §1.4",
         "`text/calendar` with method REPLY, COUNTER, CANCEL, REFRESH or DECLINECOUNTER."),
    Rule("calendar_request", 5, Kind.INVITATION, evidence.calendar_request, "RFC 5546 §1.4",
         "`text/calendar` with method REQUEST or ADD, or Exchange's "
         "`Content-Class: urn:content-classes:calendarmessage`: answered in the calendar."),
    Rule("forwarded", 6, Kind.REQUEST, evidence.forwarded, "RFC 5322 §3.6.6, Exchange",
         "Forwarded by a rule, yet probably human: X-MS-Exchange-Organization-AutoForwarded, Resent-*, or "
         "`auto-generated` with a personal From and an In-Reply-To or a mail program's name, no list, no helpdesk. "
         'With `forwarded = "send"` it is acknowledged, whatever auto_submitted, copy and undisclosed say.',
         _holds_forwarded),
    Rule("stub", 6, Kind.REQUEST, evidence.stub, "Exchange IMAP",
         "The server put a notice in place of a message that it can't convert; the message is in Outlook."),
    Rule("auto_submitted", 7, Kind.AUTOMATIC, evidence.auto_submitted, "RFC 3834 §5, RFC 5436",
         "Auto-Submitted says anything else but `no`; unknown keywords count."),
    Rule("loop_header", 7, Kind.AUTOMATIC, evidence.loop_header, "procmail, OTRS",
         "X-Loop, X-No-Loop or X-OTRS-Loop, unless it says no or false, or names a group of the mailbox."),
    Rule("helpdesk_header", 7, Kind.AUTOMATIC, evidence.helpdesk_header, "RT, Roundup, Zammad, trackers, cron",
         "X-RT-Loop-Prevention, X-Roundup-Loop, X-Zammad-*; X-Bugzilla-*, X-Jira-*, X-GitHub-*, X-GitLab-*, "
         "X-Redmine-*, X-Trac-*; X-Cron-Env."),
    Rule("list_header", 8, Kind.BULK, evidence.list_header, "RFC 2369, RFC 2919, RFC 8058",
         "List-*, Mailing-List, X-Mailing-List, X-BeenThere. Those of the mailbox's own groups don't count."),
    Rule("list_sender", 8, Kind.BULK, evidence.list_sender, "majordomo, Mailman",
         "Sender is owner-…, …-owner, …-bounces or …-bounce, and not of the mailbox's own group."),
    Rule("precedence", 8, Kind.BULK, evidence.precedence, "RFC 3834 §3.1.8",
         "Precedence or X-Precedence is bulk, list, junk or auto_reply (`list` from a group of the mailbox doesn't "
         "count)."),
    Rule("no_reply", 9, Kind.AUTOMATIC, evidence.no_reply, "practice",
         "From noreply, donotreply, nepasrepondre, pasdereponse, unattended, autoreply or the like in other languages, "
         "as the whole local part; `.`, `_` and `-` may stand anywhere in it. From Exchange itself "
         "(MicrosoftExchange and 32 digits)."),
    Rule("list_address", 9, Kind.AUTOMATIC, evidence.list_address, "RFC 2142 §6",
         "From …-request, …-owner, …-bounces or owner-…."),
    Rule("form", 9, Kind.REQUEST, evidence.form, "practice of web forms",
         "From an address in `forms`, or a no-reply address of our own domains, with one other Reply-To: that is "
         "who asks, and where the acknowledgement goes.", _never),
    Rule("spam_flag", 10, Kind.SPAM, evidence.spam_flag, "SpamAssassin",
         "`X-Spam-Flag: YES` or `X-Spam-Status: Yes`."),
    Rule("spam_level", 10, Kind.SPAM, evidence.spam_level, "Exchange",
         "Exchange's SCL is at or above `spam_level`."),
    Rule("junk_folder", 10, Kind.SPAM, evidence.junk_folder, "RFC 6154 §2",
         "It lies in the Junk folder."),
    Rule("report_reply", 11, Kind.REPLY, evidence.report_reply, "RFC 5322 §3.6.4",
         "Staff's reply to a digest or an alert of ours: recorded, nobody's request. Handed on (TR:, Fwd:), it may be "
         "one."),
    Rule("answer_copy", 11, Kind.ANSWER, evidence.answer_copy, "answers observed",
         "Staff's own message in the thread of a known request: addressed to the requester, or written by those who "
         "answer for the mailbox (owners, `answerers`, who covers for them, the mailbox itself). For a colleague's "
         "request only these. A forged one (dmarc_fail) isn't staff's."),
    Rule("copy", 11, Kind.COPY, evidence.copy, '`copies = "record"`',
         "The mailbox stands in Cc only; not where the requester writes again in the thread of their request."),
    Rule("undisclosed", 12, Kind.UNDISCLOSED, evidence.undisclosed_staff, "RFC 3834 §2, RFC 5230 §4.5",
         "Staff mailbox: addressed to none of its addresses, aliases and groups, and no follow-up of its requester."),
    Rule("undisclosed", 12, Kind.REQUEST, evidence.undisclosed_shared, "RFC 3834 §2, RFC 5230 §4.5",
         "Shared mailbox: the same; acknowledged with `acknowledge_bcc`.", _holds_undisclosed),
    Rule("auto_response_suppress", 13, None, reservations.auto_response_suppress, "MS-OXCMAIL §2.1.3.2.20",
         "X-Auto-Response-Suppress has All or AutoReply. It asks for silence and proves nothing else. (OOF asks only "
         "for no word of an [absence](absences.md).)"),
    Rule("no_recipient", 14, None, reservations.no_recipient, "RFC 5322 §3.6.2",
         "No usable address to acknowledge to; a form whose writer left none."),
    Rule("own_recipient", 14, None, reservations.own_recipient, "RFC 3834 §2",
         "The acknowledgement would go to this mailbox, its groups, or another watched one."),
    Rule("several_from", 14, None, reservations.several_from, "RFC 5322 §3.6.2",
         "Several From addresses without a Sender."),
    Rule("elsewhere", 14, None, reservations.elsewhere, "one acknowledgement a message",
         "The first watched address in To, else in Cc, is another mailbox's; or the message was acknowledged from "
         "another one."),
    Rule("reply", 15, Kind.REPLY, reservations.recorded_reply, '`replies = "record"`',
         "It replies to what we wrote first, or, in a staff mailbox, to something unknown: recorded."),
    Rule("reply", 15, None, reservations.requesting_reply, '`replies = "request"`',
         "The same where replies are requests: the clock runs."),
    Rule("follow_up", 16, Kind.FOLLOW_UP, reservations.follow_up, "threads",
         "It belongs to a request that is already known; a weak link doesn't count. It turns any request, not only "
         "a plain one, into a follow-up."),
    Rule("disabled", 17, None, reservations.disabled, "`enabled = false`",
         "Acknowledgements are off for the mailbox."),
    Rule("before_enabled", 17, None, reservations.before_enabled, "first sight is silent",
         "Received before the mailbox was watched."),
    Rule("late", 17, None, reservations.late, '`late = "hold"`',
         "Older than `acknowledge_within` when first seen, by INTERNALDATE or by its newest Received header."),
    Rule("answered", 18, None, reservations.answered, "RFC 3501 §2.3.2",
         "A person answered it already (`\\Answered`)."),
    Rule("sender_limit", 19, None, reservations.sender_limit, "RFC 3834 §2",
         "This recipient was sent `per_sender_per_day` acknowledgements from this mailbox within a day."),
    Rule("sender_limit_everywhere", 19, None, reservations.sender_limit_everywhere, "RFC 3834 §2",
         "… or `per_sender_everywhere_per_day` from all mailboxes."),
    Rule("same_subject", 19, None, reservations.same_subject, "RFC 3834 §2",
         "… or `same_subject_per_3h` with the same subject within three hours."),
    Rule("blocked", 20, None, reservations.blocked, "RFC 3463 §3.2",
         "Automatic mail to this recipient is blocked: the address doesn't exist, or staff said so."),
    Rule(LOCAL_RULE, 20, None, reservations.local_rule, "`[[rule]]`",
         "A rule of the configuration. As a request, it lifts rungs 7 to 12; as a record, a person's message "
         "becomes automatic; or it only withholds, or names an owner. The first such rule decides the kind.",
         _holds_local),
    Rule("dmarc_fail", 21, None, reservations.dmarc_fail, "RFC 8601, RFC 7489",
         'The topmost Authentication-Results of a configured `authserv_id` says that DMARC failed (`"microsoft"` '
         "stands for Microsoft 365's, which has no id)."),
)
# fmt: on
