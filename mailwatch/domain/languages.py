"""French or English, from the requester's own words: quotations, signatures and banners don't count.

It counts telling words: articles, pronouns, verbs that one language has and the other hasn't. Words that both write
("on", "pour", "question", "son") count for neither. Better no answer than a wrong one: unsure means both languages.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

from mailwatch.domain.quotations import own_words
from mailwatch.domain.subjects import has_reply_prefix

__all__ = ["Language", "detect_language", "own_words"]


class Language(StrEnum):
    """A language of service. ISO 639-1."""

    FR = "fr"
    EN = "en"


ENOUGH = 2.0  # telling words, courtesies apart
SURE = 0.8  # share of the winner
REPEATS = 3  # a word counts that often at most: one title repeated isn't a language
COURTESY = 0.5  # people greet in the other language

_FRENCH = frozenset(
    """
    le les des du une est et dans avec ce cet cette ces mon ma mes notre nos votre vos leur leurs je nous vous il elle
    ils elles qui quand où pourquoi combien quel quelle quels quelles ne pas sont était étaient étais sera serait
    serai seront suis êtes avez avons ont aux au mais donc si sur sous chez vers depuis pendant après avant
    très bien aussi encore toujours jamais déjà bientôt aujourd'hui demain hier ici même être avoir faire fait
    faut peut peux pouvez pourriez pourrais pouvons voudrais voudrions aimerais aimerions souhaite souhaitons
    cherche besoin savoir puis-je est-ce y-a-t-il a-t-il fils fille enfant enfants école écoles élève élèves
    rentrée autobus bibliothèque livre livres prêt rendez-vous absente absences malade inscrire
    veuillez s'il ça cela ceci tous toute toutes plusieurs chaque autre autres sans selon lors alors ainsi
    jusqu'à dès afin parce lequel laquelle comme cependant heures heure jour jours semaine mois année lundi
    mardi mercredi jeudi vendredi samedi dimanche janvier février avril juin juillet août septembre
    octobre novembre décembre reçu envoyer envoyé trouver trouve perdu appeler
    fermée fermé ouverte ouvert nouvelle nouveau prochain prochaine dernière dernier
    garderie enseignante enseignant maternelle inscription horaire horaires frais formulaire
    bulletin carte compte demande attente réponse suivi ci-joint voici voilà
    """.split()  # noqa: SIM905  (a list of two hundred strings is nothing to read)
)
_ENGLISH = frozenset(
    """
    the is are was were been being am my our your their his her its this that these those and of to with for from
    at by i we you they he she it do does did have has had can can't could should would will won't shall must may
    what when where why how which who whose please not don't doesn't didn't isn't aren't wasn't couldn't there here
    if because about after before until since during any some every each all both many much more most other another
    such than then so also still already always never ever soon today tomorrow yesterday now just only very
    into out up down over under again between through need want know get got going go come let make take find
    found lost send sent give call called ask asking wondering looking like see think believe understand daughter
    kid kids child children school schools student students teacher teachers library book books card
    week weeks day days month months year years monday tuesday wednesday thursday friday saturday sunday january
    february march april june july august september october november december open closed close hours fee fees
    late sick home register registration enrol enroll enrolment form forms renew borrow return hold holds
    able unable could new next last been regarding hear meeting appointment schedule i'm i'd i've i'll we're we'd we've
    it's he's she's that's what's there's they're you're let's
    """.split()  # noqa: SIM905
)
_FRENCH_COURTESIES = frozenset("bonjour bonsoir merci salut allô madame monsieur cordialement salutations svp".split())  # noqa: SIM905
_ENGLISH_COURTESIES = frozenset("hello hi hey dear thanks thank regards sincerely cheers sir madam".split())  # noqa: SIM905
# Other languages share words with French above all: enough of theirs, and it is neither.
_OTHER = frozenset(
    """
    el los las una por para con está están gracias hola usted ustedes sus del pero muy buenos
    días tardes señor señora puede quiero necesito hijo hija escuela biblioteca cuando dónde cómo qué
    der das und ist nicht ich sie wir mit für ein eine einen guten tag danke bitte mein meine kann haben sind
    é è il lo gli di che è sono buongiorno grazie mio mia della nella questo questa vorrei figlio
    um uma não você obrigado obrigada bom dia olá meu minha filho filha escola quando são
    mwen nan ki pou nou li bonjou mèsi tanpri lekòl pitit mande
    het een niet ik dank graag
    """.split()  # noqa: SIM905
) - {"il"}

_FOREIGN_LETTERS = frozenset("ñãõíóúáäößåøæışğłżžčšđ¿¡")

_ADDRESSES = ("@", "://", "www.")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
# A capital in the middle of a sentence begins a name or a title, but for what English writes so.
_NAME = re.compile(
    r"(?<=[a-zà-ÿ«“\"] )(?!I['’]|[A-Z][a-z]{2,5}day\b|January|February|March|April|June|July|August|[A-Z][a-z]+ber\b)"
    r"[A-ZÀ-Þ][\w'’-]++"
)
# l'école, qu'il; not L'Envolée or D'Arcy, which are names.
_ELISION = re.compile(r"(?:[JjLlDdCcNnSsTtMm]|(?:[Jj]us|[Ll]ors|[Pp]uis|[Qq]uel)?[Qq]u)['’](?![A-ZÀ-Þ])\w")
_FRENCH_LETTERS = frozenset("éèêëàâçùûîïôœ")
_INVERSION = re.compile(r"\w+-(?:vous|je|il|elle|nous|ils|elles|ce|on|t-il|t-elle|t-on)$")


def detect_language(subject: str, text: str, banners: Sequence[str] = ()) -> Language | None:
    """The language of subject and own words; None when unsure (then both languages are used).

    The subject counts too unless it is a reply's: that one may be somebody else's.
    """
    words = own_words(text, banners)
    if not has_reply_prefix(subject):
        words = f"{subject[:300]}\n{words}"
    return _decide(words)


def _decide(text: str) -> Language | None:
    scores = [0.0] * (_NOTHING + 1)
    for word, count in Counter(_WORD.findall(_without_names(text))).items():
        sign = _sign_of(word)
        scores[sign] += COURTESY if sign >= _POLITE_FRENCH else min(count, REPEATS)
    polite = {Language.FR: scores[_POLITE_FRENCH], Language.EN: scores[_POLITE_ENGLISH]}
    return _weigh(scores[_FRENCH_WORD], scores[_ENGLISH_WORD], scores[_OTHER_WORD], polite)


# What one word says of the language it stands in. Numbers, not an enumeration: they are asked for at every word.
_FRENCH_WORD, _ENGLISH_WORD, _OTHER_WORD, _POLITE_FRENCH, _POLITE_ENGLISH, _NOTHING = range(6)


@lru_cache(maxsize=8192)  # a few thousand words make up nearly all mail
def _sign_of(original: str) -> int:
    word = original.lower().replace("’", "'")
    if word in _FRENCH_COURTESIES:
        return _POLITE_FRENCH
    if word in _ENGLISH_COURTESIES:
        return _POLITE_ENGLISH
    if word in _ENGLISH:
        return _ENGLISH_WORD
    if word in _OTHER or not _is_western(word):
        return _OTHER_WORD
    return _FRENCH_WORD if _is_french(original, word) else _NOTHING


def _without_names(text: str) -> str:
    """Without addresses, names and titles: their pieces say nothing of the writer's language. Accents composed."""
    text = _NAME.sub("", unicodedata.normalize("NFC", text))
    if not any(sign in text for sign in _ADDRESSES):
        return text
    return " ".join(word for word in text.split() if not any(sign in word for sign in _ADDRESSES))


def _is_french(original: str, word: str) -> bool:
    """A telling word, an elision (l'école), an inversion (pouvez-vous), or accents in what isn't a name."""
    if word in _FRENCH:
        return original != "EST"  # the time zone
    if _ELISION.match(original) or _INVERSION.match(word):
        return True
    return original[0].islower() and not _FRENCH_LETTERS.isdisjoint(word)


def _is_western(word: str) -> bool:
    return max(word) < "\u0250" and _FOREIGN_LETTERS.isdisjoint(word)


def _weigh(french: float, english: float, other: float, polite: dict[Language, float]) -> Language | None:
    winner, score = (Language.FR, french) if french > english else (Language.EN, english)
    total = french + english + other + sum(polite.values())
    if score < ENOUGH or score + polite[winner] < SURE * total:
        return None
    return winner
