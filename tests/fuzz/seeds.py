"""Messages to begin with: the corpus, the monsters, and what earlier runs have found."""

from pathlib import Path

from domain.monsters import MONSTERS

FOUND = Path(__file__).parent / "found"
CORPUS = Path(__file__).parents[1] / "corpus"


def load_found() -> list[bytes]:
    """What once broke a promise."""
    return [path.read_bytes() for path in sorted(FOUND.glob("*.eml"))]


def load_seeds() -> list[bytes]:
    """All of them, in the same order each time."""
    corpus = [path.read_bytes() for path in sorted(CORPUS.glob("*.eml"))]
    return [*corpus, *MONSTERS.values(), *load_found()]
