"""What staff do: answer from whichever program, flag, file away, consult, be away; close, reopen, assign, release."""

from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any

from builders import MARIE
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from services.machine.arrivals import PASTS
from services.machine.letters import Deed, Letter, Reply
from services.machine.office import ANNE, ASIDE, BOXES, DONE, LUC, PAUL, SENT, Office
from services.machine.stored import StoredRequest, list_stored
from services.world import Folder, a_letter

from mailwatch.domain.requests import EventKind
from mailwatch.services.act import Act, Acted, ActRefused, Refusal
from mailwatch.store import reports

FIRST_REPLY = 10_000  # numbers of what staff write
CLERK = "paul"  # an account on this machine

SHARED_SENT, OWN_SENT, COPY = "the mailbox's Sent folder", "Marie's own Sent folder", "a copy to the mailbox"
PLACES = st.sets(st.sampled_from([SHARED_SENT, OWN_SENT, COPY]), min_size=1)


class Staff(Office):
    """What those do who answer."""

    # --- answers ----------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.letters)
    @rule(data=st.data(), places=PLACES, ago=PASTS, is_late=st.booleans())
    def somebody_answers(self, data: st.DataObject, places: set[str], ago: int, is_late: bool) -> None:
        """Before or after its question is seen; seen once, or several times, in whatever order."""
        letter = self._draw(data, self.letters)
        self._place(self._reply(letter, letter.sender, places), letter, places, ago, is_late)

    @precondition(lambda self: self.letters)
    @rule(data=st.data(), places=PLACES)
    def somebody_consults_a_colleague(self, data: st.DataObject, places: set[str]) -> None:
        letter = self._draw(data, self.letters)
        reply = self._reply(letter, LUC, places)
        reply.counts = False
        self._place(reply, letter, places, 0, False)

    @precondition(lambda self: self.letters)
    @rule(data=st.data())
    def the_server_answers_for_somebody_away(self, data: st.DataObject) -> None:
        """Some keep what they answer by themselves in the Sent folder."""
        letter = self._draw(data, self.letters)
        reply = self._reply(letter, letter.sender, {OWN_SENT}, "Auto-Submitted: auto-replied")
        reply.counts, reply.is_automatic = False, True
        self._place(reply, letter, {OWN_SENT}, 0, False)

    def _reply(self, letter: Letter, to: str, places: set[str], *headers: str) -> Reply:
        number = FIRST_REPLY + len(self.replies)
        box = sorted(letter.delivered)[0]
        sender = MARIE if places & {OWN_SENT, COPY} else box
        referring = (f"In-Reply-To: {letter.message_id}", f"References: {letter.message_id}")
        copied = (f"Cc: {box}",) if COPY in places else ()
        raw = a_letter(
            number,
            sender=sender,
            to=to,
            subject=f"RE: {letter.subject}",
            body="Bonjour, il faut l'acte de naissance et une preuve d'adresse.",
            headers=(*referring, *copied, *headers),
            at=self.clock.now(),
        )
        reply = Reply(number, raw, sender, to=to, about=letter.message_id)
        reply.lie_in("as its Date says", self.clock.now())
        self.replies.append(reply)
        return reply

    def _place(self, reply: Reply, letter: Letter, places: set[str], ago: int, is_late: bool) -> None:
        """The copies that the writer's program keeps have one instant; the one that is delivered may come later."""
        box = sorted(letter.delivered)[0]
        at = self.clock.now() - timedelta(minutes=ago)
        if SHARED_SENT in places:
            self._put(reply, box, SENT, at)
        if OWN_SENT in places:
            self._put(reply, MARIE, SENT, at)
        if COPY in places:
            self._put(reply, box, "INBOX", self.clock.now() if is_late else at)

    @precondition(lambda self: self.letters)
    @rule(data=st.data(), box=st.sampled_from(BOXES))
    def somebody_flags_it_as_answered(self, data: st.DataObject, box: str) -> None:
        folder = self.world.folders[box]["INBOX"]
        if folder.messages:
            self._flag(folder, self._draw(data, sorted(folder.messages)))

    def _flag(self, folder: Folder, uid: int) -> None:
        folder.flag(uid, "\\Answered")
        self.flagged.setdefault(self._message(folder.messages[uid].head).identity, self.clock.now())

    @precondition(lambda self: self.letters)
    @rule(data=st.data(), name=st.sampled_from([DONE, ASIDE]))
    def somebody_files_it_away(self, data: st.DataObject, name: str) -> None:
        inbox = self.world.folders[BOXES[0]]["INBOX"]
        if inbox.messages:
            self._file([self._draw(data, sorted(inbox.messages))], name)

    def _file(self, uids: Sequence[int], name: str) -> None:
        """Only what was seen: what is taken away before, nobody here has ever seen."""
        folders = self.world.folders[BOXES[0]]
        facts = self.run(reports.list_messages(self.store, after=0))
        known = {fact.message_id for fact in facts if fact.mailbox == BOXES[0]}
        inbox = folders["INBOX"]
        for uid in uids:
            message = self._message(inbox.messages[uid].head)
            if message.message_id in known:
                inbox.move(uid, folders[name])
                self.moved.setdefault((name, message.identity), self.clock.now())

    # --- commands ---------------------------------------------------------------------------------------------------

    @rule(data=st.data(), verb=st.sampled_from(["close", "set_aside"]))
    def somebody_settles_it(self, data: st.DataObject, verb: str) -> None:
        for request in self._draw_request(data):
            act = self._act()
            kind = EventKind.CLOSED if verb == "close" else EventKind.SET_ASIDE
            self._do(getattr(act, verb)(request.reference), kind)

    @rule(data=st.data(), anew=st.booleans())
    def somebody_reopens_it(self, data: st.DataObject, anew: bool) -> None:
        for request in self._draw_request(data):
            self._do(self._act().reopen(request.reference, anew=anew), EventKind.REOPENED)

    @rule(data=st.data(), to=st.sampled_from([MARIE, PAUL, LUC, ANNE, ""]))
    def somebody_gives_it_away(self, data: st.DataObject, to: str) -> None:
        for request in self._draw_request(data):
            self._do(self._act().assign(request.reference, to), EventKind.REASSIGNED, to)

    @rule(data=st.data())
    def somebody_releases_it(self, data: st.DataObject) -> None:
        """What strangers wrote, that is: nobody makes a request of a colleague's copy."""
        written = {letter.message_id for letter in self.letters}
        register = [fact.id for fact in self.run(reports.list_register(self.store)) if fact.message_id in written]
        if register:
            self._do(self._act().release(data.draw(st.sampled_from(sorted(register)))), None)

    def _act(self) -> Act:
        return Act(self.store, self.world.mailboxes, by=CLERK, why="pour voir")

    def _draw_request(self, data: st.DataObject) -> Sequence[StoredRequest]:
        stored = self.run(list_stored(self.store))
        return [self._draw(data, stored)] if stored else []

    def _do(self, work: Coroutine[Any, Any, Sequence[Acted]], kind: EventKind | None, to: str = "") -> None:
        """What is refused changes nothing. Nobody else is at it, so nothing is ever overtaken."""
        try:
            acted = self.run(work)
        except ActRefused as refused:
            if refused.why is Refusal.OVERTAKEN:
                raise
            return
        if kind is not None:
            self.deeds += [Deed(one.reference, kind, self.clock.now(), to) for one in acted]
