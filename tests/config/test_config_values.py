"""From the file to the values that the domain and the adapters are given."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from config_files import CONFIGS, MINIMAL, a_config

from mailwatch.config import load_config
from mailwatch.domain.calendars import Closure
from mailwatch.domain.languages import Language
from mailwatch.domain.mailboxes import MailboxKind
from mailwatch.errors import ConfigurationError

SEVERAL = load_config(CONFIGS / "good" / "03-several-mailboxes.toml")
EVERY_WAY = load_config(CONFIGS / "good" / "02-every-way-to-write-it.toml")
POSTGRES = '[database]\nurl = "postgresql://mailwatch@db.example:5433/mailwatch?ssl=require"\n'


@pytest.mark.parametrize("path", sorted((CONFIGS / "good").glob("*.toml")), ids=lambda path: path.stem)
def test_a_good_configuration_loads(path: Path) -> None:
    assert load_config(path).mailboxes()


def test_defaults_follow_the_kind_of_mailbox() -> None:
    info, _, bob = SEVERAL.mailboxes()

    assert (timedelta(minutes=5), "request") == (info.acknowledgement.delay, info.acknowledgement.replies)
    assert (timedelta(hours=24), "record") == (bob.acknowledgement.delay, bob.acknowledgement.replies)
    assert (info.kind, bob.kind) == (MailboxKind.SHARED, MailboxKind.STAFF)


def test_a_mailbox_overrides_what_it_names_and_nothing_else() -> None:
    info, children, bob = SEVERAL.mailboxes()

    assert children.acknowledgement.delay == timedelta(0)
    assert children.acknowledgement.copies == info.acknowledgement.copies == "request"
    assert frozenset() == children.acknowledgement.forms != info.acknowledgement.forms
    assert (str(bob.standard.acknowledge_within), str(bob.standard.answer_within)) == ("24h", "5 business days")
    assert children.standard.calendar.closures == (Closure(first=date(2026, 7, 1), last=date(2026, 8, 31)),)
    assert not bob.acknowledgement.enabled
    assert info.acknowledgement.enabled


def test_watching_a_mailbox_does_not_switch_its_acknowledgements_on(tmp_path: Path) -> None:
    config = a_config(
        tmp_path, "[acknowledgement]\nenabled = false\n", instead={'kind = "shared"': 'kind = "shared"\nenabled = true'}
    )

    assert not config.mailboxes()[0].acknowledgement.enabled


def test_hours_of_a_day_may_touch_and_not_overlap(tmp_path: Path) -> None:
    touching = a_config(tmp_path, instead={'["09:00-17:00"]': '["12:00-17:00", "09:00-12:00"]'})

    assert touching.calendar().hours[0] == ((540, 720), (720, 1020))
    with pytest.raises(ConfigurationError, match="these hours overlap: 12:00-17:00, 09:00-12:01"):
        a_config(tmp_path, instead={'["09:00-17:00"]': '["12:00-17:00", "09:00-12:01"]'})


def test_another_country_forgets_the_province() -> None:
    calendar = SEVERAL.mailboxes()[2].standard.calendar

    assert (calendar.country, calendar.subdivision) == ("FR", None)


def test_mailboxes_with_the_same_calendar_share_one() -> None:
    info, children, _ = SEVERAL.mailboxes()

    assert info.standard.calendar is SEVERAL.calendar()
    assert children.standard.calendar is not SEVERAL.calendar()
    assert SEVERAL.mailboxes() is SEVERAL.mailboxes()


def test_mailboxes_of_one_login_with_a_common_folder_know_each_other() -> None:
    both = ("info@sault-au-bois.example", "children@sault-au-bois.example")

    assert [both, both, ("bob@sault-au-bois.example",)] == [each.shares_with for each in SEVERAL.mailboxes()]


def test_a_disabled_mailbox_is_not_watched() -> None:
    assert "archive@sault-au-bois.example" not in SEVERAL.organisation().watched
    assert SEVERAL.find_mailbox("archive@sault-au-bois.example") is None


def test_a_mailbox_is_found_by_address_or_alias_in_any_case() -> None:
    info = SEVERAL.mailboxes()[0]

    assert SEVERAL.find_mailbox("Questions@Sault-au-Bois.example") is info
    assert SEVERAL.find_mailbox("info@sault-au-bois.example") is info
    assert SEVERAL.organisation().watched["questions@sault-au-bois.example"] == info.address


def test_people_take_the_organisations_first_language() -> None:
    people = SEVERAL.organisation().people

    assert {email: person.language for email, person in people.items()} == {
        "anne@sault-au-bois.example": Language.FR,
        "bob@sault-au-bois.example": Language.EN,
    }


def test_a_rule_without_a_name_is_numbered_and_its_words_lose_their_case() -> None:
    (rule,) = SEVERAL.mailboxes()[0].rules

    assert (rule.name, rule.subject_contains, rule.treat_as) == ("rule-1", "livraison", "record")


def test_ports_follow_security() -> None:
    accounts = SEVERAL.smtp_accounts()

    assert [accounts[name].port for name in ("default", "children")] == [587, 25]
    assert SEVERAL.imap_account("info@sault-au-bois.example").port == 993
    assert EVERY_WAY.imap_account("info@erables.example").port == 143
    assert EVERY_WAY.smtp_accounts()["school"].port == 465


def test_each_mailbox_knows_the_account_that_submits_for_it() -> None:
    assert [each.smtp for each in SEVERAL.mailboxes()] == ["default", "children", "default"]
    assert [each.smtp for each in EVERY_WAY.mailboxes()] == ["school"]


def test_microsoft_365_is_sent_to_at_its_own_rate() -> None:
    accounts = SEVERAL.smtp_accounts()

    assert (accounts["default"].rate_per_minute, accounts["children"].rate_per_minute) == (30, None)


def test_durations_of_accounts_are_seconds(tmp_path: Path) -> None:
    config = a_config(tmp_path, instead={"[imap.main]": '[imap.main]\npoll = "90s"\ntimeout = "1m"'})

    account = config.imap_account("info@sault-au-bois.example")

    assert (account.poll, account.timeout, account.idle_renew) == (90.0, 60.0, 540.0)


def test_the_login_is_the_address_unless_named() -> None:
    assert SEVERAL.imap_account("bob@sault-au-bois.example").username == "bob@sault-au-bois.example"
    assert SEVERAL.imap_account("questions@sault-au-bois.example").username == "library"


def test_hours_are_a_list_for_working_days_or_a_table() -> None:
    assert set(range(5)) == set(SEVERAL.calendar().hours)
    assert EVERY_WAY.calendar().hours == {0: ((480, 720), (720, 960)), 5: ((540, 1440),), 6: ()}


def test_dates_may_be_dates_or_texts() -> None:
    calendar = EVERY_WAY.calendar()

    assert calendar.extra_open == (date(2026, 11, 11), date(2026, 8, 3))
    assert Closure(first=date(2026, 12, 28), last=date(2026, 12, 28)) in calendar.closures


def test_a_plain_name_serves_both_languages() -> None:
    assert EVERY_WAY.mailboxes()[0].name == dict.fromkeys(Language, "École Les Érables")


def test_domains_left_out_are_those_of_the_mailboxes() -> None:
    assert EVERY_WAY.organisation().domains == {"erables.example"}


def test_paths_start_from_the_configuration_file(tmp_path: Path) -> None:
    config = a_config(
        tmp_path,
        '[templates]\nfolder = "words"\n[database]\nurl = "sqlite:///data/m.db"\n',
        instead={"[imap.main]": '[imap.main]\nca_file = "ca.pem"'},
    )

    assert config.templates_folder == tmp_path / "words"
    assert config.imap_account("info@sault-au-bois.example").ca_file == tmp_path / "ca.pem"
    assert config.database.resolve_url({}) == f"sqlite+aiosqlite:///{tmp_path}/data/m.db"
    assert [f"{tmp_path / 'ca.pem'} isn't there", f"{tmp_path / 'words'} isn't there"] == [
        each.split(": ")[2].split(",")[0] for each in config.warnings
    ]


def test_an_absolute_sqlite_path_stays(tmp_path: Path) -> None:
    config = a_config(tmp_path, '[database]\nurl = "sqlite:////var/lib/mailwatch/m.db"\n')

    assert config.database.resolve_url({}) == "sqlite+aiosqlite:////var/lib/mailwatch/m.db"


def test_the_driver_and_the_password_are_put_into_a_postgresql_url(tmp_path: Path) -> None:
    config = a_config(tmp_path, POSTGRES + 'password = { env = "PGPASS" }\n')

    url = config.database.resolve_url({"PGPASS": "p@ss/w:rd"})

    assert url == "postgresql+asyncpg://mailwatch:p%40ss%2Fw%3Ard@db.example:5433/mailwatch?ssl=require"


def test_a_unix_socket_needs_no_host_and_no_password(tmp_path: Path) -> None:
    config = a_config(tmp_path, '[database]\nurl = "postgresql:///mailwatch?host=/run/postgresql"\n')

    assert config.database.resolve_url({}) == "postgresql+asyncpg:///mailwatch?host=/run/postgresql"


def test_a_database_password_without_a_user_is_a_problem(tmp_path: Path) -> None:
    config = a_config(tmp_path, '[database]\nurl = "postgresql://db/m"\npassword = { env = "P" }\n')

    with pytest.raises(ConfigurationError, match=r"mailwatch.toml:\d+: database.url: a password needs a user"):
        config.database.resolve_url({"P": "x"})


def test_the_breaker_and_the_limits_of_work_have_their_defaults(tmp_path: Path) -> None:
    config = a_config(tmp_path)

    assert (500, timedelta(minutes=10), 4) == (
        config.sending.breaker_count,
        config.sending.breaker_per,
        config.sending.connections,
    )
    assert (
        config.receiving.batch,
        config.receiving.resync_days,
        config.receiving.attempts,
        config.receiving.excerpt,
    ) == (200, 14, 3, False)
    assert (config.log.format, config.log.level) == ("auto", "info")


def test_what_this_version_does_not_act_on_is_named(tmp_path: Path) -> None:
    plain = a_config(tmp_path)
    more = a_config(tmp_path, '[digest]\nat = "09:00"\n[retention]\n[receiving]\nexcerpt = true\n')

    assert plain.not_acted_on() == ()
    assert more.not_acted_on() == ("[retention]", "[receiving] excerpt")


def told(text: str, now: datetime, folder: Path) -> list[str]:
    """The paths that are warned of at an instant."""
    config = load_config(a_config(folder, text).path, now=now)
    return [warning.split(": ")[1] for warning in config.warnings]


def test_the_past_only_warns(tmp_path: Path) -> None:
    absence = '[[absence]]\nwho = "anne@sault-au-bois.example"\naway_from = 2026-05-01\nreturns_on = 2026-05-04\n'
    absence += 'delegate = "b@c.example"\n[[people]]\nemail = "b@c.example"\nname = "Benoît Roy"\n'
    closed = '[[mailbox]]\naddress = "b@c.example"\nkind = "staff"\nimap = "main"\npassword = { env = "P" }\n'
    closed += 'owners = ["anne@sault-au-bois.example"]\nclosures = ["2026-05-01", "2027-05-02"]\n'

    assert told(absence + closed, datetime(2026, 5, 1, 12, tzinfo=UTC), tmp_path) == []
    assert told(absence + closed, datetime(2026, 5, 4, 12, tzinfo=UTC), tmp_path) == [
        "absence[1]",
        "mailbox[2].closures[1]",
    ]


TWO = """[[people]]
email = "paul@sault-au-bois.example"
name = "Paul Roy"
[[absence]]
who = "anne@sault-au-bois.example"
away_from = 2026-12-07
returns_on = 2026-12-21
delegate = "paul@sault-au-bois.example"
[[absence]]
who = "paul@sault-au-bois.example"
away_from = 2026-12-10
returns_on = 2026-12-14
delegate = "anne@sault-au-bois.example"
"""


def test_two_who_cover_for_each_other_are_refused_while_that_lies_ahead(tmp_path: Path) -> None:
    path = a_config(tmp_path, TWO).path
    with pytest.raises(ConfigurationError, match=r"paul@sault-au-bois\.example → anne@sault-au-bois"):
        load_config(path, now=datetime(2026, 12, 1, 12, tzinfo=UTC))
    load_config(path, now=datetime(2026, 12, 14, 12, tzinfo=UTC))  # Paul is back


def test_an_absence_that_is_over_may_name_people_who_have_left(tmp_path: Path) -> None:
    left = TWO[TWO.index("[[absence]]") :]
    path = tmp_path / "mailwatch.toml"
    path.write_text(f"{MINIMAL}\n{left}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="paul@sault-au-bois"):
        load_config(path, now=datetime(2026, 12, 20, 12, tzinfo=UTC))
    load_config(path, now=datetime(2026, 12, 21, 12, tzinfo=UTC))


def test_from_october_on_next_years_closures_are_missed(tmp_path: Path) -> None:
    closed = '[[mailbox]]\naddress = "b@c.example"\nkind = "staff"\nimap = "main"\npassword = { env = "P" }\n'
    closed += 'owners = ["anne@sault-au-bois.example"]\nclosures = ["2026-12-21..2027-01-01"]\n'

    assert told(closed, datetime(2026, 9, 30, 12, tzinfo=UTC), tmp_path) == []
    assert told(closed, datetime(2026, 10, 1, 12, tzinfo=UTC), tmp_path) == ["mailbox[2].closures"]


def test_the_day_is_the_organisations_not_utcs(tmp_path: Path) -> None:
    closed = '[[mailbox]]\naddress = "b@c.example"\nkind = "staff"\nimap = "main"\npassword = { env = "P" }\n'
    closed += 'owners = ["anne@sault-au-bois.example"]\nclosures = ["2026-12-21..2027-01-01"]\n'

    assert told(closed, datetime(2026, 10, 1, 2, tzinfo=UTC), tmp_path) == []  # still September in Toronto


def test_doubtful_choices_are_told_and_accepted(tmp_path: Path) -> None:
    config = a_config(
        tmp_path,
        '[database]\npassword = { env = "P" }\n',
        instead={
            'country = "CA"\nsubdivision = "ON"\n': "",
            "[imap.main]\n": '[imap.main]\nsecurity = "none"\n',
            'owners = ["anne@sault-au-bois.example"]\n': "",
        },
    )

    assert [each.split(": ")[1] for each in config.warnings] == [
        "calendar",
        "imap.main.security",
        "mailbox[1].owners",
        "database.password",
    ]
