"""E-mail addresses as they stand in headers and envelopes (RFC 5322 §3.4, RFC 5233 sub-addresses).

An address is compared by its `key`: lower-case `local@domain`. Parsing never raises. It takes header text whose
encoded words are *not* decoded yet: a comma or a `<victim@x>` inside one must never become an address.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from publicsuffixlist import PublicSuffixList

from mailwatch.domain.charsets import decode_words, scrub_line

MAX_ADDRESSES = 10_000  # of one header value
LONGEST_ADDRESS = 320  # RFC 3696 §3: 64 octets, @, 255 octets
LONGEST_DISPLAY = 200

# Quoted string, encoded word, special, quoted pair, anything else: every character lands in one token.
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*+"?|=\?[^?\s]{1,75}\?[bBqQ]\?[^?]*+\?=|[()<>,;:]|\\.?|=|[^"()<>,;:\\=]++', re.DOTALL
)
_USUAL = re.compile(r"[A-Za-z0-9._+'=-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_FORBIDDEN = frozenset('"(),:;<>[]\\@ ')  # in an unquoted local part or a domain
_DOT_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")
_ANGLE = re.compile(r"<([^<>]*+)>")
_DOMAIN_LITERAL = re.compile(r"\[[A-Za-z0-9:.-]{1,80}\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One mailbox address; `display` is the decoded display name, scrubbed, possibly empty."""

    local: str
    domain: str
    display: str = ""

    @property
    def key(self) -> str:
        """`local@domain` in lower case: what two addresses are compared by."""
        return f"{self.local}@{self.domain}".lower()

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


def parse_address(text: str) -> Address | None:
    """The first usable address of a raw header value, or None. `Tremblay, Jean <j@x.ca>` gives j@x.ca."""
    return next(_find_addresses(text), None)


def parse_addresses(text: str) -> tuple[Address, ...]:
    """All usable addresses of a raw header value, groups opened, in order; at most 10,000; bounded time."""
    addresses: list[Address] = []
    for address in _find_addresses(text):
        addresses.append(address)
        if len(addresses) == MAX_ADDRESSES:
            break
    return tuple(addresses)


def base_local_part(local: str) -> str:
    """The local part in lower case without its sub-address: `Jean+school` → `jean`."""
    return (local.partition("+")[0] or local).lower()


def bare_local_part(text: str) -> str:
    """The lower-case local part in a raw From without a domain: `Mail Delivery Subsystem <MAILER-DAEMON>`; or ""."""
    angle = _ANGLE.search(text)
    word = angle[1] if angle else text.partition("(")[0]
    found = _DOT_ATOM.fullmatch(word.strip()[:LONGEST_ADDRESS])
    return base_local_part(found[0]) if found else ""


def organisational_domain(domain: str) -> str:
    """The registrable domain by the public suffix list (RFC 7489 §3.2): `mail.ville.qc.ca` → `ville.qc.ca`."""
    return _organisational_domain(domain.lower().rstrip("."))


@lru_cache(maxsize=4096)
def _organisational_domain(domain: str) -> str:
    return _suffixes().privatesuffix(domain) or domain


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def _find_addresses(text: str) -> Iterator[Address]:
    found = False
    for address in _scan(text):
        found = True
        yield address
    if not found and text.count('"') % 2:
        # One stray quotation mark has swallowed the rest: read on as if there were none.
        yield from _scan(text.replace('"', " "))


def _scan(text: str) -> Iterator[Address]:
    """Addresses of the mailboxes between commas, semicolons and group names, by one pass over the tokens."""
    phrase: list[str] = []  # what stands outside < >
    angle: list[str] | None = None  # what stands inside
    comment: list[str] = []
    is_open = False  # between < and >
    depth = 0  # of comments
    for token in _TOKEN.findall(text):
        if depth:
            depth += (token == "(") - (token == ")")
            comment.append(token)
        elif token == "<" and (is_open or angle is None):
            angle, is_open = [], True
        elif is_open and token != ">":
            assert angle is not None
            angle.append(token)
        elif token == ">":
            is_open = False
        elif token == "(":
            depth, comment = 1, []
        elif token in (",", ";", "<"):
            if address := _build(phrase, angle, comment):
                yield address
            is_open = token == "<"  # <a@x> <b@x>: a comma is missing
            phrase, angle, comment = [], ([] if is_open else None), []
        elif token == ":" and "@" not in "".join(phrase):
            phrase = []  # the name of a group, which isn't an address: "j@x.ca Bcc: v@y.ca" is nothing
        else:
            phrase.append(token)
    if address := _build(phrase, angle, comment):
        yield address


def _build(phrase: list[str], angle: list[str] | None, comment: list[str]) -> Address | None:
    outside = "".join(phrase).strip()
    if angle is None:
        if "@" not in outside:
            return None
        specification, name = outside, ""
    else:
        specification, name = "".join(angle).strip(), outside
    parts = _split(specification)
    if parts is None:
        return None
    if not name and comment:
        name = "".join(comment[:-1])  # j@x.ca (Jean Tremblay)
    return Address(local=parts[0], domain=parts[1], display=_display(name) if name else "")


def _display(name: str) -> str:
    if '"' in name or "\\" in name:
        name = _QUOTED_PAIR.sub(r"\1", name.replace('\\"', "\\\0").replace('"', "")).replace("\0", '"')
    return scrub_line(decode_words(name))[:LONGEST_DISPLAY].rstrip()


def _split(text: str) -> tuple[str, str] | None:
    """Local part and domain of an addr-spec, or None if it isn't usable."""
    if len(text) > LONGEST_ADDRESS or "@" not in text:
        return None
    if _USUAL.fullmatch(text):
        local, _, domain = text.partition("@")
        return local, domain
    if text.startswith("@"):  # RFC 5322 §4.4: an obsolete route, <@relay:j@x.ca>
        text = text.rpartition(":")[2]
    local, _, domain = text.rpartition("@")
    local, domain = local.strip(), domain.strip().removesuffix(".")
    if len(local) > 2 and local[0] == local[-1] == '"':
        if _DOT_ATOM.fullmatch(local[1:-1]):
            local = local[1:-1]  # "jean"@x.ca is jean@x.ca
        elif '"' in _QUOTED_PAIR.sub("", local[1:-1]):
            return None
    elif not local or not _FORBIDDEN.isdisjoint(local):
        return None
    return (local, domain) if local.isprintable() and _is_domain(domain) else None


def _is_domain(domain: str) -> bool:
    if not domain.isprintable():
        return False
    if _DOMAIN_LITERAL.fullmatch(domain):
        return True
    return _FORBIDDEN.isdisjoint(domain) and all(domain.split("."))
