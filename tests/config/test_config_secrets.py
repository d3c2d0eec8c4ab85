"""Secrets are read when they are asked for, and never shown."""

import copy
import pickle
import sys
from pathlib import Path

import pytest
from config_files import a_config

from mailwatch.config import Secret, SecretRef, SecretSource
from mailwatch.config import secrets as secrets_module
from mailwatch.errors import ConfigurationError


def a_ref(source: str, *value: str) -> SecretRef:
    return SecretRef(source=SecretSource(source), value=value, where="m.toml:3: smtp.password")


def test_a_secret_never_shows_itself() -> None:
    secret = Secret("hunter2")

    shown = f"{secret} {secret!r} {[secret]} {secret:>10}" + "%s" % secret + str({"password": secret})  # noqa: UP031

    assert "hunter2" not in shown
    assert shown.startswith("*** *** [***]")
    assert secret.reveal() == "hunter2"


@pytest.mark.parametrize("write", [pickle.dumps, copy.deepcopy])
def test_a_secret_is_not_written_anywhere(write: object) -> None:
    with pytest.raises(TypeError, match="a secret isn't written anywhere"):
        write(Secret("hunter2"))  # type: ignore[operator]  # one of two functions


def test_secrets_are_equal_when_their_values_are() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"


def test_a_variable_of_the_environment_gives_it(tmp_path: Path) -> None:
    assert a_ref("env", "P").resolve(tmp_path, {"P": " päss \n"}).reveal() == " päss \n"


def test_a_missing_variable_is_named_with_the_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^m.toml:3: smtp.password: the environment variable P isn't set"):
        a_ref("env", "P").resolve(tmp_path, {})


@pytest.mark.parametrize(
    ("content", "secret"), [("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), (" a \n\n", " a \n"), ("x", "x")]
)
def test_a_file_beside_the_configuration_gives_it_without_its_last_line_end(
    tmp_path: Path, content: str, secret: str
) -> None:
    path = tmp_path / "password"
    path.write_bytes(content.encode())
    path.chmod(0o600)

    assert a_ref("file", "password").resolve(tmp_path, {}).reveal() == secret


def test_a_file_that_everybody_may_read_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "password"
    path.write_text("s3cret")
    path.chmod(0o644)

    a_ref("file", "password").resolve(tmp_path, {})

    assert "everybody may read" in caplog.text
    assert "s3cret" not in caplog.text


def test_a_file_that_only_owner_and_group_may_read_is_not(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "password"
    path.write_text("s3cret")
    path.chmod(0o640)

    a_ref("file", "password").resolve(tmp_path, {})

    assert caplog.text == ""


@pytest.mark.parametrize(
    ("content", "why"), [(b"", "empty"), (b"\n", "empty"), (b"\xff\xfe", "UTF-8"), (b"x" * 70_000, "64 KiB")]
)
def test_a_file_that_holds_no_secret_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    path = tmp_path / "password"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(ConfigurationError, match=why):
        a_ref("file", "password").resolve(tmp_path, {})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere can't be read: No such file"):
        a_ref("file", "nowhere").resolve(tmp_path, {})


def test_systemds_credentials_give_it(tmp_path: Path) -> None:
    (tmp_path / "smtp").write_text("s3cret")
    (tmp_path / "smtp").chmod(0o600)

    assert a_ref("credential", "smtp").resolve(Path("/"), {"CREDENTIALS_DIRECTORY": str(tmp_path)}).reveal() == "s3cret"


def test_without_systemd_a_credential_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="LoadCredential=smtp:PATH"):
        a_ref("credential", "smtp").resolve(tmp_path, {})


def test_a_command_gives_it_and_runs_beside_the_configuration(tmp_path: Path) -> None:
    ref = a_ref("command", sys.executable, "-c", "import os; print(os.getcwd() + os.environ['X'])")

    assert ref.resolve(tmp_path, {"X": "!"}).reveal() == f"{tmp_path}!"


def test_a_command_that_fails_is_told_without_its_words(tmp_path: Path) -> None:
    ref = a_ref("command", sys.executable, "-c", "import sys; print('s3cret'); sys.exit(3)")

    with pytest.raises(ConfigurationError, match="exit code 3") as refused:
        ref.resolve(tmp_path, {})

    assert "s3cret" not in str(refused.value)


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no-such-program can't be run"):
        a_ref("command", "no-such-program").resolve(tmp_path, {"PATH": ""})


def test_a_command_that_waits_for_somebody_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets_module, "COMMAND_SECONDS", 0.1)

    with pytest.raises(ConfigurationError, match="didn't finish within"):
        a_ref("command", sys.executable, "-c", "import threading; threading.Event().wait()").resolve(tmp_path, {})


def test_loading_reads_no_secret_and_each_reference_knows_its_key(tmp_path: Path) -> None:
    config = a_config(tmp_path)

    ref = config.imap_account("info@sault-au-bois.example").password

    assert ref.source is SecretSource.ENV
    with pytest.raises(ConfigurationError, match=r"mailwatch.toml:\d+: mailbox\[1\].password: the environment"):
        ref.resolve(config.base, {})
