"""python -m torture.births: for each line of JSON that it reads, a fork that is `mailwatch run` from there on.

It answers with the pid, and with how the process ended once it has. Two seconds of importing are thus paid once.
"""

import json
import os
import sys
from typing import Any, NoReturn

from mailwatch import app  # noqa: F401  # loaded now, so that no fork has to
from mailwatch.cli import COMMANDS, cli, main
from torture import points


def _live(order: dict[str, Any]) -> NoReturn:
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if order["point"]:
        points.arm(order["point"], order["passes"])
    sys.argv = ["mailwatch", "--config", order["config"], "run"]
    code: Any = 0
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    os._exit(code if isinstance(code, int) else 1)


def _bear() -> None:
    for command in COMMANDS:
        cli.get_command(None, command)  # type: ignore[arg-type]  # loads its module
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _live(json.loads(line))
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _bear()
