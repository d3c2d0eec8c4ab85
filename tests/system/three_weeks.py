"""Three weeks of a school board's mail, as a script: who writes what, when. What must come of it is written by hand
in test_three_weeks.py.

    February 2026   Mon 2   Tue 3   Wed 4   Thu 5   (Fri 6: closed, a day without pupils)
                    Mon 9   Tue 10  Wed 11  Thu 12   Fri 13
                   (Mon 16: Family Day)  Tue 17  Wed 18  Thu 19  Fri 20
Marie, who owns the admissions mailbox, is away on the 10th and 11th; Paul covers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from enum import StrEnum
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/Toronto")
DOMAIN = "cscmonavenir.example"
INSCRIPTIONS, BIBLIOTHEQUE = f"inscriptions@{DOMAIN}", f"bibliotheque@{DOMAIN}"
MARIE, LUC, PAUL = f"marie.tremblay@{DOMAIN}", f"luc.gagnon@{DOMAIN}", f"paul.roy@{DOMAIN}"
DIRECTOR, IT = f"direction@{DOMAIN}", f"informatique@{DOMAIN}"
BEGINS = datetime(2026, 2, 2, 8, 0, tzinfo=ZONE)
ENDS = datetime(2026, 2, 20, 17, 0, tzinfo=ZONE)


def february(day: int, time: str) -> datetime:
    """A local instant."""
    hour, minute = map(int, time.split(":"))
    return datetime(2026, 2, day, hour, minute, tzinfo=ZONE)


class Act(StrEnum):
    """What somebody does."""

    ASK = "a requester writes"
    ANSWER = "the mailbox answers: a copy lies in its Sent folder"
    COPY = "Marie answers from her own address, with a copy to the mailbox"
    FLAG = "a mail program sets \\Answered"
    FORWARD = "Marie forwards to a colleague: a copy lies in her own Sent folder"
    FOLLOW = "the requester writes again, in the thread"
    ROBOT = "the requester's out-of-office replies to the acknowledgement"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the script, about the request of a requester."""

    at: datetime
    act: Act
    who: str  # the requester's name, which stands for the request
    text: str = ""
    to: str = INSCRIPTIONS
    headers: tuple[tuple[str, str], ...] = field(default=())

    @property
    def address(self) -> str:
        """The requester's."""
        return f"{self.who}@courriel.example"


SCRIPT = (
    # week 1
    Line(february(2, "10:00"), Act.ASK, "anne", "Quels documents faut-il fournir pour inscrire ma fille ?"),
    Line(february(2, "23:30"), Act.ASK, "bruno", "Ma fille peut-elle commencer en cours d'année ?"),
    Line(february(3, "09:00"), Act.ASK, "chloe", "À quelle heure ouvre le service de garde ?"),
    Line(february(3, "10:00"), Act.ASK, "denis", "Puis-je réserver une salle de lecture ?", BIBLIOTHEQUE),
    Line(february(3, "14:00"), Act.ASK, "emma", "Could you tell me whether the bus stops on Elm Street?"),
    Line(february(4, "09:00"), Act.ASK, "farid", "Où dois-je envoyer le formulaire ?",
         headers=(("X-Auto-Response-Suppress", "All"),)),
    Line(february(4, "10:30"), Act.ANSWER, "chloe", "Le service de garde ouvre à 7 h."),
    Line(february(4, "11:00"), Act.ANSWER, "anne", "Voici la liste des documents."),
    Line(february(4, "13:30"), Act.ASK, "gaelle", "Avez-vous des livres en espagnol ?", BIBLIOTHEQUE),
    Line(february(4, "14:00"), Act.ASK, "infolettre", "Nos nouveautés de la semaine.",
         headers=(("List-Unsubscribe", "<https://infolettre.example/fin>"),)),
    Line(february(5, "09:15"), Act.FOLLOW, "chloe", "Merci beaucoup !"),
    Line(february(5, "09:30"), Act.ROBOT, "bruno", "Je suis absent jusqu'au 9 février."),
    Line(february(5, "11:00"), Act.ANSWER, "gaelle", "Oui, au deuxième étage.", BIBLIOTHEQUE),
    Line(february(5, "14:00"), Act.ANSWER, "farid", "Au service des inscriptions."),
    Line(february(5, "15:00"), Act.COPY, "bruno", "Oui, c'est possible en tout temps."),
    Line(february(5, "15:10"), Act.ASK, "hugo", "Mon fils a perdu sa carte d'étudiant. Que faut-il faire ?"),
    Line(february(7, "14:00"), Act.ASK, "ines", "Ma nièce arrive du Sénégal. Peut-elle fréquenter votre école ?"),
    # week 2
    Line(february(9, "10:00"), Act.FORWARD, "hugo", "Paul, sais-tu qui s'occupe des cartes ?"),
    Line(february(10, "09:00"), Act.FOLLOW, "chloe", "J'ai une autre question : ouvrez-vous aussi le samedi ?"),
    Line(february(11, "09:15"), Act.FLAG, "ines"),
    Line(february(11, "11:00"), Act.ANSWER, "emma", "Yes, it does."),
    Line(february(13, "11:00"), Act.ASK, "jules", "Les inscriptions sont-elles ouvertes pour septembre ?"),
    # week 3
    Line(february(17, "10:00"), Act.ANSWER, "hugo", "Vous recevrez une nouvelle carte."),
    Line(february(18, "16:30"), Act.ANSWER, "chloe", "Non, seulement en semaine."),
)  # fmt: skip


def list_steps() -> Iterator[datetime]:
    """When the clock is moved to, beside the lines: about the digest, at noon, past closing, at night."""
    day = BEGINS.replace(hour=0)
    while day < ENDS:
        for hour, minute in ((2, 0), (8, 30), (8, 45), (12, 0), (16, 31), (23, 45)):
            moment = day.replace(hour=hour, minute=minute)
            if BEGINS < moment < ENDS:
                yield moment
        day = (day + timedelta(days=1)).replace(hour=0)
    yield ENDS


# --- what they write --------------------------------------------------------------------------------------------------


def message_id(who: str, number: int = 1) -> str:
    """Of a requester's n-th message."""
    return f"<{who}.{number}@courriel.example>"


def a_question(line: Line) -> EmailMessage:
    """A requester's first message."""
    message = _message(line.address, line.to, f"Question de {line.who}", line, message_id(line.who))
    for name, value in line.headers:
        message[name] = value
    return message


def a_follow_up(line: Line) -> EmailMessage:
    """The requester's next message in the thread, each with a Message-ID of its own."""
    message = _message(line.address, line.to, f"RE: Question de {line.who}", line, f"<{line.at:%d%H%M}.{line.who}@x>")
    message["In-Reply-To"] = message_id(line.who)
    message["References"] = message_id(line.who)
    return message


def a_robots_reply(line: Line) -> EmailMessage:
    """An out-of-office reply."""
    message = a_follow_up(line)
    message["Auto-Submitted"] = "auto-replied"
    return message


def an_answer(line: Line, sender: str, *, copy: str = "") -> EmailMessage:
    """What staff write to the requester."""
    message = _message(sender, line.address, f"RE: Question de {line.who}", line, f"<{line.at:%d%H%M}.{line.who}@a>")
    message["In-Reply-To"] = message_id(line.who)
    message["References"] = message_id(line.who)
    if copy:
        message["Cc"] = copy
    return message


def a_forward(line: Line) -> EmailMessage:
    """What Marie sends to Paul about it."""
    message = an_answer(line, MARIE)
    del message["To"], message["Subject"]
    message["To"] = PAUL
    message["Subject"] = f"TR: Question de {line.who}"
    return message


def _message(sender: str, to: str, subject: str, line: Line, id_: str) -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = line.at
    message["Message-ID"] = id_
    message.set_content(f"Bonjour,\n\n{line.text}\n")
    return message
