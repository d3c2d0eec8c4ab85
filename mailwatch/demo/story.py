"""The demo's story: who writes what, in which order. Every message is ours; nobody in it exists."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime

from mailwatch.demo.cast import AMINA, BIBLIOTHEQUE, DAVID, INSCRIPTIONS, LEA, MARC, MARIE, NADIA, OMAR, PAUL, SOPHIE


@dataclass(frozen=True, slots=True, kw_only=True)
class Letters:
    """What the story knows by now: our last acknowledgement's Message-ID, by recipient, and two instants."""

    began: datetime
    now: datetime
    acknowledgements: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One message (or one message seen twice) and what to say before it.

    write       the bytes that arrive
    boxes       the watched mailboxes it arrives in
    writer      whose inbox shows the acknowledgement, if one comes
    answered    somebody of the staff answers before the acknowledgement goes out
    answers     the requester whom the message answers
    """

    en: str
    fr: str
    write: Callable[[Letters], bytes]
    writer: str
    boxes: tuple[str, ...] = (INSCRIPTIONS,)
    answered: bool = False
    answers: str = ""
    later: timedelta = timedelta(minutes=12)  # how long after the scene before


def _letter(
    letters: Letters, sender: str, subject: str, body: str, message_id: str, *extra: str, to: str = INSCRIPTIONS
) -> bytes:
    headers = [
        f"Return-Path: <{sender.rpartition('<')[2].strip('>')}>",
        f"From: {sender}",
        f"To: {to}",
        f"Subject: {subject}",
        f"Date: {format_datetime(letters.now)}",
        f"Message-ID: <{message_id}>",
        "MIME-Version: 1.0",
        *(extra or ("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")),
    ]
    return ("\r\n".join(headers) + "\r\n\r\n" + body.replace("\n", "\r\n") + "\r\n").encode()


def _french(letters: Letters) -> bytes:
    return _letter(
        replace(letters, now=letters.began),  # the same message each time it is told
        f"Sophie Nadeau <{SOPHIE}>",
        "Inscription de ma fille en 3e année",
        "Bonjour,\n\nNous emménageons à Toronto en janvier. Quels documents faut-il fournir\n"
        "pour inscrire ma fille en 3e année ?\n\nMerci,\nSophie Nadeau",
        "1-nadeau@courriel.example",
    )


def _english(letters: Letters) -> bytes:
    return _letter(
        letters,
        f"David Chen <{DAVID}>",
        "School bus for next week",
        "Hello,\n\nCould you please tell me whether the school bus stops on Maple Street\n"
        "next week? My son starts on Monday.\n\nThank you,\nDavid",
        "2-chen@mail.example",
    )


def _colleague(letters: Letters) -> bytes:
    return _letter(
        letters,
        f"Paul Roy <{PAUL}>",
        "Liste des nouveaux élèves",
        "Bonjour Marie,\n\nPourriez-vous m'envoyer la liste des nouveaux élèves pour leurs cartes\n"
        "de bibliothèque ?\n\nMerci,\nPaul",
        "3-roy@cscmonavenir.example",
    )


def _thanks(letters: Letters) -> bytes:
    ours = letters.acknowledgements.get(SOPHIE, "")
    return _letter(
        letters,
        f"Sophie Nadeau <{SOPHIE}>",
        "RE: Nous avons bien reçu votre demande",
        "Merci beaucoup !\nSophie",
        "4-nadeau@courriel.example",
        f"In-Reply-To: {ours}",
        f"References: <1-nadeau@courriel.example> {ours}",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    )


def _out_of_office(letters: Letters) -> bytes:
    ours = letters.acknowledgements.get(DAVID, "")
    return _letter(
        letters,
        f"David Chen <{DAVID}>",
        "Automatic reply: We have received your request",
        "I am out of the office until December 1st.",
        "5-chen@mail.example",
        "Auto-Submitted: auto-replied",
        f"In-Reply-To: {ours}",
        "Content-Type: text/plain; charset=utf-8",
    )


def _mistyped(letters: Letters) -> bytes:
    return _letter(
        letters,
        f"Marc Gagné <{MARC}>".replace("é", "e"),
        "Transport scolaire",
        "Bonjour,\n\nÀ quelle heure passe l'autobus de la route 14 ?\n\nMarc",
        "6-gagne@parnet.example",
    )


def _bounce(letters: Letters) -> bytes:
    ours = letters.acknowledgements.get(MARC, "")
    boundary = "=_report"
    body = (
        f"--{boundary}\nContent-Type: text/plain\n\nYour message could not be delivered.\n"
        f"--{boundary}\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.parnet.example\n\n"
        f"Final-Recipient: rfc822; {MARC}\nAction: failed\nStatus: 5.1.1\n"
        f"--{boundary}\nContent-Type: text/rfc822-headers\n\nMessage-ID: {ours}\nTo: {MARC}\n\n--{boundary}--"
    )
    return _letter(
        letters,
        "Mail Delivery System <MAILER-DAEMON@mx.parnet.example>",
        "Undelivered Mail Returned to Sender",
        body,
        "7-dsn@mx.parnet.example",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
    ).replace(b"Return-Path: <MAILER-DAEMON@mx.parnet.example>", b"Return-Path: <>", 1)


def _newsletter(letters: Letters) -> bytes:
    return _letter(
        letters,
        "Fournitures Scolaires Plus <infolettre@fournitures.example>",
        "-20 % sur les cahiers",
        "Profitez de nos offres de novembre !",
        "8-lettre@fournitures.example",
        "List-Unsubscribe: <https://fournitures.example/desabonnement>",
        "Precedence: bulk",
        "Content-Type: text/plain; charset=utf-8",
    )


def _robot(letters: Letters) -> bytes:
    return _letter(
        letters,
        "Photocopieur <ne-pas-repondre@imprimantes.example>",
        "Niveau d'encre faible",
        "Le niveau d'encre du photocopieur 3 est faible.",
        "9-robot@imprimantes.example",
    )


def _broken(letters: Letters) -> bytes:
    raw = _letter(
        letters,
        f"Lea Fortin <{LEA}>",
        "=?x-unknown?Q?Absence_de_mon_fils_=E9l=E8ve?=",
        "Bonjour,\n\nMon fils élève à l'école sera absent mercredi. À qui dois-je le signaler ?\n\nLéa",
        "10-fortin@courriel.example",
        "Content-Type: text/plain; charset=uft-8",
        "Content-Transfer-Encoding: 8bit",
    )
    return raw.replace("é".encode(), b"\xe9").replace("è".encode(), b"\xe8").replace("À".encode(), b"\xc0")


def _unsure(letters: Letters) -> bytes:
    return _letter(letters, f"Omar Haddad <{OMAR}>", "12-B", "12-B ?", "11-haddad@mail.example")


def _both(letters: Letters) -> bytes:
    return _letter(
        letters,
        f"Amina Diallo <{AMINA}>",
        "Carte de bibliothèque et inscription",
        "Bonjour,\n\nMon fils commence lundi. Comment obtient-il sa carte de bibliothèque ?\n\nAmina Diallo",
        "12-diallo@courriel.example",
        to=f"{INSCRIPTIONS}, {BIBLIOTHEQUE}",
    )


def _answered(letters: Letters) -> bytes:
    return _letter(
        letters,
        f"Nadia Benali <{NADIA}>",
        "Heures d'ouverture",
        "Bonjour,\n\nÊtes-vous ouverts pendant l'heure du dîner ?\n\nNadia Benali",
        "13-benali@courriel.example",
    )


def _copy(letters: Letters) -> bytes:
    return _letter(
        letters,
        f"Marie Tremblay <{MARIE}>",
        "RE: School bus for next week",
        "Hello Mr. Chen,\n\nYes: bus 14 stops on Maple Street at 8:05 a.m.\n\nMarie Tremblay\nAdmissions",
        "14-tremblay@cscmonavenir.example",
        f"Cc: {INSCRIPTIONS}",
        "In-Reply-To: <2-chen@mail.example>",
        "References: <2-chen@mail.example>",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        to=f"David Chen <{DAVID}>",
    )


STORY = (
    Scene(en="A parent writes in French.", fr="Une mère écrit en français.", write=_french, writer=SOPHIE),
    Scene(en="A father writes in English.", fr="Un père écrit en anglais.", write=_english, writer=DAVID),
    Scene(
        en="A colleague asks for something: internal requests are served alike.",
        fr="Un collègue fait une demande : l'interne est servi comme l'externe.",
        write=_colleague,
        writer=PAUL,
    ),
    Scene(
        en="The mother says thank you to the acknowledgement.",
        fr="La mère remercie pour l'accusé de réception.",
        write=_thanks,
        writer=SOPHIE,
    ),
    Scene(
        en="The father's out-of-office answers our acknowledgement: a loop would begin here.",
        fr="La réponse d'absence du père répond à notre accusé : une boucle commencerait ici.",
        write=_out_of_office,
        writer=DAVID,
    ),
    Scene(
        en="Somebody whose address is mistyped in his mail program.",
        fr="Quelqu'un dont l'adresse est mal saisie dans son logiciel.",
        write=_mistyped,
        writer=MARC,
    ),
    Scene(
        en="So our acknowledgement bounces. Nothing is ever sent because of a bounce.",
        fr="Notre accusé revient donc. Rien n'est jamais envoyé à cause d'un retour.",
        write=_bounce,
        writer=MARC,
    ),
    Scene(en="A newsletter.", fr="Une infolettre.", write=_newsletter, writer="infolettre@fournitures.example"),
    Scene(en="A robot.", fr="Un robot.", write=_robot, writer="ne-pas-repondre@imprimantes.example"),
    Scene(
        en="A message with broken encoding: still a person who asks.",
        fr="Un message à l'encodage brisé : c'est quand même une personne qui demande.",
        write=_broken,
        writer=LEA,
    ),
    Scene(
        en="The first message arrives a second time, as mail sometimes does.",
        fr="Le premier message arrive une seconde fois, comme il arrive aux courriels.",
        write=_french,
        writer=SOPHIE,
    ),
    Scene(
        en="Too short to tell the language: both are used.",
        fr="Trop court pour reconnaître la langue : les deux servent.",
        write=_unsure,
        writer=OMAR,
    ),
    Scene(
        en="One message to two services: recorded in each, acknowledged once.",
        fr="Un message à deux services : consigné dans chacun, un seul accusé.",
        write=_both,
        writer=AMINA,
        boxes=(INSCRIPTIONS, BIBLIOTHEQUE),
    ),
    Scene(
        en="Marie answers within five minutes, in her own mail program: no robot need speak.",
        fr="Marie répond en moins de cinq minutes, dans son propre logiciel : le robot se tait.",
        write=_answered,
        writer=NADIA,
        answered=True,
    ),
    Scene(
        en="Marie answers the father from her own address, with the service in copy: the answer is seen.",
        fr="Marie répond au père depuis sa propre adresse, le service en copie : la réponse est vue.",
        write=_copy,
        writer=MARIE,
        answers=DAVID,
    ),
)
