"""Who calls: a name for histories and switches, so that a colleague knows whom to ask."""

import getpass
import os

VARIABLE = "MAILWATCH_BY"


def who() -> str:
    """$MAILWATCH_BY, else the login name; in a container the user may have none."""
    if named := os.environ.get(VARIABLE, "").strip():
        return named
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"
