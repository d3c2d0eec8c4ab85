"""[metrics]: where health and metrics may be asked for. Left out nowhere, else on this machine unless it says more."""

import ipaddress
from typing import Annotated, Self

from pydantic import AfterValidator, model_validator

from mailwatch.config.accounts import Section
from mailwatch.config.values import Flag, Text, wrong


def split_listen(text: str) -> tuple[str, int]:
    """`"127.0.0.1:9464"`, `"[::1]:9464"` → address and port. ValueError for anything else, names included."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} isn't ADDRESS:PORT")
    is_six = host.startswith("[") and host.endswith("]")
    address = ipaddress.ip_address(host[1:-1] if is_six else host)
    if is_six != (address.version == 6):
        raise ValueError(f"{text!r} isn't ADDRESS:PORT")
    return str(address), int(port)


def _listen(text: str) -> str:
    try:
        split_listen(text)
    except ValueError:
        raise wrong("metrics_listen", value=text) from None
    return text


class MetricsSection(Section):
    """Health and metrics over HTTP."""

    listen: Annotated[Text, AfterValidator(_listen)] | None = None
    """ADDRESS:PORT that answers /healthz, /readyz and /metrics. Left out: none does."""
    allow_remote: Flag = False
    """Whether listen may name an address that other machines reach."""

    @model_validator(mode="after")
    def _on_this_machine(self) -> Self:
        if self.listen is None or self.allow_remote:
            return self
        host, _ = split_listen(self.listen)
        if not ipaddress.ip_address(host).is_loopback:
            raise wrong("metrics_remote", value=self.listen)
        return self
