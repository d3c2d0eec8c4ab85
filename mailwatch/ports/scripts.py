"""The Sieve scripts of one account, as services see them. Raises SieveUnavailable, ScriptRefused."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Origin(StrEnum):
    """Whose a script is."""

    OURS = "ours"  # written by us, and unchanged since
    EDITED = "edited"  # written by us, then changed by a person
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredScript:
    """A script as it lies on the server, its lines ended by \\n; `includes` names the account's scripts it runs."""

    text: str
    origin: Origin
    includes: frozenset[str] = frozenset()


class Scripts(Protocol):
    """A session of one account with its server."""

    @property
    def extensions(self) -> frozenset[str]:
        """What the server's Sieve can do beyond RFC 5228, by the names of `require`."""
        ...

    async def list_scripts(self) -> Mapping[str, bool]:
        """Every script's name, and whether it is the active one (one at most is)."""
        ...

    async def get_script(self, name: str) -> StoredScript:
        """A script. Raises ScriptRefused where there is none."""
        ...

    async def put_script(self, name: str, text: str) -> None:
        """Store a script, in place of any of that name; whether it is active stays. Raises ScriptRefused."""
        ...

    async def set_active(self, name: str) -> None:
        """Make a script the active one; "" for none."""
        ...

    async def delete_script(self, name: str) -> None:
        """Delete a script that isn't active."""
        ...
