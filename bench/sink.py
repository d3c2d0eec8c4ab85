"""An SMTP server that accepts everything and keeps only Message-IDs and recipients. Run as a process of its own.

python -m bench.sink      prints its port

    XCOUNT         answers "250 <messages> <different Message-IDs>", and forgets them
    XWHEN <addr>   answers "250 <instant>": when the first message to <addr> was accepted, by the system's monotonic
                   clock, which all processes share; "550" if there was none
"""

import asyncio
import sys
import time

MESSAGE_ID = b"\r\nmessage-id:"


class Sink:
    """What all connections have brought since the last count."""

    def __init__(self) -> None:
        self.count = 0
        self.ids: set[bytes] = set()
        self.accepted: dict[bytes, float] = {}

    def accept(self, recipient: bytes, message: bytes) -> None:
        """Count a message."""
        self.accepted.setdefault(recipient, time.monotonic())
        self.count += 1
        _, _, rest = (b"\r\n" + message[:4096].lower()).partition(MESSAGE_ID)
        self.ids.add(rest.partition(b"\r\n")[0].strip())

    def take_count(self) -> bytes:
        """The counts, which begin again."""
        answer = f"{self.count} {len(self.ids)}".encode()
        self.count, self.ids = 0, set()
        return answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        writer.write(b"220 sink ESMTP\r\n")
        recipient = b""
        try:
            while command := (await reader.readline()).upper().strip():
                verb = command.partition(b" ")[0]
                if verb == b"DATA":
                    writer.write(b"354 go on\r\n")
                    message = await reader.readuntil(b"\r\n.\r\n")
                    self.accept(recipient, message)
                    writer.write(b"250 2.0.0 accepted\r\n")
                elif verb == b"RCPT":
                    recipient = command.partition(b"<")[2].partition(b">")[0]
                    writer.write(b"250 2.0.0 ok\r\n")
                elif verb == b"XWHEN":
                    at = self.accepted.get(command.partition(b" ")[2])
                    writer.write(f"250 {at}\r\n".encode() if at else b"550 not yet\r\n")
                elif verb == b"EHLO":
                    writer.write(b"250-sink\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 50000000\r\n")
                elif verb == b"XCOUNT":
                    writer.write(b"250 " + self.take_count() + b"\r\n")
                elif verb == b"QUIT":
                    writer.write(b"221 2.0.0 bye\r\n")
                    break
                else:
                    writer.write(b"250 2.0.0 ok\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client is gone; what was complete is counted
        finally:
            writer.close()


async def main() -> None:
    """Listen on a free port until the parent ends us."""
    server = await asyncio.start_server(Sink().serve, "127.0.0.1", 0, limit=2**22)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
