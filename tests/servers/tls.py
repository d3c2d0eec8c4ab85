"""Self-signed certificates, good or expired, for localhost and 127.0.0.1 or for other names."""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_HERE = "DNS:localhost,IP:127.0.0.1"
_REQUEST = """\
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[ca]
default_ca = here
[here]
database = {folder}/index
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[server]
subjectAltName = {names}
basicConstraints = critical,CA:TRUE
"""


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files of a server; clients trust it by `ca_file=certificate`."""

    certificate: Path
    key: Path


def make_certificate(
    folder: Path, *, names: str = _HERE, expires: timedelta = timedelta(days=3650), name: str = "localhost"
) -> Certificate:
    """A new pair in `folder`, valid since two years before it expires; a negative `expires` lies in the past.

    `name`: the common name, by which clients that trust several authorities tell one from another.
    """
    pair = Certificate(folder / "tls.crt", folder / "tls.key")
    (folder / "tls.conf").write_text(_REQUEST.format(folder=folder, names=names, name=name))
    (folder / "index").write_text("")
    (folder / "serial").write_text("01\n")
    settings = ("-config", str(folder / "tls.conf"))
    request = str(folder / "tls.csr")
    _openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", *settings,
             "-keyout", str(pair.key), "-out", request)  # fmt: skip
    end = datetime.now(UTC) + expires
    start = min(end - timedelta(days=730), datetime.now(UTC) - timedelta(days=1))
    _openssl("ca", "-batch", "-notext", "-selfsign", "-extensions", "server", "-keyfile", str(pair.key), *settings,
             "-startdate", f"{start:%Y%m%d%H%M%SZ}", "-enddate", f"{end:%Y%m%d%H%M%SZ}",
             "-in", request, "-out", str(pair.certificate))  # fmt: skip
    return pair


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
