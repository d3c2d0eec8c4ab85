"""Who is told of what: levels, digests, alerts, absences; and accounts that are read for their Sent folders only."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from config_files import EXAMPLE, a_config

from mailwatch.checkup.configuration import check_configuration
from mailwatch.config import Config, load_config
from mailwatch.domain.absences import Absence
from mailwatch.domain.escalations import DEFAULT_LEVELS
from mailwatch.domain.incidents import AlertSettings
from mailwatch.domain.mailboxes import ObservingPolicy
from mailwatch.errors import ConfigurationError

INFO = "info@sault-au-bois.example"
ANNE = "anne@sault-au-bois.example"
OTHER = '\n[smtp.other]\nhost = "smtp.elsewhere.example"\n'
SENT_ONLY = f"""
[[mailbox]]
address = "{ANNE}"
kind = "staff"
imap = "main"
password = {{ env = "P" }}
observe_sent = "only"
"""


def wrong(folder: Path, more: str, *, instead: dict[str, str] | None = None) -> list[str]:
    """`path: sentence` of each problem."""
    with pytest.raises(ConfigurationError) as refused:
        a_config(folder, more, instead=instead)
    return [each.split(": ", 1)[1] for each in refused.value.problems]


def told(config: Config) -> list[str]:
    """The paths that are warned of."""
    return [warning.split(": ")[1] for warning in config.warnings]


# --- levels, digests, alerts ------------------------------------------------------------------------------------------


def test_without_levels_the_owner_is_warned_and_the_manager_told(tmp_path: Path) -> None:
    assert a_config(tmp_path).levels() == DEFAULT_LEVELS


def test_levels_are_those_of_the_file_in_its_order() -> None:
    levels = load_config(EXAMPLE).levels()

    assert [(each.name, each.to) for each in levels] == [
        ("before 1 business day", ("owner",)),
        ("after 0 business days", ("owner", "manager")),
        ("after 3 business days", ("director@cscmonavenir.example",)),
    ]


def test_two_levels_at_one_moment_are_one_that_tells_everybody(tmp_path: Path) -> None:
    levels = a_config(
        tmp_path,
        "".join(
            f'[[escalation]]\nafter = "24h"\nto = {to}\n'
            for to in ('["owner"]', '["owner", "manager"]', '["director@sault-au-bois.example"]')
        ),
    ).levels()

    assert [(each.name, each.to) for each in levels] == [
        ("after 24h", ("owner", "manager", "director@sault-au-bois.example"))
    ]


def test_digests_come_from_the_first_mailbox_through_its_account(tmp_path: Path) -> None:
    digests = a_config(tmp_path, OTHER).digests

    assert (digests.at, digests.details, digests.message_link) == (time(8, 30), False, "")
    assert (digests.account, digests.sender) == ("default", INFO)


def test_digests_say_what_they_are_told_to(tmp_path: Path) -> None:
    link = "https://webmail.example/?id={message_id}&box={mailbox}#{reference}"
    own = f'[digest]\nat = "07:05"\ndetails = true\nfrom = "MW@x.example"\nsmtp = "other"\nmessage_link = "{link}"\n'
    digests = a_config(tmp_path, own + OTHER).digests

    assert (digests.at, digests.details, digests.message_link) == (time(7, 5), True, link)
    assert (digests.account, digests.sender) == ("other", "mw@x.example")


def test_an_account_left_out_is_one_that_submits_for_a_mailbox(tmp_path: Path) -> None:
    config = a_config(tmp_path, OTHER, instead={'kind = "shared"': 'kind = "shared"\nsmtp = "other"'})

    assert (config.digests.account, config.digests.sender) == ("other", INFO)
    assert config.smtp_senders() == {"other": INFO}


def test_alerts_reach_nobody_unless_told(tmp_path: Path) -> None:
    assert a_config(tmp_path).alerts == AlertSettings(account="default", sender=INFO, after=timedelta(minutes=15))


def test_an_account_that_only_alerts_use_is_in_use_with_the_sender_named_for_it(tmp_path: Path) -> None:
    alerts = '[alerts]\nto = ["it@x.example"]\nfrom = "mailwatch@x.example"\nsmtp = "other"\nafter = "7m"\n'
    config = a_config(tmp_path, alerts + OTHER)

    assert config.alerts == AlertSettings(
        to=("it@x.example",), account="other", sender="mailwatch@x.example", after=timedelta(minutes=7)
    )
    assert config.smtp_senders() == {"default": INFO, "other": "mailwatch@x.example"}


@pytest.mark.parametrize(
    "link",
    [
        "ftp://x.example/{message_id}",
        "//x.example/{message_id}",
        "https:///{message_id}",
        "https://x.example/",
        "https://x.example/{sender}",
        "https://x.example/{message_id!r}",
        "https://x.example/{message_id.__class__}",
        "https://x.example/{message_id:>10}",
        "https://x.example/{message_id",
        "https://[x/{message_id}",
    ],
)
def test_a_link_that_leads_to_no_message_is_a_problem(tmp_path: Path, link: str) -> None:
    (problem,) = wrong(tmp_path, f"[digest]\nmessage_link = '{link}'\n")

    assert problem.startswith(f'digest.message_link: "{link}" isn\'t a link to a message; write an address')


def test_an_account_that_nobody_submits_through_needs_a_sender(tmp_path: Path) -> None:
    both = '[digest]\nsmtp = "other"\n[alerts]\nto = ["it@x.example"]\nsmtp = "other"\n'
    sentence = (
        'no mailbox submits through the SMTP account "other": write from = "ADDRESS", an address it may send from'
    )

    assert wrong(tmp_path, both + OTHER) == [f"digest.from: {sentence}", f"alerts.from: {sentence}"]
    assert a_config(tmp_path, '[alerts]\nsmtp = "other"\n' + OTHER).alerts.to == ()


def test_alerts_need_a_server(tmp_path: Path) -> None:
    text = '[organisation]\nname = "X"\ntimezone = "UTC"\n[calendar]\nhours = ["09:00-17:00"]\n'
    path = tmp_path / "m.toml"
    path.write_text(text + '[alerts]\nto = ["it@x.example"]\n', "utf-8")

    with pytest.raises(ConfigurationError, match=r"alerts\.to: no SMTP account can send alerts"):
        load_config(path)
    path.write_text(text + '[smtp]\nhost = "s"\n[alerts]\nto = ["it@x.example"]\n', "utf-8")
    with pytest.raises(ConfigurationError, match=r'alerts\.from: no mailbox submits through .* "default"'):
        load_config(path)


def test_alerts_to_nobody_are_doubted_where_alerts_are_written(tmp_path: Path) -> None:
    assert told(a_config(tmp_path, '[alerts]\nafter = "5m"\n')) == ["alerts.to"]
    assert told(a_config(tmp_path, '[alerts]\nto = ["it@x.example"]\n')) == []
    assert told(a_config(tmp_path)) == []


def test_alerts_sooner_than_the_next_poll_are_doubted(tmp_path: Path) -> None:
    to = '[alerts]\nto = ["it@x.example"]\n'

    assert told(a_config(tmp_path, to + 'after = "5m"\n')) == ["alerts.after"]
    assert told(a_config(tmp_path, to + 'after = "8m"\n')) == []
    for poll in ("20m", "10m"):
        config = a_config(tmp_path, to, instead={"[imap.main]": f'[imap.main]\npoll = "{poll}"'})
        assert told(config) == ["alerts.after"]


# --- absences ---------------------------------------------------------------------------------------------------------


def test_an_absence_of_an_alias_is_that_of_its_mailbox(tmp_path: Path) -> None:
    away = '[[absence]]\nwho = "Desk@x.example"\naway_from = 2026-12-07\n'
    away += f'[[absence]]\nwho = "{ANNE}"\naway_from = 2026-12-07\nreturns_on = 2026-12-14\n'
    config = a_config(tmp_path, away, instead={'kind = "shared"': 'kind = "shared"\naliases = ["desk@x.example"]'})

    assert config.organisation().absences == (
        Absence(who=INFO, away_from=date(2026, 12, 7)),
        Absence(who=ANNE, away_from=date(2026, 12, 7), returns_on=date(2026, 12, 14)),
    )


# --- observing --------------------------------------------------------------------------------------------------------


def test_all_evidence_is_looked_at_unless_told(tmp_path: Path) -> None:
    assert a_config(tmp_path).mailboxes()[0].observing == ObservingPolicy()


def test_a_mailbox_has_its_own_evidence_and_folders(tmp_path: Path) -> None:
    keys = (
        'observe_flags = true\nsent_folders = ["Envoyés"]\nclosing_folders = ["Réglé"]\nset_aside_folders = ["Divers"]'
    )
    off = [f"{key} = false" for key in ("observe_sent", "observe_flags", "observe_copies", "observe_references")]
    config = a_config(
        tmp_path,
        "\n".join(["[observing]", *off]),
        instead={'kind = "shared"': f'kind = "shared"\n{keys}'},
    )

    assert config.mailboxes()[0].observing == ObservingPolicy(
        sent=False,
        flags=True,
        copies=False,
        references=False,
        sent_folders=("Envoyés",),
        closing_folders=("Réglé",),
        set_aside_folders=("Divers",),
    )


def test_an_account_read_for_its_sent_folders_only_is_no_address_and_no_sender(tmp_path: Path) -> None:
    login = 'imap = "main"\nusername = "library"'
    config = a_config(tmp_path, SENT_ONLY, instead={'imap = "main"': login})
    config = a_config(tmp_path, SENT_ONLY.replace('imap = "main"', login), instead={'imap = "main"': login})
    info, anne = config.mailboxes()

    assert anne.observing == ObservingPolicy(is_sent_only=True)
    assert (info.shares_with, anne.shares_with) == ((INFO,), (ANNE,))
    assert config.watched_mailboxes() == (info,)
    assert dict(config.organisation().watched) == {INFO: INFO}
    assert anne.smtp == ""
    assert config.smtp_senders() == {"default": INFO}
    assert told(config) == []


def test_an_account_read_for_its_sent_folders_only_needs_no_smtp_account(tmp_path: Path) -> None:
    several = {"[smtp]": "[smtp.one]", 'kind = "shared"': 'kind = "shared"\nsmtp = "other"'}
    config = a_config(tmp_path, SENT_ONLY + OTHER, instead=several)

    assert [each.smtp for each in config.mailboxes()] == ["other", ""]


def test_sent_folders_alone_are_nothing_to_watch(tmp_path: Path) -> None:
    config = a_config(tmp_path, SENT_ONLY, instead={'kind = "shared"': 'kind = "shared"\nenabled = false'})

    assert "mailbox" in told(config)
    assert config.watched_mailboxes() == ()


def test_only_is_a_mailboxs_choice(tmp_path: Path) -> None:
    sentence = "true or false was expected, without quotation marks"

    assert wrong(tmp_path, '[observing]\nobserve_sent = "only"\n') == [f"observing.observe_sent: {sentence}"]
    assert wrong(tmp_path, SENT_ONLY.replace('"only"', '"yes"')) == [
        'mailbox[2].observe_sent: true, false or "only" was expected'
    ]


def test_a_folder_serves_one_purpose(tmp_path: Path) -> None:
    keys = 'sent_folders = ["inbox"]\nclosing_folders = ["Done", "Done"]\nset_aside_folders = ["Done"]'

    assert wrong(tmp_path, "", instead={'kind = "shared"': f'kind = "shared"\n{keys}'}) == [
        'mailbox[1].sent_folders[1]: "inbox" stands in folders already; a folder serves one purpose',
        'mailbox[1].set_aside_folders[1]: "Done" stands in closing_folders already; a folder serves one purpose',
    ]
    assert a_config(tmp_path, SENT_ONLY + 'sent_folders = ["INBOX"]\n').mailboxes()[1].observing.is_sent_only


def test_what_is_not_acted_on_has_shrunk(tmp_path: Path) -> None:
    config = load_config(EXAMPLE, now=datetime(2026, 11, 23, tzinfo=UTC))

    assert config.not_acted_on() == ("[retention]",)
    assert a_config(tmp_path, SENT_ONLY).not_acted_on() == ()


def test_check_wants_an_address_that_requesters_write_to(tmp_path: Path) -> None:
    config = a_config(tmp_path, SENT_ONLY, instead={'kind = "shared"': 'kind = "shared"\nenabled = false'})

    assert list(check_configuration(config))[-1].en.startswith("no [[mailbox]] that requesters write to is enabled")
