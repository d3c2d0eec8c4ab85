"""[metrics]: an address and a port of this machine, unless the file says otherwise in words."""

from pathlib import Path

import pytest
from config_files import a_config

from mailwatch.errors import ConfigurationError


def metrics(*lines: str) -> str:
    return "\n".join(["[metrics]", *lines, ""])


def test_nothing_is_answered_unless_an_address_is_given(tmp_path: Path) -> None:
    assert a_config(tmp_path).metrics_at is None
    assert a_config(tmp_path, metrics()).metrics_at is None


@pytest.mark.parametrize(
    ("listen", "expected"),
    [("127.0.0.1:9464", ("127.0.0.1", 9464)), ("[::1]:9464", ("::1", 9464)), ("127.8.0.1:1", ("127.8.0.1", 1))],
)
def test_an_address_of_this_machine_is_taken(tmp_path: Path, listen: str, expected: tuple[str, int]) -> None:
    assert a_config(tmp_path, metrics(f'listen = "{listen}"')).metrics_at == expected


@pytest.mark.parametrize("listen", ["0.0.0.0:9464", "[::]:9464", "192.0.2.7:9464"])
def test_other_machines_are_let_in_only_in_words(tmp_path: Path, listen: str) -> None:
    line = f'listen = "{listen}"'

    with pytest.raises(ConfigurationError, match=r"other machines reach .*; listen on 127"):
        a_config(tmp_path, metrics(line))
    assert a_config(tmp_path, metrics(line, "allow_remote = true")).metrics_at is not None


@pytest.mark.parametrize("listen", ["localhost:9464", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", "::1:9464", ""])
def test_what_is_no_address_and_port_is_refused(tmp_path: Path, listen: str) -> None:
    with pytest.raises(ConfigurationError, match="isn't an address and a port"):
        a_config(tmp_path, metrics(f'listen = "{listen}"'))
