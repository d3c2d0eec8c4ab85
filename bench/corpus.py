"""Mail such as a school board receives: made up from a seed, 29 KB a message on average.

    36 %  plain text            22 %  text and HTML        8 %  HTML only
    21 %  with an attachment     8 %  newsletters          5 %  automatic replies

French and English; UTF-8, ISO 8859-1 and Windows-1252; quoted-printable and base64; the trace of four relays.
"""

import base64
import binascii
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.utils import format_datetime

SENTENCES = {
    "fr": (
        "Nous venons d'emménager dans le quartier et nous aimerions inscrire notre fille en deuxième année.",
        "Pourriez-vous m'indiquer les pièces à fournir et la date limite pour les déposer ?",
        "Mon fils fréquente déjà l'école, mais son dossier porte encore notre ancienne adresse.",
        "Le formulaire en ligne s'arrête à la troisième page et je n'arrive pas à l'envoyer.",
        "À quelle heure le service est-il ouvert pendant la semaine de relâche ?",
        "Je vous ai écrit la semaine dernière et je n'ai pas encore eu de nouvelles.",
        "L'autobus passe désormais dix minutes plus tôt, et personne ne nous avait prévenus.",
        "Nous souhaitons une place au service de garde à compter de septembre.",
        "Merci de me dire à qui je dois m'adresser si ce n'est pas à vous.",
    ),
    "en": (
        "We have just moved to the area and would like to enrol our daughter in grade two.",
        "Could you tell me which documents are needed, and by what date?",
        "My son already attends the school, but his file still shows our old address.",
        "The online form stops at the third page and I cannot submit it.",
        "What are your opening hours during the March break?",
        "I wrote to you last week and have not heard back yet.",
        "The bus now comes ten minutes earlier, and nobody had told us.",
        "We would like a place in the day care from September on.",
        "Please tell me whom I should turn to if it is not you.",
    ),
}
SUBJECTS = {
    "fr": ("Inscription en deuxième année", "Changement d'adresse", "Horaire de l'autobus", "Relevé de notes"),
    "en": ("Grade two enrolment", "Change of address", "Bus schedule", "Transcript request"),
}
GREETINGS = {"fr": ("Bonjour,", "Cordialement,"), "en": ("Hello,", "Kind regards,")}
FIRST = ("Amélie", "Noah", "Chloé", "Liam", "Fatou", "Étienne", "Mei", "Olivia", "Karim", "Sophie")
LAST = ("Gagné", "Nguyen", "Bélanger", "Singh", "Côté", "Smith", "Diallo", "Lévesque", "Brown", "Haddad")
STYLE = "p.MsoNormal, li.MsoNormal {margin:0cm; font-size:11.0pt; font-family:'Calibri',sans-serif;}\n"

Maker = Callable[["Letter"], tuple[list[str], bytes]]


class Letter:
    """One message in the making: its own random numbers, language, writer and hour."""

    def __init__(self, rng: random.Random, number: int, recipient: str, sent_at: datetime) -> None:
        self.rng, self.number, self.recipient, self.sent_at = rng, number, recipient, sent_at
        self.language = "fr" if rng.random() < 0.6 else "en"
        first, last = rng.choice(FIRST), rng.choice(LAST)
        self.name = f"{first} {last}"
        self.address = f"parent{number}@quartier{number % 97}.example"
        self.subject = f"{rng.choice(SUBJECTS[self.language])} {number}"
        self.boundary = f"----=_Part_{number}_{rng.getrandbits(64):016x}"

    def text(self, paragraphs: int) -> str:
        """Greeting, some paragraphs, closing."""
        sentences = SENTENCES[self.language]
        opening, closing = GREETINGS[self.language]
        middle = [" ".join(self.rng.choices(sentences, k=self.rng.randint(1, 5))) for _ in range(paragraphs)]
        return "\n\n".join([opening, *middle, f"{closing}\n{self.name}"]) + "\n"

    def html(self, text: str, rules: int) -> str:
        """The text as a mail program marks it up: far more style than words."""
        paragraphs = "".join(f'<p class="MsoNormal"><span lang="FR-CA">{p}</span></p>\n' for p in text.split("\n\n"))
        style = "".join(f"@list l{n} {{mso-list-id:{self.rng.getrandbits(31)};}} {STYLE}" for n in range(rules))
        return f"<html><head><style>\n{style}</style></head>\n<body>\n{paragraphs}</body></html>\n"


def _part(words: str, subtype: str, rng: random.Random) -> tuple[list[str], bytes]:
    """Headers and encoded body of a text part."""
    charset = rng.choices(("utf-8", "iso-8859-1", "windows-1252"), (8, 1, 1))[0]
    octets = words.encode(charset, "replace")
    if rng.random() < 0.75:
        encoding, body = "quoted-printable", binascii.b2a_qp(octets, istext=True)
    else:
        encoding, body = "base64", base64.encodebytes(octets)
    return [f'Content-Type: text/{subtype}; charset="{charset}"', f"Content-Transfer-Encoding: {encoding}"], body


def _multipart(kind: str, boundary: str, *parts: tuple[list[str], bytes]) -> tuple[list[str], bytes]:
    body = b"".join(f"--{boundary}\n{chr(10).join(headers)}\n\n".encode() + part + b"\n" for headers, part in parts)
    return [f'Content-Type: multipart/{kind}; boundary="{boundary}"'], body + f"--{boundary}--\n".encode()


def plain(letter: Letter) -> tuple[list[str], bytes]:
    """A few paragraphs; one in three quotes what went before."""
    text = letter.text(letter.rng.randint(1, 6))
    if letter.rng.random() < 0.33:
        text += "\n" + "".join(f"> {line}\n" for line in letter.text(4).splitlines())
    return _part(text, "plain", letter.rng)


def alternative(letter: Letter) -> tuple[list[str], bytes]:
    """Text and HTML, as most mail programs write."""
    text = letter.text(letter.rng.randint(2, 8))
    html = letter.html(text, letter.rng.randint(40, 220))
    return _multipart("alternative", letter.boundary, _part(text, "plain", letter.rng), _part(html, "html", letter.rng))


def html_only(letter: Letter) -> tuple[list[str], bytes]:
    """A telephone's or a web mailer's HTML without a text part."""
    return _part(letter.html(letter.text(4), letter.rng.randint(30, 160)), "html", letter.rng)


def attachment(letter: Letter) -> tuple[list[str], bytes]:
    """A scanned form."""
    octets = letter.rng.randbytes(min(int(letter.rng.lognormvariate(10.83, 0.75)), 400_000))
    headers = [
        'Content-Type: application/pdf; name="=?utf-8?q?pi=C3=A8ce.pdf?="',
        "Content-Disposition: attachment; filename*=utf-8''pi%C3%A8ce.pdf",
        "Content-Transfer-Encoding: base64",
    ]
    return _multipart("mixed", letter.boundary, plain(letter), (headers, base64.encodebytes(octets)))


def newsletter(letter: Letter) -> tuple[list[str], bytes]:
    """To a list; nobody waits for an answer."""
    letter.address = f"nouvelles@listes{letter.number % 7}.example"
    headers, body = alternative(letter)
    return [
        *headers,
        "List-Id: <nouvelles.listes.example>",
        "List-Unsubscribe: <https://listes.example/u>",
        "Precedence: bulk",
    ], body


def automatic_reply(letter: Letter) -> tuple[list[str], bytes]:
    """Somebody is away."""
    prefix = {"fr": "Réponse automatique : ", "en": "Automatic reply: "}[letter.language]
    letter.subject = prefix + letter.subject
    headers, body = plain(letter)
    return [*headers, "Auto-Submitted: auto-replied", "X-Auto-Response-Suppress: All"], body


MIX: dict[Maker, int] = {plain: 36, alternative: 22, html_only: 8, attachment: 21, newsletter: 8, automatic_reply: 5}


def _headers(letter: Letter) -> list[str]:
    """What a message carries after four relays and two checks."""
    rng, date = letter.rng, format_datetime(letter.sent_at)
    token = base64.b64encode(rng.randbytes(180)).decode()
    trace = [
        f"Received: from relay{n}.example (relay{n}.example [192.0.2.{n + 1}])\n"
        f"\tby relay{n + 1}.example (Postfix) with ESMTPS id {rng.getrandbits(40):010X}\n"
        f"\t(version=TLS1_3 cipher=TLS_AES_256_GCM_SHA384);\n\t{date}"
        for n in range(3, -1, -1)
    ]
    return [
        f"Return-Path: <{letter.address}>",
        *trace,
        "Authentication-Results: mx.example.test; spf=pass smtp.mailfrom=example; dkim=pass; dmarc=pass",
        "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example; s=s1; t=1;\n"
        f"\th=from:to:subject:date:message-id; bh={token[:44]};\n\tb={token[44:110]}\n\t {token[110:]}",
        f"From: =?utf-8?b?{base64.b64encode(letter.name.encode()).decode()}?= <{letter.address}>",
        f"To: <{letter.recipient}>",
        f"Subject: =?utf-8?b?{base64.b64encode(letter.subject.encode()).decode()}?=",
        f"Date: {date}",
        f"Message-ID: <{rng.getrandbits(96):024x}@quartier{letter.number % 97}.example>",
        f"Thread-Index: {base64.b64encode(rng.randbytes(22)).decode()}",
        "MIME-Version: 1.0",
        "X-Mailer: Microsoft Outlook 16.0",
        f"X-MS-Exchange-CrossTenant-Id: {rng.getrandbits(128):032x}",
    ]


def messages(
    count: int, recipient: str, until: datetime, seed: int = 2026, mix: dict[Maker, int] = MIX
) -> Iterator[bytes]:
    """`count` messages to `recipient`, one a second, the last at `until`. The same for the same arguments."""
    rng = random.Random(seed)
    makers = rng.choices(list(mix), list(mix.values()), k=count)
    for number, maker in enumerate(makers):
        sent_at = until - timedelta(seconds=count - number)
        letter = Letter(random.Random(rng.getrandbits(64)), number, recipient, sent_at)
        content, body = maker(letter)
        yield "\n".join([*_headers(letter), *content]).encode() + b"\n\n" + body
