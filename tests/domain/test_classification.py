"""The ladder: one test over the corpus, one a rung for what only the past or the configuration can tell."""

import runpy
import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import (
    INSCRIPTIONS,
    MARIE,
    NOW,
    a_mailbox,
    a_message,
    a_staff_mailbox,
    a_thread,
    an_organisation,
    with_policy,
)
from domain.monsters import MONSTERS

from mailwatch.domain.classification import (
    SILENT_REGISTER,
    History,
    Hit,
    Kind,
    Verdict,
    acknowledgement_recipient,
    classify,
    is_authenticated,
    may_echo_subject,
)
from mailwatch.domain.languages import detect_language
from mailwatch.domain.mailboxes import LocalRule, Mailbox
from mailwatch.domain.messages import Message, parse_message
from mailwatch.domain.rules import LAST_HARD_RUNG, RULES
from mailwatch.domain.threads import Link

ROOT = Path(__file__).parents[2]
CORPUS = sorted((ROOT / "tests" / "corpus").glob("*.eml"))
BANNER = "AVERTISSEMENT : Ce courriel provient de l'extérieur de l'organisation. Soyez prudent avec les liens."
GROUP = "inscriptions-equipe@cscmonavenir.example"
REPLY = "In-Reply-To: <p1@courriel.example>"
OUR_SERVER = "mail.cscmonavenir.example"
AUTHENTICATED = f"Authentication-Results: {OUR_SERVER}; dmarc=pass header.from=courriel.example"


def judge(message: Message, mailbox: Mailbox | None = None, **history: Any) -> Verdict:
    """The verdict on a message that arrived just now."""
    return classify(message, mailbox or a_mailbox(), History(**history), NOW, NOW)


def rules_of(verdict: Verdict) -> list[str]:
    return [hit.rule for hit in verdict.hits]


# --- the corpus ------------------------------------------------------------------------------------------------------


def corpus_mailboxes() -> dict[str, Mailbox]:
    organisation = an_organisation(banners=(BANNER,))
    authserv_id = (OUR_SERVER,)
    forms = frozenset({"formulaire@prestataire.example"})
    return {
        "shared": a_mailbox(
            organisation=organisation, groups=(GROUP,), policy={"authserv_id": authserv_id, "forms": forms}
        ),
        "staff": a_staff_mailbox(organisation=organisation, policy={"authserv_id": authserv_id}),
    }


MAILBOXES = corpus_mailboxes()


def judged(path: Path) -> tuple[dict[str, Any], Message, Verdict]:
    expected = tomllib.loads(path.with_suffix(".toml").read_text(encoding="utf-8"))
    message = parse_message(path.read_bytes())
    return expected, message, judge(message, MAILBOXES[expected.get("mailbox", "shared")])


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_the_corpus_is_judged_as_its_notes_say(path: Path) -> None:
    expected, message, verdict = judged(path)
    found: dict[str, Any] = {
        "kind": str(verdict.kind),
        "reason": verdict.reason,
        "acknowledge": verdict.kind is Kind.REQUEST and verdict.suppressed_by is None,
        "suppressed_by": verdict.suppressed_by,
        "rules": rules_of(verdict),
        "language": detect_language(message.subject, message.text, (BANNER,)) or "unsure",
    }
    wanted = {"suppressed_by": None} | {key: value for key, value in expected.items() if key in found}
    assert wanted == {key: found[key] for key in wanted}


def test_every_corpus_file_has_its_notes() -> None:
    notes = {path.stem for path in (ROOT / "tests" / "corpus").glob("*.toml")}
    assert notes == {path.stem for path in CORPUS}
    assert len(CORPUS) >= 90


# What no file can show by itself: the folder it lies in, the thread it belongs to.
BY_HISTORY = {"junk_folder", "answer_copy"}


def hard_rules() -> Iterator[str]:
    return (rule.name for rule in RULES if rule.rung <= LAST_HARD_RUNG and rule.name not in BY_HISTORY)


@pytest.mark.parametrize("name", sorted(set(hard_rules())))
def test_every_hard_rule_is_hit_by_a_corpus_file(name: str) -> None:
    assert any(name in rules_of(judged(path)[2]) for path in CORPUS)


@pytest.mark.parametrize("kind", sorted(set(Kind) - {Kind.FOLLOW_UP, Kind.ANSWER}))
def test_every_kind_stands_in_the_corpus(kind: Kind) -> None:
    assert any(judged(path)[2].kind is kind for path in CORPUS)


# --- the table -------------------------------------------------------------------------------------------------------


def test_rules_stand_in_the_order_of_their_rungs() -> None:
    rungs = [rule.rung for rule in RULES]
    assert sorted(rungs) == rungs
    assert set(range(1, 22)) == set(rungs)


def test_a_kind_that_is_no_request_always_forbids_an_acknowledgement() -> None:
    for path in CORPUS:
        verdict = judged(path)[2]
        assert verdict.kind is Kind.REQUEST or verdict.suppressed_by is not None


def test_the_page_of_rules_is_the_table() -> None:
    page = runpy.run_path(str(ROOT / "tools" / "write-rules"))["page"]
    assert page() == (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")


def test_a_verdict_keeps_no_sender_and_no_subject() -> None:
    for path in CORPUS:
        _, message, verdict = judged(path)
        details = " ".join(hit.detail for hit in verdict.hits)
        assert not message.from_ or message.from_[0].key not in details
        assert not message.subject or message.subject not in details


# --- 1 to 12, where the past or the configuration decides ------------------------------------------------------------


def test_the_first_hard_rule_decides_and_all_are_kept() -> None:
    verdict = judge(a_message("Auto-Submitted: auto-replied", "Precedence: bulk", "X-Spam-Flag: YES"))
    assert (verdict.kind, verdict.reason, verdict.suppressed_by) == (Kind.AUTO_REPLY, "auto_replied", "auto_replied")
    assert rules_of(verdict) == ["auto_replied", "precedence", "spam_flag"]


def test_what_lies_in_the_junk_folder_is_spam() -> None:
    assert judge(a_message(), is_junk_folder=True).reason == "junk_folder"


def test_a_stub_is_a_request_whatever_its_headers_say() -> None:
    stub = "Retrieval using the IMAP4 protocol failed for the following message: 17"
    verdict = judge(a_message("Precedence: bulk", body=stub))
    assert (verdict.kind, verdict.reason, verdict.suppressed_by) == (Kind.REQUEST, "stub", "stub")


@pytest.mark.parametrize(
    "header", ["X-MS-Exchange-Organization-AutoForwarded: true", "Resent-To: inscriptions@cscmonavenir.example"]
)
def test_forwarded_mail_is_acknowledged_where_the_policy_says_so(header: str) -> None:
    message = a_message(header, "Auto-Submitted: auto-generated", "X-Mailer: Outlook", to="autre@ecole.example")
    held = judge(message)
    sent = judge(message, a_mailbox(policy={"forwarded": "send"}))
    assert (held.kind, held.suppressed_by) == (Kind.REQUEST, "forwarded")
    assert (sent.kind, sent.reason, sent.suppressed_by) == (Kind.REQUEST, "forwarded", None)
    assert rules_of(sent) == ["forwarded", "auto_submitted", "undisclosed"]


def test_forwarded_bulk_mail_stays_a_request_and_unacknowledged() -> None:
    message = a_message("Resent-From: x@ecole.example", "List-Id: <a.b.example>")
    verdict = judge(message, a_mailbox(policy={"forwarded": "send"}))
    assert (verdict.kind, verdict.reason, verdict.suppressed_by) == (Kind.REQUEST, "forwarded", "list_header")


def test_the_spam_level_is_configurable() -> None:
    message = a_message("X-MS-Exchange-Organization-SCL: 6")
    assert judge(message).kind is Kind.SPAM
    assert judge(message, a_mailbox(policy={"spam_level": 7})).kind is Kind.REQUEST


def test_copies_may_be_requests() -> None:
    message = a_message(f"Cc: {INSCRIPTIONS}", to="direction@ecole.example")
    assert judge(message).kind is Kind.COPY
    assert judge(message, a_mailbox(policy={"copies": "request"})).suppressed_by is None


def test_a_blind_copy_may_be_acknowledged() -> None:
    message = a_message(to="direction@ecole.example")
    verdict = judge(message, a_mailbox(policy={"acknowledge_bcc": True}))
    assert (verdict.kind, verdict.reason, verdict.suppressed_by) == (Kind.REQUEST, "undisclosed", None)


@pytest.mark.parametrize("to", ["admissions@cscmonavenir.example", GROUP, "Inscriptions+2026@CSCMonAvenir.example"])
def test_aliases_groups_and_sub_addresses_are_the_mailbox(to: str) -> None:
    mailbox = a_mailbox(aliases=("admissions@cscmonavenir.example",), groups=(GROUP,))
    assert judge(a_message(to=to), mailbox).hits == ()


def test_list_headers_of_the_mailbox_itself_do_not_count() -> None:
    message = a_message("List-Id: <inscriptions.cscmonavenir.example>", "Precedence: list")
    assert judge(message).hits == ()


def test_a_group_that_rewrites_from_leaves_the_sender_elsewhere() -> None:
    mailbox = a_mailbox(groups=(GROUP,))
    headers = ("List-Id: <inscriptions-equipe.cscmonavenir.example>", "Reply-To: jean.cote@courriel.example")
    verdict = judge(a_message(*headers, from_=f"'Jean' via Inscriptions <{GROUP}>", to=GROUP), mailbox)
    assert verdict.requester is not None
    assert verdict.requester.key == "jean.cote@courriel.example"
    assert verdict.recipient == verdict.requester
    assert verdict.suppressed_by is None


def test_a_group_may_keep_the_sender_in_one_header_only() -> None:
    headers = ("List-Id: <inscriptions-equipe.cscmonavenir.example>", "X-Original-Sender: jean.cote@courriel.example")
    recipient = acknowledgement_recipient(a_message(*headers, from_=GROUP, to=GROUP), a_mailbox(groups=(GROUP,)))
    assert recipient is not None
    assert recipient.key == "jean.cote@courriel.example"


@pytest.mark.parametrize(
    ("headers", "from_"),
    [
        (("List-Id: <inscriptions-equipe.cscmonavenir.example>",), "jean.cote@courriel.example"),
        ((), "inscriptions@cscmonavenir.example"),
    ],
)
def test_an_original_sender_counts_only_where_our_group_stands_in_from(headers: tuple[str, ...], from_: str) -> None:
    message = a_message(*headers, "X-Original-From: victime@ailleurs.example", from_=from_)
    recipient = acknowledgement_recipient(message, a_mailbox(groups=(GROUP,)))
    assert recipient is not None
    assert recipient.key == from_


@pytest.mark.parametrize(("value", "hits"), [(GROUP.upper(), []), ("robot@ailleurs.example", ["loop_header"])])
def test_a_loop_header_of_our_group_is_no_loop(value: str, hits: list[str]) -> None:
    assert rules_of(judge(a_message(f"X-Loop: {value}"), a_mailbox(groups=(GROUP,)))) == hits


def test_a_report_cut_short_is_a_report() -> None:
    content_type = "multipart/report; report-type=Delivery-Status; boundary=x"
    assert judge(a_message(content_type=content_type, body="--x")).reason == "delivery_report"


def test_a_report_of_a_reply_is_a_report() -> None:
    body = "--x\nContent-Type: message/delivery-status\n\nStatus: 5.1.1\n\n--x--\n"
    report = a_message(content_type="multipart/report; boundary=x", subject="RE: Inscription", body=body)
    assert judge(report).reason == "delivery_report"


@pytest.mark.parametrize(
    ("content_class", "kind"),
    [("dsn", Kind.BOUNCE), ("mdn", Kind.RECEIPT), ("calendarmessage", Kind.INVITATION), ("message", Kind.REQUEST)],
)
def test_exchange_says_by_a_content_class_what_its_reports_are(content_class: str, kind: Kind) -> None:
    assert judge(a_message(f"Content-Class: urn:content-classes:{content_class}")).kind is kind


@pytest.mark.parametrize(
    ("from_", "subject", "kind"),
    [
        ("postmaster@ecole.example", "Undeliverable: Inscription", Kind.BOUNCE),
        ("Postmaster@ecole.example", "Non remis : Inscription", Kind.BOUNCE),
        ("postmaster@ecole.example", "RE: Undeliverable: Inscription", Kind.REQUEST),
        ("postmaster@ecole.example", "Your undeliverable mail", Kind.REQUEST),
        ("jean@ecole.example", "Undeliverable: Inscription", Kind.REQUEST),
    ],
)
def test_a_postmaster_is_a_robot_only_under_the_subject_of_one(from_: str, subject: str, kind: Kind) -> None:
    assert judge(a_message(from_=from_, subject=subject)).kind is kind


@pytest.mark.parametrize("from_", ["<MAILER-DAEMON>", "MAILER-DAEMON (Mail Delivery)", "Mail-Daemon", "<bounces+a>"])
def test_a_robot_without_a_domain_is_known(from_: str) -> None:
    assert judge(a_message(from_=from_)).reason == "mailer_daemon"


@pytest.mark.parametrize(("sender", "hits"), [("inscriptions-equipe", []), ("inscriptions-parents", ["list_sender"])])
def test_the_list_in_sender_may_be_our_own_group(sender: str, hits: list[str]) -> None:
    message = a_message(f"Sender: {sender}-bounces@cscmonavenir.example")
    assert rules_of(judge(message, a_mailbox(groups=(GROUP,)))) == hits


def test_a_helpdesks_receipt_is_no_forwarded_mail() -> None:
    headers = (REPLY, "Auto-Submitted: auto-generated")
    assert judge(a_message(*headers)).reason == "forwarded"
    assert judge(a_message(*headers, "X-Zendesk-From-Account-Id: 1")).reason == "auto_submitted"


@pytest.mark.parametrize(
    ("subject", "kind"),
    [
        ("Auto-Reply – Inscription", Kind.AUTO_REPLY),
        ("(Automatic reply) Inscription", Kind.AUTO_REPLY),
        ("Réponse automatique", Kind.AUTO_REPLY),
        ("Yahoo! Auto Response", Kind.AUTO_REPLY),
        ("自動応答：質問", Kind.AUTO_REPLY),
        ("[Auto-Reply Inscription", Kind.REQUEST),
        ("Auto-Reply] Inscription", Kind.REQUEST),
        ("Automatic reply wanted", Kind.REQUEST),
        ("Auto-replying machines", Kind.REQUEST),
        ("Out of office", Kind.REQUEST),
        ("[Out of office] Inscription", Kind.REQUEST),
        ("Message d'absence", Kind.REQUEST),
    ],
)
def test_only_what_nobody_types_for_himself_needs_no_colon(subject: str, kind: Kind) -> None:
    assert judge(a_message(subject=subject)).kind is kind


def test_a_calendar_file_that_a_person_attaches_asks_nothing() -> None:
    body = "--x\nContent-Type: text/calendar; name=a.ics\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\n--x--\n"
    message = a_message(content_type="multipart/mixed; boundary=x", body=body)
    assert judge(message).kind is Kind.REQUEST


# --- 13 to 21 --------------------------------------------------------------------------------------------------------


def test_a_message_acknowledged_from_another_mailbox_is_left_alone() -> None:
    verdict = judge(a_message(), is_acknowledged_elsewhere=True)
    assert (verdict.kind, verdict.suppressed_by) == (Kind.REQUEST, "elsewhere")


def test_the_first_watched_address_acknowledges() -> None:
    message = a_message(f"Cc: {MARIE}", to=f"direction@ecole.example, {INSCRIPTIONS}")
    assert judge(message).suppressed_by is None
    staff = a_staff_mailbox(policy={"copies": "request"})
    assert judge(message, staff).suppressed_by == "elsewhere"


def test_a_watched_address_counts_with_a_sub_address_too() -> None:
    message = a_message(to=f"marie.tremblay+ecole@cscmonavenir.example, {INSCRIPTIONS}")
    assert judge(message).suppressed_by == "elsewhere"


def test_mailboxes_that_share_an_account_do_not_wait_for_each_other() -> None:
    message = a_message(to=f"{MARIE}, {INSCRIPTIONS}")
    assert judge(message).suppressed_by == "elsewhere"
    assert judge(message, a_mailbox(shares_with=(MARIE, INSCRIPTIONS))).suppressed_by is None


def test_a_reply_to_what_we_wrote_runs_the_clock_in_a_shared_mailbox() -> None:
    verdict = judge(a_message(REPLY), is_parent_ours=True)
    assert (verdict.kind, verdict.reason, verdict.suppressed_by) == (Kind.REQUEST, "person", "reply")


def test_a_reply_to_what_we_wrote_is_recorded_where_the_policy_says_so() -> None:
    verdict = judge(a_message(REPLY), a_mailbox(policy={"replies": "record"}), is_parent_ours=True)
    assert (verdict.kind, verdict.reason, verdict.suppressed_by) == (Kind.REPLY, "reply", "reply")


def test_a_reply_to_something_unknown_is_acknowledged_by_a_service_but_not_by_a_person() -> None:
    assert judge(a_message(REPLY)).suppressed_by is None
    message = a_message(REPLY, to=MARIE)
    assert judge(message, a_staff_mailbox()).kind is Kind.REPLY
    requested = judge(message, a_staff_mailbox(policy={"replies": "request"}))
    assert (requested.kind, requested.suppressed_by) == (Kind.REQUEST, "reply")


def test_a_reply_of_a_robot_stays_a_robots() -> None:
    verdict = judge(a_message(REPLY, "Auto-Submitted: auto-replied"), is_parent_ours=True, thread=a_thread())
    assert (verdict.kind, verdict.suppressed_by) == (Kind.AUTO_REPLY, "auto_replied")


@pytest.mark.parametrize("link", [Link.IN_REPLY_TO, Link.REFERENCES, Link.REFERENCE, Link.THREAD_INDEX])
def test_what_belongs_to_a_known_request_is_a_follow_up(link: Link) -> None:
    verdict = judge(a_message(REPLY), thread=a_thread(link), is_parent_ours=True)
    assert (verdict.kind, verdict.reason, verdict.suppressed_by) == (Kind.FOLLOW_UP, "follow_up", "follow_up")


def test_a_weak_link_suppresses_nothing() -> None:
    verdict = judge(a_message(subject="Re: Inscription à la maternelle"), thread=a_thread(Link.SUBJECT))
    assert (verdict.kind, verdict.suppressed_by) == (Kind.REQUEST, None)


def test_a_weak_link_does_not_hide_that_the_parent_is_ours() -> None:
    verdict = judge(a_message(REPLY), thread=a_thread(Link.SUBJECT), is_parent_ours=True)
    assert verdict.suppressed_by == "reply"


def test_acknowledgements_may_be_off() -> None:
    verdict = judge(a_message(), a_mailbox(policy={"enabled": False}))
    assert (verdict.kind, verdict.suppressed_by) == (Kind.REQUEST, "disabled")


def test_what_was_there_before_the_mailbox_is_not_acknowledged() -> None:
    assert judge(a_message(), enabled_at=NOW).suppressed_by is None
    assert judge(a_message(), enabled_at=NOW + timedelta(seconds=1)).suppressed_by == "before_enabled"


def test_late_is_later_than_the_limit() -> None:
    def seen(after: timedelta, mailbox: Mailbox) -> str | None:
        return classify(a_message(), mailbox, History(), NOW, NOW + after).suppressed_by

    assert seen(timedelta(hours=48), a_mailbox()) is None
    assert seen(timedelta(hours=48, seconds=1), a_mailbox()) == "late"
    assert seen(timedelta(hours=49), a_mailbox(policy={"late": "send"})) is None


def test_a_migrated_message_is_late_by_its_newest_hop() -> None:
    assert judge(a_message(), newest_hop_at=NOW - timedelta(days=30)).suppressed_by == "late"
    assert judge(a_message(), newest_hop_at=NOW + timedelta(days=30)).suppressed_by is None


def test_what_a_person_answered_already_is_not_acknowledged() -> None:
    assert judge(a_message(), is_already_answered=True).suppressed_by == "answered"


@pytest.mark.parametrize(
    ("count", "below", "limit", "rule"),
    [
        ("sent_here_today", 4, 5, "sender_limit"),
        ("sent_everywhere_today", 9, 10, "sender_limit_everywhere"),
        ("same_subject_recently", 1, 2, "same_subject"),
    ],
)
def test_limits_hold_back_what_would_go_over_them(count: str, below: int, limit: int, rule: str) -> None:
    assert judge(a_message(), **{count: below}).suppressed_by is None
    assert judge(a_message(), **{count: limit}).suppressed_by == rule


def test_a_blocked_recipient_gets_nothing() -> None:
    verdict = judge(a_message(), block="5.1.1")
    assert verdict.hits == (Hit(rule="blocked", detail="5.1.1"),)
    assert (verdict.kind, verdict.suppressed_by) == (Kind.REQUEST, "blocked")


def test_the_first_reservation_in_order_is_the_reason() -> None:
    message = a_message("X-Auto-Response-Suppress: All")
    verdict = judge(message, sent_here_today=99, block="5.1.1", is_already_answered=True)
    assert rules_of(verdict) == ["auto_response_suppress", "answered", "sender_limit", "blocked"]
    assert verdict.suppressed_by == "auto_response_suppress"


def test_a_follow_up_that_a_rule_forwarded_is_still_a_follow_up() -> None:
    verdict = judge(a_message(REPLY, "Resent-To: inscriptions@cscmonavenir.example"), thread=a_thread())
    assert (verdict.kind, verdict.reason, verdict.suppressed_by) == (Kind.FOLLOW_UP, "follow_up", "forwarded")


def test_a_forwarded_reply_is_held_as_a_request_even_where_replies_are_recorded() -> None:
    message = a_message(REPLY, "Auto-Submitted: auto-generated", to=MARIE)
    verdict = judge(message, a_staff_mailbox())
    assert (verdict.kind, verdict.reason, verdict.suppressed_by) == (Kind.REQUEST, "forwarded", "forwarded")
    assert rules_of(verdict) == ["forwarded", "auto_submitted", "reply"]


# --- local rules -----------------------------------------------------------------------------------------------------


def with_rules(*rules: LocalRule, **policy: Any) -> Mailbox:
    return a_mailbox(rules=rules, policy=policy)


def test_a_local_rule_makes_a_robot_a_request() -> None:
    rule = LocalRule(name="portail", domains=frozenset({"courriel.example"}), treat_as="request")
    message = a_message("Auto-Submitted: auto-generated", "Precedence: bulk")
    verdict = judge(message, with_rules(rule))
    assert (verdict.kind, verdict.reason, verdict.suppressed_by) == (Kind.REQUEST, "local_rule", None)
    assert rules_of(verdict) == ["auto_submitted", "precedence", "local_rule"]


def test_a_local_rule_lifts_nothing_that_a_protocol_says() -> None:
    rule = LocalRule(name="portail", domains=frozenset({"courriel.example"}), treat_as="request")
    assert judge(a_message("Auto-Submitted: auto-replied"), with_rules(rule)).kind is Kind.AUTO_REPLY


def test_a_local_rule_makes_a_person_a_record() -> None:
    rule = LocalRule(name="copieur", senders=frozenset({"jean.cote@courriel.example"}), treat_as="record")
    verdict = judge(a_message(), with_rules(rule))
    assert (verdict.kind, verdict.reason, verdict.suppressed_by) == (Kind.AUTOMATIC, "local_rule", "local_rule")
    assert verdict.hits == (Hit(rule="local_rule", detail="copieur"),)


def test_a_local_rule_may_only_withhold() -> None:
    rule = LocalRule(name="avocat", subject_contains="maternelle", acknowledge=False)
    verdict = judge(a_message(), with_rules(rule))
    assert (verdict.kind, verdict.reason, verdict.suppressed_by) == (Kind.REQUEST, "person", "local_rule")


def test_a_local_rule_may_only_name_an_owner() -> None:
    owner = LocalRule(name="paul", subject_contains="maternelle", owner="paul.roy@cscmonavenir.example")
    other = LocalRule(name="avocat", domains=frozenset({"example"}), acknowledge=False)
    verdict = judge(a_message(), with_rules(owner))
    assert (verdict.suppressed_by, verdict.hits) == (None, (Hit(rule="local_rule", detail="paul"),))
    both = judge(a_message(), with_rules(owner, other))
    assert both.suppressed_by == "local_rule"
    assert [hit.detail for hit in both.hits] == ["paul", "avocat"]


def test_a_local_rule_stands_above_what_a_mailbox_does_with_replies() -> None:
    def treated(treat_as: str) -> Verdict:
        rule = LocalRule(name="x", senders=frozenset({"jean.cote@courriel.example"}), treat_as=treat_as)
        return judge(a_message(REPLY, to=MARIE), a_staff_mailbox(rules=(rule,)))

    assert (treated("record").kind, treated("record").reason) == (Kind.AUTOMATIC, "local_rule")
    request = treated("request")
    assert (request.kind, request.reason, request.suppressed_by) == (Kind.REQUEST, "local_rule", "reply")


def test_a_local_rule_about_a_sender_is_about_no_other() -> None:
    rule = LocalRule(name="x", senders=frozenset({"autre@courriel.example"}), treat_as="record")
    assert judge(a_message(), with_rules(rule)).hits == ()
    assert judge(a_message(from_="Autre@Courriel.example"), with_rules(rule)).kind is Kind.AUTOMATIC


def test_a_domain_of_a_local_rule_covers_those_below_it() -> None:
    rule = LocalRule(name="x", domains=frozenset({"courriel.example"}), treat_as="record")
    assert judge(a_message(from_="a@mail.COURRIEL.example"), with_rules(rule)).kind is Kind.AUTOMATIC


def test_all_conditions_of_a_local_rule_must_hold() -> None:
    rule = LocalRule(name="x", domains=frozenset({"courriel.example"}), subject_contains="transport", treat_as="record")
    assert judge(a_message(), with_rules(rule)).hits == ()
    assert judge(a_message(subject="[External] Transport"), with_rules(rule)).kind is Kind.AUTOMATIC
    assert judge(a_message(subject="Transport", from_="a@autrecourriel.example"), with_rules(rule)).hits == ()


# --- Authentication-Results ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "authserv_id", "authenticated", "suppressed_by"),
    [
        (f"{OUR_SERVER}; dmarc=pass header.from=courriel.example", OUR_SERVER, True, None),
        (f"{OUR_SERVER} 1; spf=pass; DMARC = Fail (p=none)", OUR_SERVER, False, "dmarc_fail"),
        (f'{OUR_SERVER}; dkim=pass reason="dmarc=fail"', OUR_SERVER, False, None),
        (f"{OUR_SERVER}; none", OUR_SERVER, False, None),
        (f"{OUR_SERVER.upper()}; dmarc=pass", OUR_SERVER.title(), True, None),
        ("mx.elsewhere.example; dmarc=fail", OUR_SERVER, False, None),
        ("mx.elsewhere.example; dmarc=pass", OUR_SERVER, False, None),
        ("spf=pass; dkim=pass; dmarc=pass action=none header.from=x;compauth=pass", "microsoft", True, None),
        ("spf=fail (sender IP is 192.0.2.1); dmarc=fail action=oreject", "microsoft", False, "dmarc_fail"),
        ("spf=fail (sender IP is 192.0.2.1); dmarc=fail action=oreject", OUR_SERVER, False, None),
        ("", OUR_SERVER, False, None),
        (";;;=;(", "microsoft", False, None),
    ],
)
def test_only_our_own_servers_word_counts(
    value: str, authserv_id: str, authenticated: bool, suppressed_by: str | None
) -> None:
    mailbox = a_mailbox(policy={"authserv_id": (authserv_id,)})
    message = a_message(f"Authentication-Results: {value}")
    assert is_authenticated(message, mailbox) is authenticated
    assert judge(message, mailbox).suppressed_by == suppressed_by


def test_of_several_results_of_our_server_the_topmost_counts() -> None:
    mailbox = a_mailbox(policy={"authserv_id": (OUR_SERVER,)})
    ours, forged = (f"Authentication-Results: {OUR_SERVER}; dmarc={word}" for word in ("fail", "pass"))
    assert not is_authenticated(a_message(ours, forged), mailbox)


def test_without_a_configured_server_nobody_is_believed() -> None:
    message = a_message("Authentication-Results: mx.example; dmarc=fail")
    assert judge(message).suppressed_by is None
    assert not is_authenticated(message, a_mailbox())


# --- where an acknowledgement goes, and whose words it may repeat ----------------------------------------------------


@pytest.mark.parametrize(
    ("reply_to", "expected"),
    [
        ("jean@famille.courriel.example", "jean@famille.courriel.example"),
        ("victime@ailleurs.example", "jean.cote@courriel.example"),
        ("no-reply@courriel.example", "jean.cote@courriel.example"),
        ("a@courriel.example, b@courriel.example", "jean.cote@courriel.example"),
    ],
)
def test_reply_to_counts_in_the_senders_own_domain_only(reply_to: str, expected: str) -> None:
    recipient = acknowledgement_recipient(a_message(f"Reply-To: {reply_to}"), a_mailbox())
    assert recipient is not None
    assert recipient.key == expected


def test_a_form_whose_writer_is_the_mailbox_itself_is_a_robot() -> None:
    message = a_message(f"Reply-To: {INSCRIPTIONS}", from_="no-reply@cscmonavenir.example")
    assert judge(message).reason == "no_reply"


def test_a_form_whose_writer_reads_nothing_is_a_robot() -> None:
    message = a_message("Reply-To: no.reply@post.example", from_="no-reply@cscmonavenir.example")
    assert judge(message).reason == "no_reply"


def test_a_forms_writer_is_its_requester() -> None:
    verdict = judge(a_message("Reply-To: a.b@post.example", from_="no-reply@cscmonavenir.example"))
    assert verdict.requester == verdict.recipient
    assert verdict.requester is not None
    assert verdict.requester.key == "a.b@post.example"


@pytest.mark.parametrize(
    ("headers", "fields", "echoed"),
    [
        ((), {}, False),
        ((AUTHENTICATED,), {}, True),
        ((), {"from_": "paul.roy@cscmonavenir.example"}, True),
        (("Reply-To: b@courriel.example", AUTHENTICATED), {}, False),
        (("Reply-To: victime@ailleurs.example",), {"from_": "no-reply@cscmonavenir.example"}, False),
        ((AUTHENTICATED,), {"from_": "a@courriel.example, b@courriel.example"}, False),
    ],
)
def test_only_a_proved_sender_reads_his_own_words_again(
    headers: tuple[str, ...], fields: dict[str, str], echoed: bool
) -> None:
    mailbox = a_mailbox(policy={"authserv_id": (OUR_SERVER,)})
    message = a_message(*headers, **fields)
    assert may_echo_subject(message, mailbox, judge(message, mailbox)) is echoed


@pytest.mark.parametrize(("policy", "echoed"), [("always", True), ("never", False)])
def test_echoing_may_be_settled(policy: str, echoed: bool) -> None:
    mailbox = with_policy(a_mailbox(), echo_subject=policy)
    message = a_message()
    assert may_echo_subject(message, mailbox, judge(message, mailbox)) is echoed


def test_any_message_gets_a_verdict() -> None:
    empty = parse_message(b"")
    for mailbox in (a_mailbox(), a_staff_mailbox()):
        verdict = judge(empty, mailbox)
        assert verdict.recipient is None
        assert verdict.suppressed_by is not None
    assert judge(empty).kind is Kind.REQUEST
    assert judge(empty, a_staff_mailbox()).kind in SILENT_REGISTER


@pytest.mark.parametrize("name", sorted(MONSTERS))
def test_a_monster_gets_a_verdict_too(name: str) -> None:
    verdict = judge(parse_message(MONSTERS[name]))
    assert verdict.kind in Kind
