"""The rules of the house that no type checker sees: who imports whom, who may read a clock, who owns a task.

Each rule is a function from a module's syntax tree to the lines that break it. A rule is tried on a planted
violation first, so that none of them passes because it sees nothing.
"""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "mailwatch"
LONGEST_MODULE = 350  # lines; past 250 there is usually a second idea in it

LONGER = {"mailwatch/domain/rules.py": "one table, a row for each rule"}

CLOCK = "mailwatch/clock.py"
# Modules that may import inside a function, and why. Empty is best.
LATE_IMPORTS = {"mailwatch/store/store.py": "Alembic is ten mebibytes, of use only where there is something to migrate"}

CLOCK_READERS = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "date.today",
    "datetime.date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
}
OWNERLESS = ("asyncio.create_task", "asyncio.ensure_future", "loop.create_task", "loop().create_task")

Rule = Callable[[ast.Module], Iterator[int]]


def clock_reads(tree: ast.Module) -> Iterator[int]:
    """Reading the system's date or time. `time.monotonic` measures durations, and is free to all."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call | ast.Attribute):
            called = node.func if isinstance(node, ast.Call) else node
            if ast.unparse(called) in CLOCK_READERS:
                yield node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (node.lineno for name in node.names if f"time.{name.name}" in CLOCK_READERS)


def naive_datetimes(tree: ast.Module) -> Iterator[int]:
    """`datetime(2026, 1, 1)` without a zone, or a timestamp read without one."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func).removeprefix("datetime.")
        keywords = {keyword.arg for keyword in node.keywords}
        is_literal = called in {"datetime", "datetime.datetime"} and len(node.args) < 8 and "tzinfo" not in keywords
        is_timestamp = called.endswith("fromtimestamp") and len(node.args) < 2 and "tz" not in keywords
        if is_literal or is_timestamp:
            yield node.lineno


def ownerless_tasks(tree: ast.Module) -> Iterator[int]:
    """A task nobody holds can vanish, and its exception with it. A TaskGroup's own tasks are held by it."""
    for node in ast.walk(tree):
        is_dropped_call = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        if is_dropped_call and ast.unparse(node.value.func).endswith(OWNERLESS):
            yield node.lineno


def prints(tree: ast.Module) -> Iterator[int]:
    """Results go through click.echo in the command line, facts through the log."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"print", "sys.stdout.write", "sys.stderr.write"}:
            yield node.lineno


def relative_imports(tree: ast.Module) -> Iterator[int]:
    """`from . import x` hides where x lies."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield node.lineno


def late_imports(tree: ast.Module) -> Iterator[int]:
    """An import inside a function hides a dependency from the import contracts' readers."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    yield node.lineno


def missing_docstrings(tree: ast.Module) -> Iterator[int]:
    """Every module says what it is for."""
    if not ast.get_docstring(tree):
        yield 1


def coroutines(tree: ast.Module) -> Iterator[int]:
    """`async` where nothing may wait."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield node.lineno


RULES: dict[Rule, str] = {
    clock_reads: "from datetime import datetime\nx = datetime.now()",
    naive_datetimes: "from datetime import datetime\nx = datetime(2026, 11, 23, 10)",
    ownerless_tasks: "import asyncio\nasyncio.create_task(work())",
    prints: "import sys\nprint('x')",
    relative_imports: "x = 1\nfrom . import errors",
    late_imports: "def f():\n    import json",
    missing_docstrings: "x = 1",
    coroutines: "x = 1\nasync def f(): ...",
}


def module_names() -> list[str]:
    """Every module of the package, as a path below the repository."""
    return sorted(str(path.relative_to(ROOT)) for path in PACKAGE.rglob("*.py"))


def violations(rule: Rule, exempt: Callable[[str], bool] = lambda _name: False) -> list[str]:
    """`path:line` of everything that breaks a rule."""
    return [
        f"{name}:{line}"
        for name in module_names()
        if not exempt(name)
        for line in sorted(set(rule(ast.parse((ROOT / name).read_text("utf-8")))))
    ]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_each_rule_sees_a_planted_violation(rule: Rule) -> None:
    planted = RULES[rule]

    assert max(rule(ast.parse(planted))) == len(planted.splitlines())


@pytest.mark.parametrize(
    "allowed",
    [
        "now = self._clock.now()",
        "started = time.monotonic()",
        "x = datetime(2026, 1, 1, tzinfo=UTC)",
        "task = asyncio.create_task(work())",
        "async with asyncio.TaskGroup() as tasks:\n    tasks.create_task(work())",
    ],
)
def test_what_is_allowed_breaks_no_rule(allowed: str) -> None:
    tree = ast.parse(allowed)

    assert [line for rule in (clock_reads, naive_datetimes, ownerless_tasks) for line in rule(tree)] == []


def test_imports_point_downwards_only() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]

    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)

    assert result.returncode == 0, result.stdout + result.stderr
    assert " 0 broken" in result.stdout


def test_only_the_clock_reads_the_clock() -> None:
    assert violations(clock_reads, lambda name: name == CLOCK) == []


def test_no_datetime_is_naive() -> None:
    assert violations(naive_datetimes) == []


def test_every_task_has_an_owner() -> None:
    assert violations(ownerless_tasks) == []


def test_nothing_prints_past_the_command_line() -> None:
    assert violations(prints) == []


def test_imports_are_absolute() -> None:
    assert violations(relative_imports) == []


def test_imports_stand_at_the_top_of_their_module() -> None:
    assert violations(late_imports, LATE_IMPORTS.__contains__) == []


def test_every_module_says_what_it_is_for() -> None:
    assert violations(missing_docstrings) == []


def test_the_domain_waits_for_nothing() -> None:
    assert violations(coroutines, lambda name: not name.startswith("mailwatch/domain/")) == []


def test_no_module_has_grown_past_its_limit() -> None:
    lengths = {name: len((ROOT / name).read_text("utf-8").splitlines()) for name in module_names()}

    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE and name not in LONGER} == {}
