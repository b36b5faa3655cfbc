"""What people and senders do to inboxes: on the real store and on the model, each outcome held against the other."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import strategies as st

from inbox.model import Model, NotThere, Seen, TooSoon
from inbox.world import World
from store.adapters import audit
from tocsin.errors import Conflict, NotFound
from tocsin.notification import NotificationId
from tocsin.ports import Entry, Span
from tocsin.principal import User, UserId
from tocsin.receipt import Purged

PEOPLE = ("ann", "bob", "cid")

Op = tuple[Any, ...]
Planned = tuple[Coroutine[Any, Any, Any], Callable[[Any], None]]

people = st.sampled_from(PEOPLE)
types = st.sampled_from(["info", "warning", "emergency"])
devices = st.sampled_from([None, "door", "oven"])
which = st.integers(0, 12)
told = st.sampled_from([True, True, True, False])
seconds = st.sampled_from([1, 1, 0, -5])
sends = st.tuples(st.just("send"), st.none() | people, types, devices, st.sampled_from([None, "a", "b"]), st.booleans())
acts = st.tuples(
    st.just("act"),
    people,
    which,
    st.sampled_from(["read", "unread", "unread", "dismiss", "undismiss", "acknowledge"]),
)
marks = st.tuples(st.just("mark"), people, st.none() | st.integers(0, 8), st.none() | types, devices)
withdrawals = st.tuples(st.just("withdraw"), which)
comings = st.tuples(st.just("join"), people)
goings = st.tuples(st.just("leave"), people)
anything = st.one_of(sends, sends, sends, sends, acts, acts, acts, marks, marks, withdrawals, comings, goings)


class Deeds:
    """The store of a world and the model beside it.

    Attributes:
        joined: at which number each person came.
        floors: up to which number something of an owner (None: broadcasts) is gone.
    """

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.joined: dict[str, int] = {}
        self.floors: dict[str | None, int] = {}
        self._serial = 0

    def do(self, *ops: Op) -> None:
        """Do these at once, in this order; hold each outcome against the model's."""
        planned: list[Planned] = [getattr(self, f"_plan_{name}")(*values) for name, *values in ops]
        results = self.world.run(self.world.together(*[call for call, _ in planned]))
        for (_, judge), result in zip(planned, results, strict=True):
            judge(result)
        self.model.note(self.world.store.head)

    def _plan_send(self, to: str | None, type_: str, device: str | None, app: str | None, dismissible: bool) -> Planned:
        self._serial += 1
        id_, created = f"n{self._serial}", self.world.clock.ms
        draft = self.world.draft(id_, to, type_, device, app, dismissible=dismissible)

        def judge(result: Any) -> None:
            if to is not None and to not in self.model.people:
                assert isinstance(result, NotFound), result
            else:
                assert isinstance(result, Entry), result
                self.model.send(Seen(id_, result.seq, to, type_, device, app, dismissible, created))

        return self.world.store.append(draft), judge

    def _plan_act(self, person: str, which: int, what: Any) -> Planned:
        # One that is before them, where there is one.
        theirs = sorted(self.model.people.get(person, {}).values(), key=lambda one: -one.first)
        now, id_ = self.world.clock.ms, theirs[which % len(theirs)].id if theirs and which < 9 else self._named(which)

        def judge(result: Any) -> None:
            try:
                one = self.model.act(person, id_, what, now)
            except NotThere:
                assert isinstance(result, NotFound), result
            except TooSoon:
                assert isinstance(result, Conflict), result
            else:
                assert not isinstance(result, Exception), result
                assert (result.read, result.dismissed, result.acknowledged) == (
                    one.read, one.dismissed, one.acknowledged,
                )  # fmt: skip

        return self.world.store.act(UserId(person), NotificationId(id_), what, now), judge

    def _plan_mark(self, person: str, back: int | None, type_: Any, device: Any) -> Planned:
        now, upto = self.world.clock.ms, None if back is None else max(0, self.world.store.head - back)

        def judge(result: Any) -> None:
            assert not isinstance(result, Exception), result
            reached, unread = result
            assert reached == upto or upto is None
            if person in self.model.people:
                self.model.mark(person, reached, type_, device, now)
                assert unread.types == self.model.unread(person), "the answer's counts"

        return self.world.store.mark(UserId(person), upto, type_, device, now), judge

    def _plan_withdraw(self, which: int) -> Planned:
        id_ = self._named(which)

        def judge(result: Any) -> None:
            if any(id_ in inbox for inbox in self.model.people.values()):
                assert result is None, result
            assert result is None or isinstance(result, NotFound), result
            self.model.withdraw(id_)

        return self.world.store.withdraw(NotificationId(id_), self.world.clock.ms, None), judge

    def _plan_join(self, person: str) -> Planned:
        def judge(result: Any) -> None:
            assert isinstance(result, User), result
            self.model.join(person)
            self.joined[person] = result.joined

        return self.world.store.put_user(User(id=UserId(person), name=person), audit(), replace=False), judge

    def _plan_leave(self, person: str) -> Planned:
        def judge(result: Any) -> None:
            assert result is (person in self.model.people), result
            if result:
                self.model.leave(person)
                self.floors.pop(person, None)
                for connection in [one for one in self.world.connections if one.person == person]:
                    self.world.cut(connection)
                    self.world.connections.remove(connection)

        return self.world.store.delete_user(UserId(person), audit()), judge

    def committed(self, span: Span) -> None:
        purges = [entry.change for entry in span.entries if isinstance(entry.change, Purged)]
        for purged in purges:
            self.model.purge(purged.user_id, purged.app_id, purged.upto)
            self.floors[purged.user_id] = max(purged.upto, self.floors.get(purged.user_id, 0))
        if purges:
            self.model.note(span.last)

    def floor(self, person: str) -> int:
        floor = max(self.floors.get(None, 0), self.floors.get(person, 0))
        return floor if floor > self.joined[person] else 0

    def _named(self, which: int) -> str:
        return self.model.sent[-1 - which % len(self.model.sent)].id if self.model.sent else "none"
