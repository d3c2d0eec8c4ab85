"""HTML → its words, for rules and language detection only: never shown to anybody.

No tree is built, so that depth costs nothing; every step is linear on any input.
"""

import html
import re

MAX_MARKUP = 64 * 1024

_HIDDEN = re.compile(r"<(?:!--|(script|style|head|title|template|svg)\b)", re.IGNORECASE)
_TAG = re.compile(r"</?([a-zA-Z!?][a-zA-Z0-9]*+)[^<>]*+>")
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "br", "dd", "div", "dl", "dt", "footer", "form", "h1",
    "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tr",
    "ul",
})  # fmt: skip
_CELLS = frozenset({"td", "th", "TD", "TH"})
_OVERLONG_REFERENCE = re.compile(r"&#(?:\d{8,}+|x[0-9a-f]{8,}+);?", re.IGNORECASE)  # int() refuses 5,000 digits


def extract_words(markup: str, limit: int) -> str:
    """The words of an HTML document, at most `limit` characters: a line per block, entities decoded."""
    first, *pieces = _TAG.split(_drop_hidden(markup[:MAX_MARKUP]))  # text, tag name, text, tag name, … text
    texts = [first]
    length = 0
    for name, text in zip(pieces[::2], pieces[1::2], strict=True):
        if name in _BLOCKS or name.lower() in _BLOCKS:
            texts.append("\0")  # a line end in the source is a mere space; this is a real one
        elif name in _CELLS:
            texts.append(" ")
        texts.append(text)
        length += len(text)
        if length > 1.5 * limit:
            break  # white space and entities are about to shrink, but hardly by a third
    text = "".join(texts)
    text = html.unescape(_OVERLONG_REFERENCE.sub("", text)) if "&" in text else text
    lines = (" ".join(line.split()) for line in text.split("\0"))
    return "\n".join(line for line in lines if line)[:limit]


def _drop_hidden(markup: str) -> str:
    """Without comments, scripts, styles and the head. Of those that aren't closed, three hide the rest."""
    lower = markup.lower()
    if len(lower) != len(markup):  # a few capitals have a longer small form: positions would shift
        lower = markup
    kept: list[str] = []
    position = 0
    unclosed: set[str] = set()  # looked for once, in vain: a second search would be quadratic
    for found in _HIDDEN.finditer(markup):
        name = (found.group(1) or "").lower()
        if found.start() < position or name in unclosed:
            continue
        end = lower.find(f"</{name}" if name else "-->", found.end())
        if end < 0 and name in ("head", "title", "svg", "template"):
            unclosed.add(name)  # only the tag itself goes
            continue
        kept.append(markup[position : found.start()])
        if end < 0:
            return "".join(kept)
        position = end if name else end + len("-->")
    return "".join([*kept, markup[position:]])
