"""Why a server can't be used, in words for the person who set it up: name, port, firewall, certificate, secret.

The adapters say what failed; here it is asked again, step by step, where the remedy depends on the step.
"""

import asyncio
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from mailwatch.checkup.findings import Finding, problem
from mailwatch.config import SecretRef, SecretSource

# What OpenSSL says of a certificate → our sentence; the last one is for all other reasons.
_CERTIFICATES = (
    (
        "has expired",
        "the certificate of {where} has expired. Have whoever runs the server renew it.",
        "le certificat de {where} est expiré. Faites-le renouveler par l'exploitant du serveur.",
    ),
    (
        "not yet valid",
        "the certificate of {where} isn't valid yet. Compare the clock of this machine with the server's.",
        "le certificat de {where} n'est pas encore valide. Comparez l'horloge de cette machine à celle du serveur.",
    ),
    (
        "mismatch",
        "the certificate of {where} is made out to another name. Write that name as `host` in {section}, or have a "
        "certificate made for this one.",
        "le certificat de {where} est établi à un autre nom. Inscrivez ce nom comme « host » dans {section}, ou faites "
        "établir un certificat pour celui-ci.",
    ),
    (
        "",
        "the certificate of {where} comes from an authority that this machine doesn't know ({text}). If the server is "
        "the right one, name the authority's PEM file with `ca_file` in {section}.",
        "le certificat de {where} vient d'une autorité que cette machine ne connaît pas ({text}). Si le serveur est le "
        "bon, indiquez le fichier PEM de cette autorité par « ca_file » dans {section}.",
    ),
)

_SECRETS = {
    SecretSource.ENV: "{where} : la variable d'environnement {name} n'est pas définie, ou elle est vide. Définissez-la "
    "pour l'utilisateur qui exécute mailwatch.",
    SecretSource.FILE: "{where} : le fichier {name} ne peut être lu, ou n'est pas un secret. Créez-le, et donnez-le à "
    "l'utilisateur qui exécute mailwatch (chmod 600).",
    SecretSource.COMMAND: "{where} : la commande {name} ne donne pas le secret. Exécutez-la vous-même pour voir "
    "pourquoi.",
    SecretSource.CREDENTIAL: "{where} : systemd n'a pas fourni le secret {name}. Lancez mailwatch par systemd avec "
    "LoadCredential={name}:CHEMIN.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server as the configuration names it. `section`: where, such as [smtp]; `timeout` in seconds."""

    section: str
    host: str
    port: int
    ca_file: Path | None
    timeout: float

    @property
    def where(self) -> str:
        """HOST:PORT, for sentences."""
        return f"{self.host}:{self.port}"

    @property
    def about(self) -> str:
        """What findings about the server itself are about."""
        return f"{self.section} {self.where}"


def find_unreadable_ca(server: Server) -> Finding | None:
    """The problem of a `ca_file` that can't be used."""
    try:
        ssl.create_default_context(cafile=server.ca_file)
    except OSError as error:  # ssl.SSLError is one
        return problem(
            server.about,
            "{file} can't be used as `ca_file`: {error}. It must hold certificates in PEM form, readable by the user "
            "that runs mailwatch.",
            "{file} ne peut servir de « ca_file » : {error}. Il doit contenir des certificats au format PEM, lisibles "
            "par l'utilisateur qui exécute mailwatch.",
            file=server.ca_file,
            error=error.strerror or error,
        )
    return None


async def explain_unreachable(server: Server, text: str) -> Finding:
    """Why there is no connection: tries the name and the port again. `text`: what the adapter made of it."""
    facts = {"host": server.host, "where": server.where, "section": server.section, "text": text}
    try:
        async with asyncio.timeout(server.timeout):
            _, writer = await asyncio.open_connection(server.host, server.port)
            writer.close()
    except socket.gaierror:
        return problem(
            server.about,
            "the name {host} is unknown. Correct `host` in {section}, or the DNS of this machine.",
            "le nom {host} est inconnu. Corrigez « host » dans {section}, ou le DNS de cette machine.",
            **facts,
        )
    except ConnectionRefusedError:
        return problem(
            server.about,
            "nothing listens at {where}. Correct `port` in {section}, or start the server.",
            "rien n'écoute à {where}. Corrigez « port » dans {section}, ou démarrez le serveur.",
            **facts,
        )
    except OSError:  # TimeoutError is one
        return problem(
            server.about,
            "{where} can't be reached: {text}. Check `host` and `port` in {section}, and that the firewall lets this "
            "machine through.",
            "{where} est injoignable : {text}. Vérifiez « host » et « port » dans {section}, et que le pare-feu laisse "
            "passer cette machine.",
            **facts,
        )
    return problem(
        server.about,
        "{where} takes the connection, and then it fails: {text}. Check `security` and `port` in {section}.",
        "{where} accepte la connexion, puis elle échoue : {text}. Vérifiez « security » et « port » dans {section}.",
        **facts,
    )


def explain_certificate(server: Server, text: str) -> Finding:
    """What to do about a certificate that doesn't verify. `text` holds OpenSSL's reason."""
    en, fr = next((en, fr) for reason, en, fr in _CERTIFICATES if reason in text)
    return problem(server.about, en, fr, where=server.where, section=server.section, text=text)


def explain_secret(about: str, secret: SecretRef, problems: tuple[str, ...]) -> Finding:
    """A secret that can't be had. `problems`: the configuration's own sentences, which are English."""
    return problem(
        about, "{found}", _SECRETS[secret.source], found=" ".join(problems), where=secret.where, name=secret.value[0]
    )
