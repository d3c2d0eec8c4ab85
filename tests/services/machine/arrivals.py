"""What comes in: questions, thanks, robots' replies, bounces, copies; and what servers and rules do to folders."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from services.machine.letters import Letter, Role
from services.machine.office import BOXES, COLETTE, SENT, SIDE, Office

PASTS = st.sampled_from([0, 0, 0, 1, 45, 6 * 60, 3 * 24 * 60])  # minutes for which a message was on its way
ROLES = st.sampled_from([Role.QUESTION, Role.QUESTION, Role.THANKS, Role.AUTO_REPLY])
BODIES = {
    Role.QUESTION: "Bonjour, je n'ai toujours pas le formulaire. Quand puis-je passer ?",
    Role.THANKS: "Merci beaucoup !",
    Role.AUTO_REPLY: "Je suis absente jusqu'au 3 janvier.",
}


class Arrivals(Office):
    """What comes into the mailboxes."""

    @initialize(old=st.booleans(), are_answers_seen=st.booleans())
    def first_sight(self, old: bool, are_answers_seen: bool) -> None:
        """Where no answer was ever seen, nobody but owners is told of what is late."""
        if old:
            letter = self._write("paul.ancien@courriel.example", BOXES[:1])
            letter.is_old = True
            self._deliver(letter, BOXES[0])
            self._move_clock(timedelta(hours=1))
        self.run(self.world.look())
        if are_answers_seen:
            self.run(self._note_answers())
        self._deliver(self._write("parent1@courriel.example", BOXES), BOXES[1])

    async def _note_answers(self) -> None:
        async with self.store.transaction() as tx:
            for box in BOXES:
                await tx.note_answer_seen(box)

    @rule(
        who=st.integers(0, 3), box=st.sampled_from(BOXES), folder=st.sampled_from(["INBOX", "INBOX", SIDE]), ago=PASTS
    )
    def a_person_writes(self, who: int, box: str, folder: str, ago: int) -> None:
        sender = f"parent{who}@courriel.example" if who else f"p{len(self.letters)}@courriel.example"
        letter = self._write(sender, [box])
        self._deliver(letter, box, folder if box == BOXES[0] else "INBOX", self.clock.now() - timedelta(minutes=ago))

    @rule(box=st.sampled_from(BOXES), count=st.integers(2, 8))
    def many_people_write(self, box: str, count: int) -> None:
        for _ in range(count):
            self._deliver(self._write(f"p{len(self.letters)}@courriel.example", [box]), box)

    @rule(order=st.permutations(BOXES))
    def a_person_writes_to_both(self, order: Sequence[str]) -> None:
        letter = self._write(f"p{len(self.letters)}@courriel.example", order)
        for box in BOXES:
            self._deliver(letter, box)

    @rule(order=st.permutations(BOXES), where=st.sampled_from(BOXES))
    def a_person_writes_to_both_and_only_one_gets_it(self, order: Sequence[str], where: str) -> None:
        self._deliver(self._write(f"p{len(self.letters)}@courriel.example", order), where)

    @rule(box=st.sampled_from(BOXES))
    def a_colleague_writes(self, box: str) -> None:
        self._deliver(self._write(COLETTE, [box]), box)

    @rule(
        box=st.sampled_from(BOXES),
        header=st.sampled_from(
            ["List-Id: <nouvelles.example>", "Precedence: bulk", "Auto-Submitted: auto-generated", "X-Spam-Flag: YES"]
        ),
    )
    def something_automatic_comes(self, box: str, header: str) -> None:
        self._deliver(self._write("info@entreprise.example", [box], "", header, role=Role.NOISE), box)

    @precondition(lambda self: self.wire.submissions)
    @rule(data=st.data(), status=st.sampled_from(["5.1.1", "4.4.7"]), is_late=st.booleans())
    def an_automatic_message_bounces(self, data: st.DataObject, status: str, is_late: bool) -> None:
        sent = self._draw(data, self.wire.submissions)
        boundary = f"b{len(self.letters)}"
        kind = f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"'
        letter = self._write("mailer-daemon@mx.example", BOXES[:1], "Undelivered", role=Role.BOUNCE)
        report = (
            f"--{boundary}\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
            f"Final-Recipient: rfc822; {sent.recipient}\r\nStatus: {status}\r\n--{boundary}\r\n"
            f"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: {sent.message_id}\r\n\r\n"
        )
        head = letter.raw.partition(b"\r\n\r\n")[0].replace(b"Content-Type: text/plain; charset=utf-8", kind.encode())
        letter.raw = head + b"\r\n\r\n" + report.encode()
        for _ in range(1 + is_late):
            self._deliver(letter, BOXES[0])

    @precondition(lambda self: self.wire.submissions)
    @rule(data=st.data(), box=st.sampled_from(BOXES), ago=PASTS)
    def an_automatic_message_is_answered_by_a_robot(self, data: st.DataObject, box: str, ago: int) -> None:
        sent = self._draw(data, self.wire.submissions)
        headers = (f"In-Reply-To: {sent.message_id}", "Auto-Submitted: auto-replied")
        letter = self._write(sent.recipient, [box], "Absence", *headers, role=Role.AUTO_REPLY)
        self._deliver(letter, box, at=self.clock.now() - timedelta(minutes=ago))

    @precondition(lambda self: self.letters)
    @rule(data=st.data(), box=st.sampled_from(BOXES), role=ROLES, is_own=st.booleans(), ago=PASTS)
    def somebody_writes_again_about_it(self, data: st.DataObject, box: str, role: Role, is_own: bool, ago: int) -> None:
        """The requester, or another parent; at once, or on its way for days."""
        about = self._draw(data, self.letters)
        sender = about.sender if is_own and not about.is_automatic else "parent1@courriel.example"
        self._write_again(about, box, role, sender, about.message_id, ago)

    @precondition(lambda self: self.replies)
    @rule(data=st.data(), role=ROLES, ago=PASTS)
    def the_requester_answers_an_answer(self, data: st.DataObject, role: Role, ago: int) -> None:
        """What they reply to may never have been seen here: then it is suspected to be an answer."""
        reply = self._draw(data, self.replies)
        about = next(letter for letter in self.letters if letter.message_id == reply.about)
        if not about.is_automatic:
            box = data.draw(st.sampled_from(sorted(about.delivered)))
            self._write_again(about, box, role, about.sender, reply.message_id, ago)

    def _write_again(self, about: Letter, box: str, role: Role, sender: str, parent: str, ago: int) -> None:
        headers = [f"In-Reply-To: {parent}", f"References: {about.message_id} {parent}"]
        headers += ["Auto-Submitted: auto-replied"] if role is Role.AUTO_REPLY else []
        letter = self._write(sender, [box], f"Re: {about.subject}", *headers, role=role, body=BODIES[role])
        letter.is_suspect = parent != about.message_id
        self._deliver(letter, box, at=self.clock.now() - timedelta(minutes=ago))

    @precondition(lambda self: self.letters)
    @rule(data=st.data(), box=st.sampled_from(BOXES))
    def a_copy_of_it_comes_again(self, data: st.DataObject, box: str) -> None:
        letter = self._draw(data, self.letters)
        if box in letter.delivered and not letter.is_old:
            self._deliver(letter, box)

    @rule(data=st.data())
    def a_rule_moves_it_to_the_other_folder(self, data: st.DataObject) -> None:
        inbox, side = self.world.folders[BOXES[0]]["INBOX"], self.world.folders[BOXES[0]][SIDE]
        old = {letter.raw for letter in self.letters if letter.is_old}
        movable = [uid for uid, message in inbox.messages.items() if message.head not in old]
        if movable:
            inbox.move(data.draw(st.sampled_from(movable)), side)

    @rule(box=st.sampled_from(BOXES), name=st.sampled_from(["INBOX", SENT]), rewrites=st.booleans())
    def a_new_uidvalidity(self, box: str, name: str, rewrites: bool) -> None:
        """A mailbox is migrated or restored: all UIDs are new, and INTERNALDATE perhaps."""
        folder = self.world.folders[box][name]
        kept, folder.messages = folder.messages, {}
        folder.uidvalidity, folder.uidnext = (folder.uidvalidity or 0) + 1, 1
        for message in kept.values():
            at = self.clock.now() if rewrites else message.received_at
            folder.append(message.head, at, sorted(message.flags))
            self._message(message.head).lie_in(box, at)
        self.unsynced.add((box, name))
        self._excuse_what_is_too_old()
