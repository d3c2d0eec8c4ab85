"""Secrets: where the configuration says they are, and a type that never shows them.

Nothing is read until `resolve` is called, so that commands which connect to nothing need no secret.
"""

import hmac
import logging
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from mailwatch.errors import ConfigurationError

COMMAND_SECONDS = 10.0  # a password manager answers at once, or waits for somebody who isn't there
MAX_SECRET_BYTES = 64 * 1024  # a PEM key fits; a wrong path to a log file doesn't

log = logging.getLogger("mailwatch.config")


class Secret:
    """A secret in memory. Printed, formatted or logged it is `***`; only `reveal()` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself: to hand to a login, nowhere else."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret isn't written anywhere")


class SecretSource(StrEnum):
    """Where a secret comes from."""

    ENV = "env"
    FILE = "file"
    COMMAND = "command"
    CREDENTIAL = "credential"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """`{ env = … }`, `{ file = … }`, `{ command = […] }` or `{ credential = … }` of the configuration.

    `where` is `FILE:LINE: key.path`; it begins every error.
    """

    source: SecretSource
    value: tuple[str, ...]  # one string, or the command's words
    where: str

    def resolve(self, base: Path, environ: Mapping[str, str]) -> Secret:
        """Read the secret; relative files and commands start from the folder `base`. Raises ConfigurationError."""
        text = {
            SecretSource.ENV: self._from_environment,
            SecretSource.FILE: self._from_file,
            SecretSource.COMMAND: self._from_command,
            SecretSource.CREDENTIAL: self._from_credential,
        }[self.source](base, environ)
        if not text:
            raise self._problem("the secret is empty")
        return Secret(text)

    def __str__(self) -> str:
        """What may be shown: the kind, and the name of a variable or file, never a command's words."""
        return self.source.value if self.source is SecretSource.COMMAND else f"{self.source.value} {self.value[0]}"

    def _from_environment(self, _base: Path, environ: Mapping[str, str]) -> str:
        name = self.value[0]
        if name not in environ:
            raise self._problem(f"the environment variable {name} isn't set; set it for the user that runs mailwatch")
        return environ[name]

    def _from_file(self, base: Path, _environ: Mapping[str, str]) -> str:
        return self._read(base / self.value[0])

    def _from_credential(self, _base: Path, environ: Mapping[str, str]) -> str:
        folder = environ.get("CREDENTIALS_DIRECTORY")
        if not folder:
            raise self._problem(
                f"$CREDENTIALS_DIRECTORY isn't set: start mailwatch by systemd with LoadCredential={self.value[0]}:PATH"
            )
        return self._read(Path(folder) / self.value[0])

    def _from_command(self, base: Path, environ: Mapping[str, str]) -> str:
        program = self.value[0]
        try:
            done = subprocess.run(  # the operator's own words, without a shell
                self.value, cwd=base, env=dict(environ), capture_output=True, timeout=COMMAND_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise self._problem(f"{program} didn't finish within {COMMAND_SECONDS:.0f} seconds") from None
        except OSError as error:
            raise self._problem(f"{program} can't be run: {error.strerror}") from None
        if done.returncode != 0:
            raise self._problem(f"{program} ended with exit code {done.returncode}; run it by hand to see why")
        return self._text(done.stdout, program)

    def _read(self, path: Path) -> str:
        try:
            if stat.S_IMODE(path.stat().st_mode) & stat.S_IROTH:
                log.warning("%s: everybody may read %s; chmod it to 600 or 640", self.where, path)
            with path.open("rb") as file:
                return self._text(file.read(MAX_SECRET_BYTES + 1), str(path))
        except OSError as error:
            raise self._problem(f"{path} can't be read: {error.strerror}") from None

    def _text(self, content: bytes, source: str) -> str:
        if len(content) > MAX_SECRET_BYTES:
            raise self._problem(f"{source} gives more than {MAX_SECRET_BYTES // 1024} KiB: that is no secret")
        try:
            text = content.decode()
        except UnicodeDecodeError:
            raise self._problem(f"{source} doesn't give UTF-8 text") from None
        return text.removesuffix("\n").removesuffix("\r")  # an editor ends the last line; more is part of the secret

    def _problem(self, text: str) -> ConfigurationError:
        return ConfigurationError([f"{self.where}: {text}"])
