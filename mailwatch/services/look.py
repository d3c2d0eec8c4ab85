"""A look at a mailbox: one question, where nothing has changed since the last one; else receiving, then observing.

as known? ─ yes ─────────────────────────→ a good look
          └ no, or a look is due anyway ─→ receive → observe
"""

from mailwatch.domain.mailboxes import Mailbox
from mailwatch.errors import FolderMissing, TransientError
from mailwatch.ports import MessageSource
from mailwatch.services.good_looks import GoodLooks
from mailwatch.services.log import Log
from mailwatch.services.observe import Observe
from mailwatch.services.receive import Receive


class Look:
    """Looks at mailboxes, one after the other or many at once."""

    def __init__(self, receive: Receive, observe: Observe, good_looks: GoodLooks, log: Log) -> None:
        self._receive = receive
        self._observe = observe
        self._good_looks = good_looks
        self._log = log

    async def look(self, mailbox: Mailbox, source: MessageSource) -> None:
        """What is new in a mailbox, and what people did with it. Raises MailboxUnavailable, StoreUnavailable."""
        if await self._is_quiet(mailbox, source):
            self._good_looks.note(mailbox.address)
            return
        if not mailbox.observing.is_sent_only:
            await self._receive.look(mailbox, source)
        await self._observe.look(mailbox, source)

    async def _is_quiet(self, mailbox: Mailbox, source: MessageSource) -> bool:
        """Whether everything is as it was when all of it had been read. Of several folders each has its own look."""
        if len(mailbox.folders) != 1:
            return False
        (folder,) = mailbox.folders
        state = source.find_state(folder)
        if state is None or not self._receive.is_read(mailbox, folder, state):
            return False
        try:
            return await self._observe.is_quiet(mailbox, folder, state, source)
        except FolderMissing:  # receiving says so
            return False
        except TransientError:
            raise
        except Exception:  # a fault of ours must cost time, not requests
            self._log.exception("observing.failed", mailbox=mailbox.address)
            return False
