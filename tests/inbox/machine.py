"""What can happen to inboxes and to the streams that tell of them, in any order; and what must hold after each."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from inbox.model import Model, NotThere, Seen, TooSoon, View, viewed
from inbox.screen import number
from inbox.world import DAY, Connection, World
from store.adapters import audit
from tocsin.app import AppId
from tocsin.errors import Conflict, NotFound
from tocsin.notification import NotificationId
from tocsin.ports import Entry, Span
from tocsin.principal import User, UserId
from tocsin.receipt import Purged
from tocsin.store.purge import Keeping

PEOPLE = ("ann", "bob", "cid")
MOST_CONNECTIONS = 4
MOST_KEPT = 6

Op = tuple[Any, ...]
Planned = tuple[Coroutine[Any, Any, Any], Callable[[Any], None]]

people = st.sampled_from(PEOPLE)
types = st.sampled_from(["info", "warning", "emergency"])
devices = st.sampled_from([None, "door", "oven"])
which = st.integers(0, 12)
told = st.sampled_from([True, True, False])
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


class Blown(Exception):
    """A purge is stopped half-way."""


class Fuse:
    """A clock that ends whoever looks at it too often."""

    def __init__(self, ms: int, looks: int) -> None:
        self._ms, self._looks = ms, looks

    def now(self) -> int:
        return self._ms

    def monotonic(self) -> float:
        self._looks -= 1
        if self._looks < 0:
            raise Blown
        return 0.0


class Inboxes(RuleBasedStateMachine):
    """The real store with real streams beside the model."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="inboxes-"))
        self.model = Model()
        self.joined: dict[str, int] = {}
        self.floors: dict[str | None, int] = {}
        self.serial = 0

    @initialize(page=st.integers(2, 4), first=st.lists(sends, min_size=4, max_size=9))
    def begin(self, page: int, first: list[Op]) -> None:
        self.world = World(self.folder, page)
        self.world.committed = self._committed
        self.do(("join", "ann"), ("join", "bob"))
        self.do(*first)
        for person, devices in (("ann", None), ("bob", None), ("ann", frozenset(["door"]))):
            self.open(person, devices, None)
        self.settle()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.close()
        shutil.rmtree(self.folder)

    # ------------------------------------------------------------ what people and senders do

    @rule(op=sends, told=told)
    def send(self, op: Op, told: bool) -> None:
        self._do_and_tell([op], told)

    @rule(op=acts, told=told)
    def act(self, op: Op, told: bool) -> None:
        self._do_and_tell([op], told)

    @rule(op=marks, told=told)
    def mark(self, op: Op, told: bool) -> None:
        self._do_and_tell([op], told)

    @rule(ops=st.lists(anything, min_size=1, max_size=6), told=told)
    def at_once(self, ops: list[Op], told: bool) -> None:
        self._do_and_tell(ops, told)

    @rule(seconds=st.integers(-5, 9))
    def the_clock_is_set(self, seconds: int) -> None:
        self.world.clock.ms += seconds * 1000

    @rule(person=people, ops=st.lists(anything, max_size=5))
    def another_of_that_name(self, person: str, ops: list[Op]) -> None:
        """Somebody goes and comes again, in one transaction with what follows: what they had is still being removed."""
        self.do(("leave", person), ("join", person), *ops)

    @rule(
        passed=st.integers(0, 4),
        days=st.integers(1, 4),
        apps=st.dictionaries(st.sampled_from(["a", "b"]), st.integers(1, 6), max_size=2),
        per_user=st.sampled_from([0, 0, 1, 3]),
        looks=st.sampled_from([1_000, 1_000, 5, 12, 20]),
    )
    def purge(self, passed: int, days: int, apps: dict[str, int], per_user: int, looks: int) -> None:
        """Days pass, and what is too old goes, or only some of it: the process may end meanwhile."""
        self.world.clock.ms += passed * DAY
        kept = Keeping(days=days, per_user=per_user, apps={AppId(app): its for app, its in apps.items()})
        purge = self.world.store.purge(kept, Fuse(self.world.clock.ms, looks))

        async def run() -> None:
            try:
                await purge.once()
            except Blown:
                return

        self.world.run(run())

    # ------------------------------------------------------------ what becomes of the node and its streams

    @rule(
        person=people,
        devices=st.none() | st.frozensets(st.sampled_from(["door", "oven"]), min_size=1),
        op=st.none() | anything,
    )
    def open(self, person: str, devices: frozenset[str] | None, op: Op | None) -> None:
        """A screen loads the list, while something happens, and follows the stream from there."""
        if person not in self.model.people or len(self.world.connections) >= MOST_CONNECTIONS:
            return
        connection, before = Connection(person, devices), None
        self.world.connections.append(connection)
        first = True
        while first or before is not None:
            items, before, position = self.world.run(self.world.list_page(person, devices, before))
            connection.screen.load(items, position)
            if first and op is not None:
                self.do(op)
            if connection not in self.world.connections:
                return
            first = False
        connection.kept = [connection.screen.kept()]
        self._resume(connection)

    @rule(n=which, back=st.integers(0, MOST_KEPT), old_view=st.booleans(), at_once=st.booleans())
    def cut(self, n: int, back: int, old_view: bool, at_once: bool) -> None:
        """A stream is lost; its reader goes on from something that it had written down."""
        if connection := self._one_of([one for one in self.world.connections if one.stream is not None], n):
            self.world.cut(connection)
            kept = connection.kept[-1 - back % len(connection.kept)]
            if old_view:
                connection.screen.restore(kept)
            elif number(kept[0]) < number(connection.screen.position):
                # Told again what it knows already, it comes out the same.
                connection.screen.position = kept[0]
            if at_once:
                self._resume(connection)

    @rule(n=which)
    def resume(self, n: int) -> None:
        if connection := self._one_of([one for one in self.world.connections if one.stream is None], n):
            self._resume(connection)

    @rule(count=st.none() | st.integers(1, 3))
    def tell_on(self, count: int | None) -> None:
        self.world.tell_on(count)

    @rule(n=which, steps=st.sampled_from([1, 2, 3, 12]))
    def advance(self, n: int, steps: int) -> None:
        if connection := self._one_of([one for one in self.world.connections if one.stream and not one.live], n):
            for _ in range(steps):
                if not connection.live:
                    self.world.advance(connection)

    @rule(n=which)
    def run_over(self, n: int) -> None:
        if connection := self._one_of([one for one in self.world.connections if one.stream is not None], n):
            self.world.run_over(connection)

    @rule(killed=st.booleans())
    def reopen(self, killed: bool) -> None:
        self.world.reopen(killed=killed)

    @rule()
    def settle(self) -> None:
        """All streams come back and catch up."""
        for connection in self.world.connections:
            if connection.stream is None:
                self._resume(connection)
        self.world.settle()
        assert all(connection.live for connection in self.world.connections)

    # ------------------------------------------------------------ what must hold

    @invariant()
    def the_store_is_as_the_model(self) -> None:
        if hasattr(self, "world"):
            self.world.run(self._hold_against_model())

    @invariant()
    def screens_are_as_a_fresh_read(self) -> None:
        if hasattr(self, "world"):
            self.world.run(self._hold_against_fresh())

    async def _hold_against_model(self) -> None:
        for person in self.model.people:
            listed, due = await self.world.view(person), self.model.view(person)
            assert listed == due, f"{person}'s list: {_difference(listed, due)}"
            unread = viewed(await self.world.fresh(person, unread=True))
            assert unread == [row for row in due if row[2] is None], f"what {person} has not read"
            counted = await self.world.counts(person)
            assert counted.types == self.model.unread(person), f"{person}'s counts"
            assert counted.head == self.world.store.head

    async def _hold_against_fresh(self) -> None:
        for connection in self.world.connections:
            connection.read()
            del connection.kept[:-MOST_KEPT]
            screen = connection.screen
            for told in screen.all_counts:
                as_of = self.model.counted.get(number(told["position"]), {}).get(connection.person)
                assert as_of in (None, told["types"]), f"an event told {told}, and {as_of} were unread"
            screen.all_counts.clear()
            if connection.live:
                self._hold_gap(connection)
            if connection.live and not self.world.spans:
                fresh = await self.world.view(connection.person, screen.devices)
                shown = screen.view()
                assert shown == fresh, f"a screen of {connection.person}: {_difference(shown, fresh)}"

    def _hold_gap(self, connection: Connection) -> None:
        told, due = connection.screen.lost > 0, connection.gap_due
        assert told or not due, "nobody said that something is gone for good"
        assert not told or self._floor(connection.person) > connection.began, "a gap was told, and nothing is gone"

    # ------------------------------------------------------------ doing

    def _do_and_tell(self, ops: list[Op], told: bool) -> None:
        self.do(*ops)
        if told:
            self.world.tell_on()

    def do(self, *ops: Op) -> None:
        """Do these at once, in this order; hold each outcome against the model's."""
        planned: list[Planned] = [getattr(self, f"_plan_{name}")(*values) for name, *values in ops]
        results = self.world.run(self.world.together(*[call for call, _ in planned]))
        for (_, judge), result in zip(planned, results, strict=True):
            judge(result)
        self.model.note(self.world.store.head)

    def _plan_send(self, to: str | None, type_: str, device: str | None, app: str | None, dismissible: bool) -> Planned:
        self.serial += 1
        id_, created = f"n{self.serial}", self.world.clock.ms
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

    def _committed(self, span: Span) -> None:
        purges = [entry.change for entry in span.entries if isinstance(entry.change, Purged)]
        for purged in purges:
            self.model.purge(purged.user_id, purged.app_id, purged.upto)
            self.floors[purged.user_id] = max(purged.upto, self.floors.get(purged.user_id, 0))
        if purges:
            self.model.note(span.last)

    def _resume(self, connection: Connection) -> None:
        connection.began = number(connection.screen.position)
        connection.screen.lost = 0
        connection.gap_due = self._floor(connection.person) > connection.began
        self.world.resume(connection)

    def _floor(self, person: str) -> int:
        floor = max(self.floors.get(None, 0), self.floors.get(person, 0))
        return floor if floor > self.joined[person] else 0

    def _named(self, which: int) -> str:
        return self.model.sent[-1 - which % len(self.model.sent)].id if self.model.sent else "none"

    @staticmethod
    def _one_of(some: list[Connection], n: int) -> Connection | None:
        return some[n % len(some)] if some else None


def _difference(got: View, due: View) -> str:
    return f"{[row for row in got if row not in due]} instead of {[row for row in due if row not in got]}"
