"""What is shipped: the wheel holds everything it needs, and the Dockerfile names what exists."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import click
import pytest

from mailwatch.cli import cli

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
# Back-slashed lines joined: one instruction a line.
INSTRUCTIONS = [
    tuple(line.split(maxsplit=1))
    for line in re.sub(r"\\\n", " ", DOCKERFILE).splitlines()
    if line and not line.startswith("#")
]
PROGRAM = "from mailwatch.cli import main; main()"


def shipped(folder: str) -> set[str]:
    """The files of a folder of the source tree, below it."""
    return {
        str(path.relative_to(ROOT / folder))
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def arguments(instruction: str) -> list[str]:
    """What follows an instruction of the Dockerfile, each time it stands there."""
    return [rest for name, rest in INSTRUCTIONS if name == instruction]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return zipfile.ZipFile(next(folder.glob("mailwatch-*.whl")))


@pytest.fixture(scope="module")
def installed(wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content and nothing of the source tree."""
    folder = tmp_path_factory.mktemp("site")
    wheel.extractall(folder)
    return folder


def run_installed(installed: Path, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the program from the wheel's content, away from the source tree."""
    path = f"import sys; sys.path.insert(0, {str(installed)!r}); sys.argv[1:] = {list(words)!r}; "
    return subprocess.run(
        [sys.executable, "-P", "-c", path + PROGRAM], cwd=cwd, capture_output=True, text=True, timeout=60
    )


def test_the_wheel_holds_every_module(wheel: zipfile.ZipFile) -> None:
    modules = {name.removeprefix("mailwatch/") for name in wheel.namelist() if name.endswith(".py")}

    assert {name for name in shipped("mailwatch") if name.endswith(".py")} <= modules


@pytest.mark.parametrize("folder", ["templates", "migrations"])
def test_the_wheel_holds_templates_and_migrations(wheel: zipfile.ZipFile, folder: str) -> None:
    prefix = f"mailwatch/_{folder}/"
    held = {name.removeprefix(prefix) for name in wheel.namelist() if name.startswith(prefix)}

    assert held == shipped(folder)


def test_the_wheel_holds_nothing_that_was_compiled_or_tested(wheel: zipfile.ZipFile) -> None:
    assert [name for name in wheel.namelist() if "__pycache__" in name or name.startswith(("tests/", "bench/"))] == []


def test_the_wheel_s_program_finds_its_own_templates(installed: Path, tmp_path: Path) -> None:
    example = str(ROOT / "config.example.toml")

    result = run_installed(installed, "--config", example, "--lang", "fr", "template", "preview", cwd=tmp_path)

    assert result.returncode == 0, result.stderr
    assert "MW-" in result.stdout


def test_the_wheel_s_program_finds_its_own_migrations(installed: Path, tmp_path: Path) -> None:
    configuration = re.sub(
        r"^url = .*$",
        f'url = "sqlite:///{tmp_path}/new.db"',
        (ROOT / "config.example.toml").read_text("utf-8"),
        flags=re.M,
    )
    (tmp_path / "mailwatch.toml").write_text(configuration, "utf-8")

    result = run_installed(installed, "db", "upgrade", cwd=tmp_path)

    assert result.returncode == 0, result.stderr
    assert (tmp_path / "new.db").stat().st_size > 0


def test_the_dockerfile_copies_what_exists_and_what_docker_is_shown() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    sources = {source for rest in arguments("COPY") if not rest.startswith("--from") for source in rest.split()[:-1]}

    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert sources == allowed


def test_the_dockerfile_installs_only_by_hash_or_what_it_built() -> None:
    installs = [step for rest in arguments("RUN") for step in rest.split("&&") if "pip install" in step]

    assert installs
    assert [step for step in installs if "--require-hashes" not in step and "--no-index" not in step] == []


def test_the_container_s_commands_are_commands() -> None:
    program = json.loads(arguments("ENTRYPOINT")[0])
    default = json.loads(arguments("CMD")[0])
    health = json.loads(arguments("HEALTHCHECK")[0].partition("CMD ")[2])

    assert program == ["mailwatch"]
    for words in (default, health[1:]):
        command = cli.get_command(click.Context(cli), words[0])
        assert command is not None
        assert set(words[1:]) <= {option for parameter in command.params for option in parameter.opts}


def test_the_container_doesn_t_run_as_root() -> None:
    assert arguments("USER")[-1].split(":")[0] not in {"root", "0"}


def test_every_requirement_is_pinned_by_hash() -> None:
    for name in ("requirements.txt", "requirements-demo.txt", "requirements-dev.txt"):
        text = re.sub(r"\\\n", " ", (ROOT / name).read_text())
        lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        assert [line for line in lines if not re.match(r"\S+==\S+ .*--hash=sha256:", line)] == [], name


def test_the_sets_of_requirements_agree() -> None:
    """What runs in production is what the demo shows and the tests prove."""
    versions = [
        dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(), flags=re.M))
        for name in ("requirements.txt", "requirements-demo.txt", "requirements-dev.txt")
    ]

    everything = versions[2]
    assert [name for some in versions[:2] for name in some if everything.get(name) != some[name]] == []
