"""What every command is given: which configuration, which language, how to end."""

import os
from dataclasses import dataclass
from pathlib import Path

from mailwatch.clock import SystemClock
from mailwatch.config import Config, load_config
from mailwatch.domain.languages import Language
from mailwatch.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One call of the program; the object that click hands to commands (`@click.pass_obj`)."""

    config_path: Path | None
    language: Language

    def path(self) -> Path:
        """The configuration's path: --config, else $MAILWATCH_CONFIG, else ./mailwatch.toml."""
        path = self.config_path or Path(os.environ.get("MAILWATCH_CONFIG") or "mailwatch.toml")
        if not path.is_file():
            raise ConfigurationError(
                [
                    self.pick(
                        f"{path}: no such file. Name the configuration with --config FILE or $MAILWATCH_CONFIG; "
                        "config.example.toml shows one.",
                        f"{path}\u00a0: fichier introuvable. Indiquez la configuration par --config FICHIER ou "
                        "$MAILWATCH_CONFIG\u00a0; config.example.toml en montre une.",
                    )
                ]
            )
        return path

    def config(self) -> Config:
        """The configuration, validated; no secret is resolved. Raises ConfigurationError."""
        return load_config(self.path(), language=self.language, now=SystemClock().now())

    def pick(self, en: str, fr: str) -> str:
        """The text in the language of this call."""
        return fr if self.language is Language.FR else en
