"""Whether a message says thanks, and nothing else: in French or English, in the requester's own words.

Wrongly silent is worse than wrongly reopened. So nothing is looked for that would speak against thanks: every word must
be known to be harmless (courtesies.py). One that isn't (a question, a date, a "mais", a name that nobody signed with),
and it is no mere thanks.

    own lines ─→ letter ─→ sentences ─→ words, each one thanks, praise, courtesy, or a thing that one thanks for
         └→ below a closing or the sender's name: signature
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence

from mailwatch.domain.courtesies import ASKING, COURTESY, LINKS, NO_NAMES, PHRASES, PRAISE, THANKS, THINGS
from mailwatch.domain.messages import Message, has_reply_prefix
from mailwatch.domain.quotations import LONGEST_LINE, MAX_LINES, is_closing, own_lines

MAX_WORDS = 45  # whoever thanks at more length than that says something besides
MAX_SIGNATURE = 8  # lines
LONGEST_SIGNATURE_LINE = 70

# Types of parts that attach nothing.
_QUIET_TYPES = frozenset({
    "text/plain", "text/html", "text/x-amp-html", "multipart/alternative", "multipart/related", "multipart/signed",
    "application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature",
})  # fmt: skip

_ASKS = re.compile(r"[?？؟]")
_MARKUP = re.compile(r"\[(?:cid|image)\b[^\]]{0,200}\]|<(?:https?|mailto):[^>\s]{0,300}>|[*_]{1,3}", re.IGNORECASE)
_SMILEY = re.compile(r"[:;=][-'o^]?[)(\]dp*/|]|<3+|\^_?\^|\bxo(?:xo)*\b|\bx{2,3}\b", re.IGNORECASE)
_SENTENCE = re.compile(r"[.!;:…()]+|\s[-–—]+\s")
_STRETCHED = re.compile(r"(\w)\1{2,}")  # Merciiii
_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")

_NAME = r"[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]+(?:['’-][A-ZÀ-ÖØ-Þ]?[a-zß-öø-ÿ]+)*"
_TITLE = r"(?:(?:Mme|M\.|Mr\.?|Mrs\.?|Ms\.?|Miss|Dr\.?|Madame|Monsieur|Mlle) )"
# Who is thanked or greeted, up to the end of the clause: "Merci Marie !", "Bonjour Mme Roy,"
_ADDRESSEE = re.compile(
    r"(?P<before>(?i:\b(?:merci(?: (?:beaucoup|bien|infiniment|encore|à vous|mille fois))?"
    r"|thanks?(?: (?:you|so much|very much|again|a lot|a million))*|bonjour|bonsoir|allo|salut|chère?|hi|hello|hey|dear"
    rf"|good (?:morning|afternoon|evening)|parfait|perfect|great|super|ok))[ ,]+|\b(?={_TITLE}))"
    rf"{_TITLE}?(?!{_TITLE})(?P<name>{_NAME}(?: {_NAME}){{0,2}})(?=\s*(?:[,.!;:]|$|et |and |pour |for ))"
)

# Small words between the capitals of a name, a function, an organisation; and functions that many write small.
_SMALL = frozenset(
    """
    de du des la le les l d et en à a au aux of the and for in at von van der di da st ste directrice directeur adjointe
    adjoint enseignante enseignant secrétaire coordonnatrice coordonnateur gestionnaire conseillère conseiller agente
    agent parent mère père maman papa
    """.split()  # noqa: SIM905
)
_CONTACT = re.compile(
    r"(?:(?:t[ée]l(?:[ée]phone)?|cell(?:ulaire)?|mobile|phone|bureau|office|fax|t[ée]l[ée]copieur|[tcmbf])\.?\s?:?\s?)?"
    r"(?:\+?1[\s.-]?)?\(?\d{3}\)?[\s.-]{0,2}\d{3}[\s.-]?\d{4}(?:\s*,?\s*(?:x|ext\.?|poste|p\.)\s*\d{1,6})?"
    r"|\S+@\S+\.\S+|(?:https?://|www\.)\S+",
    re.IGNORECASE,
)


def is_only_thanks(message: Message, banners: Sequence[str] = (), tags: tuple[str, ...] = ()) -> bool:
    """Whether the requester says thanks, and nothing else. `banners` and `tags` are what gateways put there."""
    if _has_attachment(message):
        return False
    if message.subject and not has_reply_prefix(message.subject, tags) and not _is_thankful([message.subject]):
        return False
    lines = own_lines(message.text, banners)
    if len(lines) >= MAX_LINES or any(len(line) >= LONGEST_LINE for line in lines):
        return False  # there is more that wasn't looked at
    letter, signature = _split(lines, message)
    return _is_thankful(letter) and _is_signature(signature)


def _has_attachment(message: Message) -> bool:
    """Whether there is anything but text and what it shows: a logo in a signature isn't attached.

    A multipart/mixed has attachments, even where those lie beyond the head that was fetched.
    """
    related: list[int] = []  # depths of the multipart/related around a part
    plain = 0
    for part in message.parts:
        related = [depth for depth in related if depth < part.depth]
        plain += part.content_type == "text/plain"
        if part.content_type == "multipart/related":
            related.append(part.depth)
        elif part.content_type.startswith("image/") and related:
            continue
        if part.content_type not in _QUIET_TYPES or (part.content_type.startswith("text/") and "name" in part.params):
            return True
    return plain > 1


# --- the letter ------------------------------------------------------------------------------------------------------


def _is_thankful(lines: Sequence[str]) -> bool:
    """Whether these lines hold thanks, and nothing but harmless words."""
    text = _MARKUP.sub(" ", "\n".join(lines)).replace("🙏", " merci ")
    if _ASKS.search(text) or len(text.split()) > MAX_WORDS:
        return False
    is_thanking = False
    for sentence in _sentences(_SMILEY.sub(" ", _ADDRESSEE.sub(_without_name, text))):
        if ASKING.search(sentence):
            return False
        is_thanking = is_thanking or not THANKS.isdisjoint(_words(sentence))
        if not _is_harmless(list(_words(PHRASES.sub(" , ", sentence)))):
            return False
    return is_thanking


def _without_name(found: re.Match[str]) -> str:
    first = _plain(found["name"]).split()[0]
    return found[0] if first in NO_NAMES else found["before"]


def _sentences(text: str) -> Iterator[str]:
    """Plain sentences. A line that ends without a mark goes on in the next one, not in the next paragraph."""
    for paragraph in re.split(r"\n\s*\n", text):
        for sentence in _SENTENCE.split(" ".join(paragraph.split())):
            if plain := _STRETCHED.sub(r"\1", _plain(sentence)).strip(" ,'\"«»"):
                yield plain


def _words(sentence: str) -> Iterator[str]:
    """Words; elisions (`c'est`) and hyphens taken apart where the whole isn't known."""
    for word in _WORD.findall(sentence):
        if word in COURTESY:
            yield word
        else:
            yield from re.split(r"['-]", word)


def _is_harmless(words: Sequence[str]) -> bool:
    """Whether all words are known, and each thing is one that is thanked for, or praised."""
    is_praised = not PRAISE.isdisjoint(words)
    is_thanked = is_linked = False
    for word in words:
        if word in THINGS:
            if not (is_praised or is_linked):
                return False
        elif word not in THANKS and word not in PRAISE and word not in COURTESY:
            return False
        is_thanked = is_thanked or word in THANKS
        is_linked = is_linked or (is_thanked and word in LINKS)
    return True


def _plain(text: str) -> str:
    """Lower case, without accents, with plain apostrophes."""
    letters = unicodedata.normalize("NFKD", text.replace("’", "'").casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


# --- the signature ---------------------------------------------------------------------------------------------------


def _split(lines: Sequence[str], message: Message) -> tuple[Sequence[str], Sequence[str]]:
    """The letter, and below it the signature: what follows a closing or the sender's own name."""
    for at, line in enumerate(lines):
        name, _, rest = line.partition("|")
        if any(lines[:at]) and (is_closing(line) or _is_own_name(name, message)):
            return lines[:at], (rest, *lines[at + 1 :])
    return lines, ()


def _is_own_name(text: str, message: Message) -> bool:
    """Whether a text is the sender's name as From has it, or a part of it."""
    words = [_plain(word) for word in re.findall(r"[^\W\d_]+", text)]
    if not 1 <= len(words) <= 5 or len(text) > 40 or not message.from_:
        return False
    sender = message.from_[0]
    local = _plain(sender.local)
    known = set(re.findall(r"[^\W\d_]+", _plain(f"{sender.display} {sender.local}")))
    own = {word for word in words if word in known or (len(word) > 2 and word in local)}
    return bool(own) and all(word in own or len(word) == 1 or word in _SMALL for word in words)


def _is_signature(lines: Sequence[str]) -> bool:
    """Whether nothing is said there: names, functions, organisations, telephone numbers, addresses."""
    told = [line for line in lines if line.strip()]
    return len(told) <= MAX_SIGNATURE and all(map(_is_signature_line, told))


def _is_signature_line(line: str) -> bool:
    line = _MARKUP.sub(" ", line).strip(" ,|•-–—")
    if len(line) > LONGEST_SIGNATURE_LINE or _ASKS.search(line):
        return False
    pieces = (piece.strip() for piece in re.split(r"[|•·]", line))
    return all(not piece or _CONTACT.fullmatch(piece) or _is_title(piece) for piece in pieces)


def _is_title(text: str) -> bool:
    """Whether it could be a name, a function or an organisation: capitals, and the small words between them."""
    if ":" in text or any(character.isdigit() for character in text):
        return False
    words = re.findall(r"[^\W_]+", text)
    return len(words) <= 9 and all(word[0].isupper() or word.lower() in _SMALL for word in words)
