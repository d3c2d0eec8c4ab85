"""What is needed to reach an account. The configuration's own type fits it."""

from pathlib import Path
from typing import Protocol


class Account(Protocol):
    """An account on a server. Times are in seconds. The password travels apart."""

    @property
    def server(self) -> str:
        """The server's name in the configuration: its mailboxes share its limits."""
        ...

    @property
    def host(self) -> str:
        """Name or address; the certificate must be for it."""
        ...

    @property
    def port(self) -> int:
        """TCP port."""
        ...

    @property
    def security(self) -> str:
        """ "tls", "starttls" or "none"."""
        ...

    @property
    def ca_file(self) -> Path | None:
        """PEM file of the authorities to trust, or None for the system's."""
        ...

    @property
    def username(self) -> str:
        """The account's name."""
        ...

    @property
    def timeout(self) -> float:
        """Of each step that waits for the server."""
        ...

    @property
    def poll(self) -> float:
        """Between two looks, though nothing was announced."""
        ...

    @property
    def idle_renew(self) -> float:
        """After which an IDLE is ended and begun anew (RFC 2177: before 29 minutes)."""
        ...

    @property
    def per_account(self) -> int:
        """Connections with the same user name at once."""
        ...

    @property
    def logins_at_once(self) -> int:
        """Connections being opened to the server at once."""
        ...

    @property
    def max_connections(self) -> int:
        """Connections to the server at once; 0: any number."""
        ...
