"""For every test: the environment says nothing, Hypothesis measures no time, and the same seeds come again."""

import os

import pytest
from hypothesis import settings

# The machine may be busy: a bound on time is asserted where it is promised (monsters, fuzzing), in processor time.
settings.register_profile("mailwatch", deadline=None, print_blob=True)
settings.load_profile("mailwatch")


@pytest.fixture(autouse=True)
def _scrubbed_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer has set must not decide a test."""
    for name in list(os.environ):
        if name.startswith(("MAILWATCH_", "CREDENTIALS_DIRECTORY")):
            monkeypatch.delenv(name)
    for name in ("LANG", "LC_ALL", "LC_MESSAGES", "LANGUAGE"):
        monkeypatch.delenv(name, raising=False)
