"""What only several sections together can tell: names and addresses that must be defined elsewhere in the file.

It reads the parsed TOML, not the models, and steps over whatever has the wrong shape: that is reported already, and
one mistake must not hide another.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

import holidays

from mailwatch.config.accounts import SmtpKeys
from mailwatch.config.locate import Path
from mailwatch.config.problems import Problem

FOLDER_KEYS = ("folders", "sent_folders", "closing_folders", "set_aside_folders")

Table = Mapping[str, Any]  # parsed TOML: anything may stand anywhere


def list_dangling(data: Table, today: date | None = None) -> list[Problem]:
    """Every reference to what isn't there, every address that stands twice, every unknown country.

    An absence that is over by `today` may name people who have left.
    """
    parts = (_people, _mailboxes, _folders, _rules, _calendars, _servers, _senders, _countries)
    return [problem for part in parts for problem in part(data)] + list(_absences(data, today))


def folder_key(folder: str) -> str:
    """The name by which a folder is compared: INBOX alone has no case (RFC 3501 §5.1)."""
    return "INBOX" if folder.upper() == "INBOX" else folder


def smtp_names(data: Table) -> list[str]:
    """Names of the SMTP accounts: "default" for [smtp] itself, and the [smtp.NAME]."""
    section = _table(data, "smtp")
    named = [name for name, value in section.items() if isinstance(value, dict) and name not in SmtpKeys.model_fields]
    has_own = any(key in SmtpKeys.model_fields for key in section)
    return (["default"] if has_own else []) + named


def _people(data: Table) -> Iterator[Problem]:
    known = _emails(data)
    seen: set[str] = set()
    for path, person in _tables(data, "people"):
        email = _key(person.get("email"))
        if email in seen:
            yield Problem(path=(*path, "email"), kind="duplicate_person", facts={"value": email})
        seen.add(email)
        manager = _key(person.get("manager"))
        if manager and manager == email:
            yield Problem(path=(*path, "manager"), kind="own_manager")
        else:
            yield from _unknown((*path, "manager"), person.get("manager"), known)


def _mailboxes(data: Table) -> Iterator[Problem]:
    people, servers, accounts = _emails(data), _table(data, "imap"), smtp_names(data)
    seen: set[str] = set()
    for path, mailbox in _tables(data, "mailbox"):
        for at, address in _own_addresses(path, mailbox):
            if address in seen:
                yield Problem(path=at, kind="duplicate_address", facts={"value": address})
            seen.add(address)
        for index, owner in enumerate(_list(mailbox.get("owners"))):
            yield from _unknown((*path, "owners", index), owner, people)
        yield from _unnamed((*path, "imap"), mailbox.get("imap"), "imap", list(servers))
        if mailbox.get("observe_sent") != "only":
            yield from _smtp_of(path, mailbox, accounts)


def _smtp_of(path: Path, mailbox: Table, accounts: list[str]) -> Iterator[Problem]:
    name = mailbox.get("smtp")
    if name is not None:
        yield from _unnamed((*path, "smtp"), name, "smtp", accounts)
    elif not accounts:
        yield Problem(path=(*path, "smtp"), kind="no_smtp")
    elif "default" not in accounts and len(accounts) > 1:
        yield Problem(path=(*path, "smtp"), kind="which_smtp", facts={"known": ", ".join(accounts)})


def _folders(data: Table) -> Iterator[Problem]:
    """A folder serves one purpose: what is moved into a closing folder is no new request, nor is what we sent."""
    for path, mailbox in _tables(data, "mailbox"):
        is_sent_only = mailbox.get("observe_sent") == "only"
        seen = {} if is_sent_only or "folders" in mailbox else {"INBOX": "folders"}
        for key in FOLDER_KEYS[1:] if is_sent_only else FOLDER_KEYS:
            for index, folder in enumerate(_list(mailbox.get(key))):
                name = folder_key(folder) if isinstance(folder, str) else ""
                if name and seen.setdefault(name, key) != key:
                    facts = {"value": folder, "key": seen[name]}
                    yield Problem(path=(*path, key, index), kind="folder_twice", facts=facts)


def _rules(data: Table) -> Iterator[Problem]:
    known = _emails(data)
    for path, rule in _tables(data, "rule"):
        yield from _unknown((*path, "owner"), rule.get("owner"), known)


def _absences(data: Table, today: date | None) -> Iterator[Problem]:
    known = _emails(data)
    addresses = {address for path, each in _tables(data, "mailbox") for _, address in _own_addresses(path, each)}
    for path, absence in (*_tables(data, "absence"), *_tables(data, "absence_calendar")):
        if today is not None and _is_over(absence, today):
            continue
        yield from _unknown((*path, "who"), absence.get("who"), known | addresses, "unknown_who")
        delegate = _key(absence.get("delegate"))
        if delegate and delegate == _key(absence.get("who")):
            yield Problem(path=(*path, "delegate"), kind="own_delegate")
        else:
            yield from _unknown((*path, "delegate"), absence.get("delegate"), known)


def _is_over(absence: Table, today: date) -> bool:
    returns_on = absence.get("returns_on")
    if isinstance(returns_on, str):
        try:
            returns_on = date.fromisoformat(returns_on)
        except ValueError:
            return False
    return isinstance(returns_on, date) and not isinstance(returns_on, datetime) and returns_on <= today


def _calendars(data: Table) -> Iterator[Problem]:
    """A calendar's name is how a refresh knows what it wrote."""
    seen: set[str] = set()
    for path, calendar in _tables(data, "absence_calendar"):
        name = _key(calendar.get("name"))
        if name in seen:
            yield Problem(path=(*path, "name"), kind="duplicate_calendar", facts={"value": name})
        seen.add(name)


def _servers(data: Table) -> Iterator[Problem]:
    grants = list(_table(data, "oauth"))
    sections: list[tuple[Path, object]] = [(("smtp",), _table(data, "smtp"))]
    sections += [((kind, name), each) for kind in ("imap", "smtp") for name, each in _table(data, kind).items()]
    for path, section in sections:
        if isinstance(section, dict) and "oauth" in section:
            yield from _unnamed((*path, "oauth"), section["oauth"], "oauth", grants)
    for name in ("digest", "alerts"):
        account = _table(data, name).get("smtp")
        if account is not None:
            yield from _unnamed((name, "smtp"), account, "smtp", smtp_names(data))


def _senders(data: Table) -> Iterator[Problem]:
    """Digests and alerts come from somewhere: `from`, or the first mailbox that their account submits for."""
    accounts = smtp_names(data)
    served = {_account_of(mailbox, accounts) for _, mailbox in _tables(data, "mailbox")} - {None}
    for name in ("digest", "alerts"):
        section = _table(data, name)
        account = section.get("smtp") or (accounts[0] if accounts and not served else None)
        if not (_list(section.get("to")) if name == "alerts" else section):
            continue
        if name == "alerts" and not accounts:
            yield Problem(path=(name, "to"), kind="no_smtp_alerts")
        elif account in accounts and account not in served and "from" not in section:
            yield Problem(path=(name, "from"), kind="sender_missing", facts={"value": account})


def _account_of(mailbox: Table, accounts: list[str]) -> object:
    """The SMTP account that submits for a mailbox, as far as the file says; nothing is sent for one that is watched
    for its Sent folders only."""
    if mailbox.get("observe_sent") == "only":
        return None
    return mailbox.get("smtp") or ("default" if "default" in accounts else accounts[0] if accounts else None)


def _countries(data: Table) -> Iterator[Problem]:
    base = _table(data, "calendar")
    for path, section in [(("calendar",), base), *_tables(data, "mailbox")]:
        country, subdivision = section.get("country", base.get("country")), section.get("subdivision")
        if isinstance(country, str) and country and ("country" in section or "subdivision" in section):
            yield from _country(path, country, subdivision)


def _country(path: Path, country: str, subdivision: object) -> Iterator[Problem]:
    try:
        holidays.country_holidays(country)
    except NotImplementedError:
        yield Problem(path=(*path, "country"), kind="country", facts={"value": country})
        return
    try:
        holidays.country_holidays(country, subdiv=subdivision if isinstance(subdivision, str) else None)
    except NotImplementedError:
        known = ", ".join(holidays.list_supported_countries(include_aliases=False).get(country, []))
        facts = {"value": subdivision, "country": country, "known": known}
        yield Problem(path=(*path, "subdivision"), kind="subdivision", facts=facts)


def _unknown(path: Path, value: object, known: set[str], kind: str = "unknown_person") -> Iterator[Problem]:
    """An address (what isn't one is reported elsewhere) that nobody has."""
    key = _key(value)
    if "@" in key and key not in known:
        yield Problem(path=path, kind=kind, facts={"value": value})


def _unnamed(path: Path, value: object, section: str, known: list[str]) -> Iterator[Problem]:
    if isinstance(value, str) and value and value not in known:
        facts = {"value": value, "section": section, "known": ", ".join(known) or "–"}
        yield Problem(path=path, kind="unknown_server", facts=facts)


def _own_addresses(path: Path, mailbox: Table) -> Iterator[tuple[Path, str]]:
    """Address and aliases with where they stand; one that a mailbox repeats itself counts once."""
    found = [((*path, "address"), _key(mailbox.get("address")))]
    found += [((*path, "aliases", index), _key(each)) for index, each in enumerate(_list(mailbox.get("aliases")))]
    counted = Counter(address for _, address in found)
    for at, address in found:
        if address and counted[address] > 0:
            counted[address] = 0
            yield at, address


def _emails(data: Table) -> set[str]:
    return {_key(person.get("email")) for _, person in _tables(data, "people")}


def _tables(data: Table, name: str) -> list[tuple[Path, Table]]:
    return [((name, index), each) for index, each in enumerate(_list(data.get(name))) if isinstance(each, dict)]


def _table(data: Table, name: str) -> Table:
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _key(value: object) -> str:
    return value.strip().lower() if isinstance(value, str) else ""
