"""Sick networks and sick servers, on IMAP and on SMTP: a street each."""

import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from servers.dovecot import Dovecot
from servers.faultproxy import Action, FaultProxy, Rule, Side
from servers.tls import Certificate, make_certificate
from system.books import Database
from system.service import Service
from system.sink import Sink
from system.town import IT, PASSWORD, SECRETS, a_configuration

from torture.judge import Allowed, Lives, judge
from torture.load import Load
from torture.nursery import TESTS
from torture.street import WELL, Act, Broken, Fault, Street, address_of, never, start
from torture.trials import Trial

TLS_ALERT = b"\x15\x03\x03\x00\x02\x02\x28"  # handshake_failure (RFC 8446 §6.2)
ALWAYS = 10**6
SILENT, REFUSED, STOPPED = "mailbox without progress", "login refused", "sending account stopped"
FAILED, UNCERTAIN = "messages failed", "outcome uncertain"
_ON_SMTP: dict[str, Any] = {"bound": 75.0, "event": "acknowledgement.deferred", "code": ""}

_MAILBOX = """\
[[mailbox]]
address = "{address}"
name = {{ fr = "Service des inscriptions", en = "Admissions" }}
kind = "shared"
imap = "{name}"
smtp = "{smtp}"
username = "{address}"
password = {{ env = "MAILBOX_PASSWORD" }}
owners = ["marie.tremblay@cscmonavenir.example"]
"""
_SERVER = """\
[{section}.{name}]
host = "localhost"
port = {port}
security = "{security}"
timeout = "5s"
"""
_POLL = 'poll = "10s"\n'
_ALERTS = f'[alerts]\nto = ["{IT}"]\nafter = "16s"\nsmtp = "well"\n'


def _server(section: str, name: str, port: int, security: str = "none", more: str = "") -> str:
    return _SERVER.format(section=section, name=name, port=port, security=security) + more


def _mailbox(address: str, name: str, smtp: str) -> str:
    return _MAILBOX.format(address=address, name=name, smtp=smtp)


def _with_rule(*rules: Rule) -> Act:
    return lambda proxy: proxy.rules.extend(rules)


def _no_rules(proxy: FaultProxy) -> None:
    proxy.rules.clear()


def _all(*acts: Act) -> Act:
    def act(proxy: FaultProxy) -> None:
        for each in acts:
            each(proxy)

    return act


def _cut(proxy: FaultProxy) -> None:
    proxy.cut()


def _inject(data: bytes) -> Act:
    return lambda proxy: proxy.inject(data)


def _tls_alert() -> Rule:
    return Rule("server", b"", Action.REPLACE, ALWAYS, data=TLS_ALERT)


def _go_silent(proxy: FaultProxy) -> None:
    proxy.is_mute = True
    proxy.silence()


def _speak_again(proxy: FaultProxy) -> None:
    proxy.is_mute = False
    proxy.cut()


def _delay(seconds: float) -> Act:
    def act(proxy: FaultProxy) -> None:
        proxy.delay = seconds

    return act


def _lead_to(port: int) -> Act:
    def act(proxy: FaultProxy) -> None:
        proxy.target_port = port
        proxy.cut()

    return act


# --- IMAP -------------------------------------------------------------------------------------------------------------


def _imap_faults(good: Dovecot, expired: Dovecot) -> Sequence[Fault]:
    tls: dict[str, Any] = {"security": "tls"}
    silent: dict[str, Any] = {"alert": SILENT}
    resets = _with_rule(Rule("client", rb" (SELECT|EXAMINE) ", Action.RESET_AFTER, ALWAYS))
    cut_literal = Rule("server", rb"BODY\[\]<0> \{", Action.TRUNCATE, 2, count=300)
    silent_fetch = Rule("client", rb"UID FETCH .*BODY", Action.SILENCE_AFTER)
    bye = Rule("server", rb"^\* OK", Action.REPLACE, ALWAYS, data=b"* BYE overloaded\r\n")
    garbled = Rule("server", rb"BODY\[\]<0>", Action.REPLACE, 2, data=b"\x00\xff{9999999999}\r\n\x80 (((\r\n")
    wrong = Rule("client", rb"LOGIN (\S+) .*\r\n", Action.SUBSTITUTE, ALWAYS, data=rb'LOGIN \1 "autre"\r\n')
    unknown = Rule("client", rb" (IDLE|ENABLE CONDSTORE)\r\n", Action.SUBSTITUTE, ALWAYS, data=rb" XYZZY\r\n")
    return (
        Fault("refused", _all(FaultProxy.shut, _cut), FaultProxy.open, **silent),
        Fault("reset, again and again", _all(resets, lambda proxy: proxy.cut(reset=True)), _no_rules, **silent),
        Fault("half-open: silence, nobody is told", _go_silent, _speak_again, **silent),
        Fault("delay of 30 s", _delay(30.0), _all(_delay(0), _cut), **silent),
        Fault("cut inside a literal, twice", _with_rule(cut_literal)),
        Fault("silence in the middle of a FETCH", _with_rule(silent_fetch)),
        Fault(
            "BYE, and again as a greeting", _all(_with_rule(bye), _inject(b"* BYE closing\r\n")), _no_rules, **silent
        ),
        Fault("garbage bytes", _all(_with_rule(garbled), _inject(b"\x00\xfe\xff garbage\r\n"))),
        Fault("TLS alert", _all(_with_rule(_tls_alert()), _cut), _no_rules, **tls, **silent),
        Fault(
            "certificate expired",
            _lead_to(expired.ports["IMAPS"]),
            _lead_to(good.ports["IMAPS"]),
            code="certificate-rejected",
            **tls,
            **silent,
        ),
        Fault(
            "LOGIN refused, then allowed",
            _all(_with_rule(wrong), _cut),
            _no_rules,
            code="login-refused",
            alert=REFUSED,
        ),
        Fault("capabilities it hasn't: IDLE, CONDSTORE", _all(_with_rule(unknown), _cut), event="", code=""),
    )


def imap_street(folder: Path, database: Database) -> list[Trial]:
    """Each mailbox behind an IMAP server with a fault of its own."""
    folder.mkdir(exist_ok=True)
    with ExitStack() as stack:
        users = [WELL, *(address_of(number) for number in range(20))]
        good = stack.enter_context(Dovecot(users, PASSWORD, domain="cscmonavenir.example"))
        old = _old_certificate(folder)
        expired = stack.enter_context(Dovecot(users, PASSWORD, domain="cscmonavenir.example", certificate=old))
        trusted = f'ca_file = "{_bundle(folder, good.certificate, old)}"\n'
        sink = stack.enter_context(Sink())
        broken, servers = [], [_server("imap", "well", good.ports["IMAP"], more=_POLL)]
        mailboxes = [_mailbox(WELL, "well", "well")]
        for number, fault in enumerate(_imap_faults(good, expired)):
            is_tls = fault.security == "tls"
            proxy = stack.enter_context(FaultProxy(good.ports["IMAPS" if is_tls else "IMAP"]))
            broken.append(Broken(number, "IMAP", fault, proxy))
            more = _POLL + (trusted if is_tls else "")
            servers.append(_server("imap", f"s{number:02}", proxy.port, fault.security, more))
            mailboxes.append(_mailbox(address_of(number), f"s{number:02}", "well"))
        configuration = a_configuration(
            database.configured, _server("smtp", "well", sink.port), servers, mailboxes, more=_ALERTS
        )
        return _play(stack, folder, database, good, configuration, broken, [sink], "IMAP")


# --- SMTP -------------------------------------------------------------------------------------------------------------


def _says(sink: Sink, command: str, reply: bytes) -> tuple[Act, Act]:
    def begin(_: FaultProxy) -> None:
        sink.replies[command] = reply

    def end(_: FaultProxy) -> None:
        sink.replies.pop(command, None)

    return begin, end


def _smtp_faults(another: Callable[[], Sink]) -> Iterator[tuple[Fault, Sink]]:
    """Each with a sink of its own, which `another` makes."""

    def says(name: str, command: str, reply: bytes, **facts: Any) -> tuple[Fault, Sink]:
        sink = another()
        return Fault(name, *_says(sink, command, reply), **_ON_SMTP | facts), sink

    def does(name: str, begins: Act, ends: Act = never, **facts: Any) -> tuple[Fault, Sink]:
        return Fault(name, begins, ends, **_ON_SMTP | facts), another()

    def spoils(
        name: str, sender: Side, pattern: bytes, action: Action, times: int = 1, count: int = 0, **facts: Any
    ) -> tuple[Fault, Sink]:
        return does(name, _with_rule(Rule(sender, pattern, action, times, count=count)), **facts)

    inside: tuple[Side, bytes, Action] = ("client", rb"Auto-Submitted", Action.TRUNCATE)
    after: tuple[Side, bytes, Action] = ("server", rb"^250 2.0.0 taken", Action.CUT_BEFORE)
    doubtful: dict[str, Any] = {"fate": "uncertain", "alert": UNCERTAIN, "times": 2}
    failed: dict[str, Any] = {"fate": "failed", "alert": FAILED}
    resets = Rule("client", rb"^MAIL", Action.RESET_AFTER, ALWAYS)
    yield does("refused", _all(FaultProxy.shut, _cut), FaultProxy.open)
    yield does("reset, again and again", _with_rule(resets), _no_rules)
    yield does("half-open: silence, nobody is told", _go_silent, _speak_again)
    yield does("delay of 30 s", _delay(30.0), _all(_delay(0), _cut))
    yield says("garbage bytes", "MAIL", b"\x00\xff\xfe garbage")
    yield spoils("cut before DATA", "client", rb"^DATA", Action.CUT_BEFORE)
    yield spoils("cut inside DATA, once", *inside, count=700)
    yield spoils("cut inside DATA, twice", *inside, count=700, **doubtful)
    yield spoils("cut after DATA before the reply, once", *after, copies=2)
    yield spoils("cut after DATA before the reply, twice", *after, copies=2, **doubtful)
    yield says("421 as a greeting", "BANNER", b"421 4.3.2 not now")
    yield says("450 at RCPT (greylisting)", "RCPT", b"450 4.2.0 greylisted, try again later")
    yield says("451 at the dot", "DOT", b"451 4.3.0 try again later")
    yield says("452 at MAIL", "MAIL", b"452 4.3.1 insufficient storage")
    yield says("550 at RCPT", "RCPT", b"550 5.7.1 not wanted here", **failed)
    yield says("552 at the dot", "DOT", b"552 5.3.4 too big", **failed)
    yield says("554 at the dot", "DOT", b"554 5.6.0 no", **failed)
    yield says("AUTH refused, then allowed", "AUTH", b"535 5.7.8 bad credentials", alert=STOPPED)
    yield says("a banner of 250: a 2xx out of step", "BANNER", b"250 2.0.0 ready")
    sink = another()
    sink.mechanisms, sink.replies = "CRAM-MD5 PLAIN", {"AUTH CRAM-MD5": b"504 5.5.4 unknown mechanism"}
    yield Fault("capabilities it hasn't: CRAM-MD5", never, **_ON_SMTP | {"event": ""}), sink


def smtp_street(folder: Path, database: Database) -> list[Trial]:
    """Each mailbox submits to an SMTP server with a fault of its own."""
    folder.mkdir(exist_ok=True)
    with ExitStack() as stack:
        sinks: list[Sink] = []

        def another() -> Sink:
            sinks.append(stack.enter_context(Sink()))
            return sinks[-1]

        well = another()
        sections = [_server("smtp", "well", well.port)]
        login = f'username = "{WELL}"\npassword = {{ env = "SMTP_PASSWORD" }}\n'
        broken = []
        for number, (fault, sink) in enumerate(_smtp_faults(another)):
            proxy = stack.enter_context(FaultProxy(sink.port))
            broken.append(Broken(number, "SMTP", fault, proxy))
            sections.append(_server("smtp", f"s{number:02}", proxy.port, more=login))
        sections += _tls_faults(stack, folder, broken, another)
        users = [WELL, *(one.mailbox for one in broken)]
        dovecot = stack.enter_context(Dovecot(users, PASSWORD, domain="cscmonavenir.example"))
        mailboxes = [_mailbox(WELL, "well", "well")]
        mailboxes += [_mailbox(one.mailbox, "well", f"s{one.number:02}") for one in broken]
        configuration = a_configuration(
            database.configured,
            "\n".join(sections),
            [_server("imap", "well", dovecot.ports["IMAP"], more=_POLL)],
            mailboxes,
            more=_ALERTS,
        )
        return _play(stack, folder, database, dovecot, configuration, broken, sinks, "SMTP")


def _tls_faults(stack: ExitStack, folder: Path, broken: list[Broken], another: Callable[[], Sink]) -> list[str]:
    """What needs a server that speaks TLS: an alert, and a certificate that has expired."""
    good, old = make_certificate(_made(folder / "good")), _old_certificate(folder)
    trusted = f'ca_file = "{_bundle(folder, good, old)}"\n'
    sections = []
    for name in ("TLS alert", "certificate expired"):
        sink, sick = another(), another()
        for one, certificate in ((sink, good), (sick, old)):
            one.shut()
            one.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            one.tls.load_cert_chain(certificate.certificate, certificate.key)
            one.open()
        proxy = stack.enter_context(FaultProxy(sink.port))
        if name == "TLS alert":
            fault = Fault(name, _with_rule(_tls_alert()), _no_rules, **_ON_SMTP)
        else:
            fault = Fault(name, _lead_to(sick.port), _lead_to(sink.port), **_ON_SMTP)
        number = len(broken)
        broken.append(Broken(number, "SMTP", fault, proxy))
        sections.append(_server("smtp", f"s{number:02}", proxy.port, "tls", trusted))
    return sections


# --- both -------------------------------------------------------------------------------------------------------------


def _play(
    stack: ExitStack,
    folder: Path,
    database: Database,
    dovecot: Dovecot,
    configuration: str,
    broken: Sequence[Broken],
    sinks: Sequence[Sink],
    what: str,
) -> list[Trial]:
    service = Service(folder, configuration, {**SECRETS, "PYTHONPATH": str(TESTS)})
    stack.callback(service.kill)
    boxes = [WELL, *(one.mailbox for one in broken)]
    load = Load(dovecot, 1, 0, boxes)
    flags = {box: _mark_some(dovecot, box) for box in boxes}
    street = Street(dovecot, service, database, load, broken, sinks)
    start(street)
    street.play()
    street.look_back()
    well = street.well(what)
    with well.attempted():
        service.stop()
    letters = {one.letter.sender: one for one in broken if one.letter is not None}
    allowed = Allowed(
        unsent=frozenset(sender for sender, one in letters.items() if one.fault.fate != "sent"),
        copies={sender: one.fault.copies for sender, one in letters.items()},
        flags=flags,
    )
    well.problems += judge(load.delivered, Lives([street.letters()]), database, dovecot, 4, allowed).problems
    well.problems += service.faults()[:3]
    return [well, *(one.trial for one in broken)]


def _mark_some(dovecot: Dovecot, box: str) -> dict[int, frozenset[str]]:
    """What people had read and flagged before; first sight is silent."""
    for flags in ((), ("\\Seen",), ("\\Seen", "\\Flagged", "\\Answered")):
        dovecot.deliver(box, b"From: ancien@courriel.example\r\nSubject: avant\r\n\r\nBonjour\r\n", flags=flags)
    return dovecot.flags(box)


def _made(folder: Path) -> Path:
    folder.mkdir()
    folder.chmod(0o755)
    return folder


def _old_certificate(folder: Path) -> Certificate:
    return make_certificate(_made(folder / "old"), expires=timedelta(minutes=-5), name="old")


def _bundle(folder: Path, *certificates: Certificate) -> Path:
    """Both are trusted: what is wrong with one of them is its date."""
    path = folder / "trusted.pem"
    path.write_text("".join(each.certificate.read_text() for each in certificates))
    return path
