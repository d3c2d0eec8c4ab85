"""Where the files that ship with the program lie: beside the package in the source tree, inside it in a wheel.

An editable install leaves a stale copy of both folders in site-packages; it is never found, because the package
that is imported decides.
"""

from importlib.resources import files
from pathlib import Path


def templates_folder() -> Path:
    """The templates that ship with mailwatch: `<language>/NAME` below it. FileNotFoundError when they are missing."""
    return _folder("templates")


def migrations_folder() -> Path:
    """The Alembic environment that ships with mailwatch. FileNotFoundError when it is missing."""
    return _folder("migrations")


def _folder(name: str) -> Path:
    package = Path(str(files("mailwatch")))
    places = (package / f"_{name}", package.parent / name)
    for place in places:
        if place.is_dir():
            return place
    raise FileNotFoundError(f"mailwatch's own {name} are missing; looked at {places[0]} and {places[1]}")
