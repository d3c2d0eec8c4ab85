"""How French is set: written with plain spaces and apostrophes, and typeset before it is shown."""

NO_BREAK = "\u00a0"


def typeset(french: str) -> str:
    """Apostrophes are curved; a line never breaks before : ; ? » nor after «."""
    for sign in (":", ";", "?", "»"):
        french = french.replace(f" {sign}", NO_BREAK + sign)
    return french.replace("« ", f"«{NO_BREAK}").replace("'", "’")
