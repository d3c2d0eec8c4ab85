"""Free ports, below the range from which the kernel takes the ports of outgoing connections (32768 and up)."""

import random
import socket
from contextlib import ExitStack

LOWEST, HIGHEST = 20000, 32000

# pytest-randomly seeds the global generator alike in every process: two suites at once would choose the same ports.
_random = random.SystemRandom()


def free_ports(count: int) -> list[int]:
    """`count` different ports that nobody listens on now."""
    ports: list[int] = []
    with ExitStack() as held:
        while len(ports) < count:
            port = _random.randint(LOWEST, HIGHEST)
            candidate = held.enter_context(socket.socket())
            try:
                candidate.bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
    return ports
