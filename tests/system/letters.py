"""What requesters write, and what they must get back, byte for byte."""

import email
import email.policy
import re
from dataclasses import dataclass
from datetime import date, datetime
from email.message import EmailMessage
from email.utils import format_datetime

INSCRIPTIONS = "inscriptions@cscmonavenir.example"
SOPHIE = "sophie.nadeau@courriel.example"
LOUIS = "louis.okafor@courriel.example"
AMINA = "amina.diallo@courriel.example"
OMAR = "omar.haddad@courriel.example"
NADIA = "nadia.benali@courriel.example"

FRENCH = """\
Bonjour,

Nous venons d'emménager dans le quartier. Quels documents faut-il fournir pour inscrire ma fille en deuxième année ?

Merci beaucoup,
Sophie Nadeau
"""
ENGLISH = """\
Hello,

We have just moved here. Which documents do you need to register my daughter in grade two?

Thank you,
Sophie Nadeau
"""
NEITHER = "416-555-0199\n"

TRACE = frozenset({"return-path", "delivered-to", "received"})  # what servers write on top


def a_letter(
    number: int = 1,
    *,
    sender: str = SOPHIE,
    name: str = "Sophie Nadeau",
    to: str = INSCRIPTIONS,
    subject: str = "Inscription en deuxième année",
    text: str = FRENCH,
    sent_at: datetime,
    **headers: str,
) -> bytes:
    """A message as a mail program hands it over."""
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = f"{name} <{sender}>"
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = format_datetime(sent_at)
    message["Message-ID"] = letter_id(number)
    for header, value in headers.items():
        message[header.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def letter_id(number: int) -> str:
    """The Message-ID of `a_letter`."""
    return f"<{number}.demande@courriel.example>"


def a_reply(number: int, to_letter: str, *, sent_at: datetime, subject: str = "RE: Inscription", **how: str) -> bytes:
    """A letter that replies to a Message-ID; `how` as for `a_letter`."""
    return a_letter(number, subject=subject, sent_at=sent_at, In_Reply_To=to_letter, References=to_letter, **how)


# --- what comes back --------------------------------------------------------------------------------------------------

_HEADERS = """\
From: {service} <inscriptions@cscmonavenir.example>
To: sophie.nadeau@courriel.example
Subject: {subject}
Date: {date}
Message-ID: {id}
In-Reply-To: <{number}.demande@courriel.example>
References: <{number}.demande@courriel.example>
 {id}
Auto-Submitted: auto-replied
X-Auto-Response-Suppress: DR, RN, NRN, OOF, AutoReply
X-Mailwatch-Message-ID: {id}
Content-Language: {languages}
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="{boundary}"
"""
_SUBJECT_FR = "=?utf-8?q?Nous_avons_bien_re=C3=A7u_votre_demande"
_MARK = {"encoded": "=5BMW=2D{reference}=5D?=", "plain": "[MW-{reference}]"}


@dataclass(frozen=True, slots=True)
class Expected:
    """An acknowledgement in a language, or in both: From's name, the subject, Content-Language, what the text says."""

    service: str
    subject: str
    languages: str
    sentences: tuple[str, ...]

    def headers(self, number: int, actual: str) -> str:
        """The headers that answer the letter of that number; what can't be known is taken from the actual ones."""
        pieces = {
            "date": _one(r"^Date: (\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d \+0000)$", actual),
            "id": _one(r"^Message-ID: (<mw\.ack\.[0-9a-f]{32}@cscmonavenir\.example>)$", actual),
            "reference": _one(r"MW(?:-|=2D)([0-9A-HJKMNP-TV-Z]{6})", actual),
            "boundary": _one(r'boundary="(=_mw_[0-9a-f]{24})"', actual),
        }
        subject = self.subject.format(**pieces)
        service, languages = self.service, self.languages
        return _HEADERS.format(number=number, service=service, subject=subject, languages=languages, **pieces)

    def says(self, answer_on: date) -> list[str]:
        """Sentences of the text, with the anticipated date in words."""
        return [sentence.format(fr=in_french(answer_on), en=in_english(answer_on)) for sentence in self.sentences]


_ANSWER_FR = "Réponse prévue au plus tard le {fr}"
_ANSWER_EN = "Answer expected no later than {en}"

IN_FRENCH = Expected(
    "Service des inscriptions", f"{_SUBJECT_FR}_?=\n =?utf-8?q?{_MARK['encoded']}", "fr", (_ANSWER_FR,)
)
IN_ENGLISH = Expected("Admissions", f"We have received your request {_MARK['plain']}", "en", (_ANSWER_EN,))
IN_BOTH = Expected(
    "Service des inscriptions / Admissions\n",
    f"{_SUBJECT_FR}_=2F_We_have_?=\n =?utf-8?q?received_your_request_{_MARK['encoded']}",
    "fr, en",
    ("The English version follows.", _ANSWER_FR, "La version française précède.", _ANSWER_EN),
)


def _one(pattern: str, text: str) -> str:
    found = set(re.findall(pattern, text, re.MULTILINE))
    assert len(found) == 1, f"{pattern} gives {found} in:\n{text}"
    return str(found.pop())


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message as it lies in a mailbox: the trace that servers wrote, the headers below it, the plain text."""

    trace: tuple[tuple[str, str], ...]
    headers: str
    text: str

    @property
    def message_id(self) -> str:
        """Its Message-ID."""
        return _one(r"^Message-ID: (<.+>)$", self.headers)


def read(raw: bytes) -> Delivered:
    """Take a delivered message apart."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    lines = raw.partition(b"\r\n\r\n")[0].decode("ascii").replace("\r\n", "\n") + "\n"
    fields = re.findall(r"^\S.*\n(?:[ \t].*\n)*", lines, re.MULTILINE)
    below = next(i for i, field in enumerate(fields) if field.partition(":")[0].lower() not in TRACE)
    trace = tuple((name.lower(), value.strip()) for name, _, value in (f.partition(":") for f in fields[:below]))
    part = message.get_body(("plain",))
    return Delivered(trace, "".join(fields[below:]), part.get_content() if part is not None else "")


# Days in words, on their own: the expectation must not be what the product computes.
_JOURS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_MOIS = (
    "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()  # noqa: SIM905
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)


def in_french(day: date) -> str:
    """`mardi 1er décembre 2026`."""
    number = "1er" if day.day == 1 else day.day
    return f"{_JOURS[day.weekday()]} {number} {_MOIS[day.month - 1]} {day.year}"


def in_english(day: date) -> str:
    """`Tuesday, December 1, 2026`."""
    return f"{_DAYS[day.weekday()]}, {_MONTHS[day.month - 1]} {day.day}, {day.year}"
