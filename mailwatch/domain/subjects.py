"""Subjects: what people, mail programs and mail systems put before them, and what is left for threads to compare."""

import re
import unicodedata
from functools import lru_cache

LONGEST_KEY = 250  # characters; the rest of a subject never tells two threads apart
_LONGEST_SUBJECT = 2000

# Reply and forward prefixes: French, English, German, Scandinavian, Dutch, Italian, Spanish, Portuguese.
_PREFIXES = (
    "re", "ré", "rép", "réponse", "tr", "fw", "fwd", "aw", "antw", "wg", "sv", "vs", "vb", "rv", "i", "res", "enc",
)  # fmt: skip
_FORWARDS = ("tr", "fw", "fwd", "wg", "vb", "rv", "i", "enc")  # those of them that say: handed on
# "Re:", "RE :" with a no-break space before the colon, "Re[2]:", "Re(2):", "Re^2:"
_PREFIX = (
    rf"(?:{'|'.join(sorted(_PREFIXES, key=len, reverse=True))})(?:\s?\[\d{{1,3}}\]|\(\d{{1,3}}\)|\^\d{{1,3}})?\s*+[:：]"
)
_FORWARD = re.compile(rf"(?<!\w)(?:{'|'.join(_FORWARDS)})(?!\w)[^:：]*[:：]\Z", re.IGNORECASE)
# requests.REFERENCE_ALPHABET, spelled out: the layers don't let a subject know what a request is.
_REFERENCE = r"[\[(]?\bMW-[0-9A-HJKMNP-TV-Z]{6}\b[\])]?"
_ANY_REFERENCE = re.compile(_REFERENCE, re.IGNORECASE)

# What mail systems themselves put before the subject of an automatic reply. Case and accents don't matter.
AUTO_REPLY_SUBJECTS = {
    "fr": (
        "réponse automatique", "réponse automatique d'absence", "réponse automatique d'absence du bureau",
        "réponse d'absence", "absence du bureau", "absent du bureau", "absente du bureau", "absent(e) du bureau",
        "hors du bureau", "message d'absence", "notification d'absence", "avis d'absence",
        "message d'absence automatique",
    ),
    "en": (
        "automatic reply", "auto reply", "auto-reply", "autoreply", "automated reply", "automatic response",
        "auto response", "auto-response", "autoresponse", "automated response", "out of office", "out-of-office",
        "out of the office", "out of office autoreply", "out of office auto-reply", "out of office reply",
        "vacation reply", "vacation response", "vacation autoreply", "yahoo! auto response",
    ),
    "de": (
        "automatische antwort", "abwesenheitsnotiz", "abwesenheitsnachricht", "abwesenheitsbenachrichtigung",
        "abwesenheitsmeldung", "automatische abwesenheitsnotiz", "automatische abwesenheitsmeldung", "abwesend",
    ),
    "es": (
        "respuesta automática", "autorespuesta", "fuera de la oficina", "fuera de oficina", "ausente de la oficina",
    ),
    "it": ("risposta automatica", "fuori sede", "fuori ufficio", "assente dall'ufficio", "assenza dall'ufficio"),
    "pt": (
        "resposta automática", "fora do escritório", "ausência do escritório", "ausência temporária",
        "resposta de ausência",
    ),
    "nl": (
        "automatisch antwoord", "automatische beantwoording", "afwezigheidsbericht", "afwezigheidsmelding", "afwezig",
        "niet aanwezig",
    ),
    "sv": ("autosvar", "automatiskt svar", "frånvaromeddelande"),
    "da, no": ("automatisk svar", "autosvar"),
    "fi": ("automaattinen vastaus", "poissaoloviesti"),
    "pl": ("odpowiedź automatyczna", "automatyczna odpowiedź", "poza biurem"),
    "cs, sk": ("automatická odpověď", "automatická odpoveď", "mimo kancelář"),
    "hu": ("automatikus válasz",),
    "ro": ("răspuns automat",),
    "tr": ("otomatik yanıt",),
    "el": ("αυτόματη απάντηση",),
    "ru, uk": ("автоматический ответ", "автоответ", "автоматична відповідь"),
    "ar, he": ("رد تلقائي", "תשובה אוטומטית"),
    "zh": ("自动答复", "自动回复", "自動答覆", "自動回覆"),
    "ja": ("自動応答", "自動返信"),
    "ko": ("자동 회신", "자동 응답"),
    "vi, id": ("trả lời tự động", "balasan otomatis"),
}  # fmt: skip
# What mail systems put before, or write as, the subject of a notice about a message that wasn't delivered.
DELIVERY_NOTICES = (
    "undeliverable", "undelivered mail", "undelivered message", "non-deliverable", "nondeliverable mail",
    "delivery status notification", "delivery notification", "delivery failure", "delivery failed",
    "delivery report", "delivery delayed", "mail delivery failed", "mail delivery failure", "mail delivery problem",
    "mail system error", "message status - undeliverable", "message delivery failure", "permanent delivery failure",
    "delivery error", "delivery problem", "delivery status", "message undeliverable", "message not delivered",
    "message could not be delivered", "your message could not be delivered", "unable to deliver", "could not deliver",
    "failed to deliver", "mail returned", "returned mail", "returned to sender", "failure notice", "failed mail",
    "warning: could not send message", "warning: message",
    "non remis", "non délivrable", "non distribuable", "échec de la remise", "échec de remise",
    "notification d'état de remise", "avis de non-remise", "rapport de non-remise",
    "unzustellbar", "nicht zustellbar", "no se puede entregar", "non recapitabile", "onbestelbaar",
)  # fmt: skip

_NOTES_ABSENCE = re.compile(
    r".{1,100}? (?:is out of the office|est absent(?:\(e\)|e)?(?: du bureau)?|ist außer haus)\.?", re.IGNORECASE
)


def _plain(text: str) -> str:
    """Lower case, without accents, single spaces, plain punctuation: how phrases are compared."""
    letters = unicodedata.normalize("NFKD", text.replace("’", "'"))
    return " ".join("".join(letter for letter in letters if not unicodedata.combining(letter)).lower().split())


_LANGUAGE_OF = {_plain(phrase): language for language, phrases in AUTO_REPLY_SUBJECTS.items() for phrase in phrases}
_LONGEST_PHRASE = max(map(len, _LANGUAGE_OF))
# Phrases that nobody types for himself stand in brackets too, before a dash, or alone: [Auto-Reply] Inscription
_UNMISTAKABLE = re.compile(
    r"(?P<open>[\[(])?(?P<phrase>{})(?(open)[\])]|(?: ?[-–—] |$))".format(
        "|".join(re.escape(phrase) for phrase in _LANGUAGE_OF if "aut" in phrase or "vacation" in phrase)
    )
)
_NOTICE = re.compile("|".join(re.escape(_plain(notice)) for notice in DELIVERY_NOTICES))


@lru_cache(maxsize=64)
def _compile(tags: tuple[str, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """(everything that may stand before the subject proper, a prefix with what may stand before it)."""
    tag = "|".join([_REFERENCE, *(re.escape(tag) for tag in tags if tag)])
    head = re.compile(rf"(?:\s|{tag}|{_PREFIX})*+", re.IGNORECASE)
    return head, re.compile(rf"(?:\s|{tag})*+{_PREFIX}", re.IGNORECASE)


def subject_key(subject: str, tags: tuple[str, ...] = ()) -> str:
    """The subject as threads compare it: without prefixes (fr, en, de, es, …), tags, references; lower case."""
    head, _ = _compile(tags)
    subject = unicodedata.normalize("NFC", subject[:_LONGEST_SUBJECT])
    rest = _ANY_REFERENCE.sub(" ", subject[_end(head, subject) :])
    return " ".join(rest.casefold().split())[:LONGEST_KEY].rstrip()


def has_reply_prefix(subject: str, tags: tuple[str, ...] = ()) -> bool:
    """Whether the subject begins with Re:, RE :, TR:, AW:, … once external tags are off."""
    _, prefix = _compile(tags)
    return prefix.match(unicodedata.normalize("NFC", subject[:_LONGEST_SUBJECT])) is not None


def is_forward(subject: str, tags: tuple[str, ...] = ()) -> bool:
    """Whether what was done last to a message, by its subject, is that somebody handed it on: TR:, Fwd:, WG:, …"""
    _, prefix = _compile(tags)
    found = prefix.match(unicodedata.normalize("NFC", subject[:_LONGEST_SUBJECT]))
    return found is not None and _FORWARD.search(found[0]) is not None


def _end(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.match(text)
    return found.end() if found else 0


def find_auto_reply_subject(subject: str) -> str | None:
    """The language of the automatic reply's prefix that a subject begins with. Tags must be off already.

    Only at the very beginning, and what people type too only with its colon: "Re: Automatic reply: …" is a person's
    answer to a robot, and "Out of office hours?" a question.
    """
    plain = _plain(subject[: 4 * _LONGEST_PHRASE])
    head, colon, _ = plain.partition(":")
    if colon and (language := _LANGUAGE_OF.get(head.rstrip())):
        return language
    found = _UNMISTAKABLE.match(plain)
    return _LANGUAGE_OF[found["phrase"]] if found else None


def is_notes_absence(subject: str) -> bool:
    """Whether a subject is the one of Lotus Notes' absence notices: `Jane Doe/ACME is out of the office.`"""
    return _NOTES_ABSENCE.fullmatch(subject[:_LONGEST_SUBJECT]) is not None


def is_delivery_notice(subject: str) -> bool:
    """Whether a subject begins as mail systems' notices of an undelivered message do."""
    return _NOTICE.match(_plain(subject[: 4 * _LONGEST_PHRASE])) is not None
