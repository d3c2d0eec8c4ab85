"""Whether each SMTP account takes our mail; and, if asked, what becomes of a real one."""

import secrets
from collections.abc import AsyncIterator, Mapping

from mailwatch.checkup.configuration import renderer_of
from mailwatch.checkup.findings import Finding, Level, ok, problem, warning
from mailwatch.checkup.obstacles import (
    Server,
    explain_certificate,
    explain_secret,
    explain_unreachable,
    find_unreadable_ca,
)
from mailwatch.config import Config, SmtpAccount
from mailwatch.domain.composition import Composed, compose_acknowledgement, own_message_id
from mailwatch.domain.mailboxes import Mailbox
from mailwatch.domain.messages import parse_message
from mailwatch.domain.outbox import Outcome, OutcomeKind
from mailwatch.errors import ConfigurationError
from mailwatch.ports import Clock, Mailer
from mailwatch.rendering import sample_facts
from mailwatch.smtp import SmtpMailer


async def check_submission(
    config: Config, clock: Clock, environ: Mapping[str, str], send_test: str
) -> AsyncIterator[Finding]:
    """Every account in turn. `send_test`: an address that gets a sample from each mailbox, or ""."""
    for name, account in config.smtp_accounts().items():
        server = _server_of(account)
        users = [mailbox for mailbox in config.mailboxes() if mailbox.smtp == name]
        sender = config.smtp_senders().get(name, "")
        mailer = _open(config, account, server, sender, environ)
        if isinstance(mailer, Finding):
            yield mailer
            continue
        try:
            finding = await _probe(mailer, server, sender)
            yield finding
            if send_test and finding.level is not Level.PROBLEM:
                for mailbox in users:
                    yield await _send_test(server, mailer, _sample(config, mailbox, send_test, clock), mailbox)
        finally:
            await mailer.close()


def _server_of(account: SmtpAccount) -> Server:
    section = "[smtp]" if account.name == "default" else f"[smtp.{account.name}]"
    return Server(
        section=section, host=account.host, port=account.port, ca_file=account.ca_file, timeout=account.timeout
    )


def _open(
    config: Config, account: SmtpAccount, server: Server, sender: str, environ: Mapping[str, str]
) -> SmtpMailer | Finding:
    password = None
    if account.password is not None:
        try:
            password = account.password.resolve(config.base, environ).reveal()
        except ConfigurationError as error:
            return explain_secret(server.about, account.password, error.problems)
    if account.security != "none" and (unreadable := find_unreadable_ca(server)):
        return unreadable
    return SmtpMailer(account, password=password, connections=1, probe_from=sender)


async def _probe(mailer: Mailer, server: Server, sender: str) -> Finding:
    outcome = await mailer.probe()
    if outcome.kind is not OutcomeKind.SENT:
        return await _explain(server, outcome)
    if not sender:
        return warning(
            server.about,
            "the server accepts the account, but nothing is sent through it",
            "le serveur accepte le compte, mais rien ne passe par lui",
        )
    return ok(
        server.about,
        "the server accepts the account, and mail from {sender}",
        "le serveur accepte le compte, et le courrier de {sender}",
        sender=sender,
    )


async def _explain(server: Server, outcome: Outcome) -> Finding:
    text = _said(outcome)
    if outcome.kind is OutcomeKind.ACCOUNT_REFUSED:
        return problem(
            server.about,
            "the server refuses the account: {text}. Check `username` and `password` in {section}, and that this "
            "account may send as the mailboxes that use it.",
            "le serveur refuse le compte : {text}. Vérifiez « username » et « password » dans {section}, et que ce "
            "compte a le droit d'envoyer au nom des boîtes qui s'en servent.",
            text=text,
            section=server.section,
        )
    if not outcome.code and "certificate" in outcome.text:
        return explain_certificate(server, text)
    if not outcome.code:
        return await explain_unreachable(server, text)
    return problem(
        server.about,
        "the server refuses to serve us: {text}. If that doesn't pass by itself, ask who runs it.",
        "le serveur refuse de nous servir : {text}. Si cela ne passe pas de soi-même, consultez son exploitant.",
        text=text,
    )


def _said(outcome: Outcome) -> str:
    """What the server answered, or what our side made of its silence; without the stop, which the sentence sets."""
    return f"{outcome.code or ''} {outcome.text}".strip().rstrip(".")


def _sample(config: Config, mailbox: Mailbox, recipient: str, clock: Clock) -> Composed:
    """An acknowledgement of nothing: the headers, the envelope and the words that requesters will get."""
    rendered = renderer_of(config).render_acknowledgement(mailbox, None, sample_facts(mailbox))
    domain = mailbox.address.rpartition("@")[2]
    message_id = own_message_id(secrets.token_bytes(32), mailbox.address, recipient, "test", domain)
    return compose_acknowledgement(rendered, mailbox, parse_message(b""), recipient, message_id, clock.now())


async def _send_test(server: Server, mailer: Mailer, composed: Composed, mailbox: Mailbox) -> Finding:
    outcome = await mailer.submit(composed.envelope, composed.body)
    facts = {
        "sender": mailbox.address,
        "reverse_path": composed.envelope.reverse_path or "<>",
        "recipient": composed.envelope.recipient,
        "message_id": composed.message_id,
        "text": _said(outcome),
    }
    if outcome.kind is not OutcomeKind.SENT:
        return problem(
            server.about,
            "the sample from {sender} to {recipient} wasn't taken: {text}. Correct the address, or ask who runs the "
            "server whether this account may send as {sender}.",
            "l'exemple de {sender} à {recipient} n'a pas été accepté : {text}. Corrigez l'adresse, ou demandez à "
            "l'exploitant du serveur si ce compte a le droit d'envoyer au nom de {sender}.",
            **facts,
        )
    return ok(
        server.about,
        "a sample acknowledgement from {sender} (envelope {reverse_path}) went to {recipient}: see that it arrives, "
        "that it comes from {sender}, and that its Message-ID is still {message_id}",
        "un exemple d'accusé de réception de {sender} (enveloppe {reverse_path}) est parti vers {recipient} : voyez "
        "s'il arrive, s'il vient bien de {sender} et si son Message-ID est encore {message_id}",
        **facts,
    )
