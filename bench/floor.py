"""The floors: what the bare libraries need for the same bytes, and nothing else. Run as a process of its own.

python -m bench.floor fetch PORT USER PASSWORD        → {"seconds": …, "count": …, "octets": …}
python -m bench.floor submit PORT CONNECTIONS FILE    FILE: a pickled list of (reverse-path, recipient, bytes)
"""

import asyncio
import email
import json
import pickle
import sys
import time
from pathlib import Path

from aiosmtplib import SMTP
from imapclient import IMAPClient

BATCH = 200
HEAD = 64 * 1024  # the part of a message that mailwatch reads

Mail = tuple[str, str, bytes]


def fetch(port: int, user: str, password: str) -> dict[str, float]:
    """Fetch every message in batches and parse it (policy compat32). Measured from the open folder on."""
    client = IMAPClient("127.0.0.1", port, ssl=False)
    client._imap.debug = 0  # as it comes, IMAPClient has imaplib format every response for a log nobody reads
    client.login(user, password)
    client.select_folder("INBOX", readonly=True)
    started = time.monotonic()
    uids = client.search("ALL")
    item = f"BODY.PEEK[]<0.{HEAD}>"
    octets = 0
    for first in range(0, len(uids), BATCH):
        for data in client.fetch(uids[first : first + BATCH], [item]).values():
            head = data[b"BODY[]<0>"]
            email.message_from_bytes(head)
            octets += len(head)
    seconds = time.monotonic() - started
    client.logout()
    return {"seconds": seconds, "count": len(uids), "octets": octets}


async def submit(port: int, connections: int, mails: list[Mail]) -> dict[str, float]:
    """Send everything over as many connections as mailwatch has. Measured from before the first one connects."""
    waiting = iter(mails)

    async def work() -> None:
        async with SMTP(hostname="127.0.0.1", port=port, local_hostname="localhost", start_tls=False) as client:
            for reverse_path, recipient, body in waiting:
                await client.sendmail(reverse_path, [recipient], body)

    started = time.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(connections):
            tasks.create_task(work())
    return {"seconds": time.monotonic() - started, "count": len(mails), "octets": sum(len(body) for *_, body in mails)}


def main(arguments: list[str]) -> None:
    """One floor, one JSON line."""
    match arguments:
        case ["fetch", port, user, password]:
            result = fetch(int(port), user, password)
        case ["submit", port, connections, file]:
            mails = pickle.loads(Path(file).read_bytes())
            result = asyncio.run(submit(int(port), int(connections), mails))
        case _:
            raise SystemExit(__doc__)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
