"""The TOML file → frozen, checked values. Reads no secret until one is asked for; knows no adapter."""

from mailwatch.config.load import Config, load_config
from mailwatch.config.secrets import Secret, SecretRef, SecretSource
from mailwatch.config.servers import database_at
from mailwatch.config.settings import (
    Database,
    DigestSettings,
    ImapAccount,
    LogSettings,
    Receiving,
    Sending,
    SmtpAccount,
)
from mailwatch.config.show import config_schema, show_config

__all__ = [
    "Config",
    "Database",
    "DigestSettings",
    "ImapAccount",
    "LogSettings",
    "Receiving",
    "Secret",
    "SecretRef",
    "SecretSource",
    "Sending",
    "SmtpAccount",
    "config_schema",
    "database_at",
    "load_config",
    "show_config",
]
