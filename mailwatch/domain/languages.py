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
FEW_WORDS = 9  # below, any share of telling words will do
DENSE = 0.15  # least share of telling words among many: in a third language, here and there one looks like ours


def _unaccented(word: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter))


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
    oui moi lui convient vérifier prière désire désirons remercie confirmer recevoir donner prendre venir matin soir
    neige garçon courriel pièce jointe rien personne quelqu'un chose beaucoup peu trop moins mieux assez seulement deux
    trois dit mis pris vu allez allons vais vas va viens vient avait avaient aurait fais dois doit devons devez
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
    it's he's she's that's what's there's they're you're let's here's who's how's where's
    sorry wrong right good great nice happy sure fine anything something nothing everything someone anyone everyone
    same own too well way thing things while though although however whether both either few less least enough else
    made makes making using used does doing done works working moved got getting given said says tell told thought
    them him themselves yourself myself without within against off lot lots several once twice together maybe perhaps
    really quite rather actually often sometimes usually probably likely seems seem seen seeing saw went gone came
    become became means mean meant below above following attached running run set show shown little big small old long
    high buy pay paid money free send sending receive received people number change changed
    keep kept leave left put try tried start started wish hope update news yes check checking
    """.split()  # noqa: SIM905
)
# People leave accents out; what is left must be no English word, nor a mere abbreviation.
_FRENCH |= {_unaccented(word) for word in _FRENCH} - _ENGLISH - {"ca", "desire", "piece"}
# Those that Dutch, Danish, German, Polish or Czech write as well, without knowing English.
_SHARED_ENGLISH = frozenset(
    "do to at we i by for her was am had of is so me he here then it all over under met see let go been".split()  # noqa: SIM905
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
    het een niet ik dank graag dat zijn op voor naar bij maar ook nog geen kan kunt heb heeft deze onze aan gisteren
    morgen uw mij mevrouw meneer vriendelijke groet groeten gaat moet wij jullie jij wat hij haar iemand wordt
    auf von zu zur zum sich auch noch nur aber oder wenn dass wie bei nach aus hatte habe wird werden sehr geehrte damen
    herren freundlichen gruessen gruss mehr etwas keine kein dann schon diese dieser hallo
    och att det som inte jag med ett hej ikke og jeg er hei hvis eller mycket hilsen
    ei että olen ole mutta kun ja terveisin
    jest nie się dzień dobry proszę moj jak tak przez czy dzis pozdrawiam dobrý děkuji prosím není jsem
    sunt este pentru cu multumesc mulțumesc rog
    bir ve bu için değil teşekkürler yang ini itu untuk tidak dengan saya dari apakah terima kasih ang mga ako kung
    más mas esta esto fue tiene tienen hacer desde hasta porque cuando donde como soy eso ese todos todas
    también tambien gustaria saber alguien saludo saludos atentamente
    mi ti hai abbiamo con nel dal alla degli delle anche cosa sono stato stata dove trova possibile bene domani
    ringrazio saluti cordiali gentile
    das pelo pela muito foi isso esse quero gostaria boa tarde cumprimentos
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
_ENGLISH_FORM = re.compile(r"[a-z]{3,}(?:ly|(?<![ehio])ed)|[a-z]*(?:ight|ough)[a-z]*")  # kindly, approved, nightly
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
    words = _WORD.findall(_without_names(text))
    counts = [0] * (_NOTHING + 1)
    for word, count in Counter(words).items():
        sign = _sign_of(word)
        counts[sign] += count
        scores[sign] += COURTESY if sign >= _POLITE_FRENCH else min(count, REPEATS)
    if len(words) > FEW_WORDS and not _is_dense(counts, len(words)):
        return None
    polite = {Language.FR: scores[_POLITE_FRENCH], Language.EN: scores[_POLITE_ENGLISH]}
    return _weigh(scores[_FRENCH_WORD], scores[_ENGLISH_WORD] + scores[_SHORT_ENGLISH], scores[_OTHER_WORD], polite)


def _is_dense(counts: list[int], total: int) -> bool:
    french = counts[_FRENCH_WORD] + counts[_POLITE_FRENCH]
    english = counts[_ENGLISH_WORD] + counts[_POLITE_ENGLISH]
    return max(french, english) >= DENSE * total


# What one word says of the language it stands in. Numbers, not an enumeration: they are asked for at every word.
_FRENCH_WORD, _ENGLISH_WORD, _SHORT_ENGLISH, _OTHER_WORD, _POLITE_FRENCH, _POLITE_ENGLISH, _NOTHING = range(7)


@lru_cache(maxsize=8192)  # a few thousand words make up nearly all mail
def _sign_of(original: str) -> int:
    word = original.lower().replace("’", "'")
    if word in _FRENCH_COURTESIES:
        return _POLITE_FRENCH
    if word in _ENGLISH_COURTESIES:
        return _POLITE_ENGLISH
    if word in _ENGLISH:
        return _SHORT_ENGLISH if word in _SHARED_ENGLISH else _ENGLISH_WORD
    if word in _OTHER or not _is_western(word):
        return _OTHER_WORD
    if _is_french(original, word):
        return _FRENCH_WORD
    return _ENGLISH_WORD if _ENGLISH_FORM.fullmatch(original) else _NOTHING


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
