"""What can happen to inboxes and to the streams that tell of them, in any order; and what must hold after each."""

from __future__ import annotations

import shutil
import tempfile
from functools import partialmethod
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from inbox.connection import Connection
from inbox.deeds import Deeds, Op, acts, anything, marks, people, seconds, sends, told, which, withdrawals
from inbox.model import View, viewed
from inbox.screen import number
from inbox.world import DAY, World
from tocsin.app import AppId
from tocsin.store.purge import Keeping

MOST_CONNECTIONS = 4
MOST_KEPT = 6


RULES = (
    "are_sent", "somebody_acts", "at_once", "another_of_that_name", "days_pass",
    "open", "streams_go_on", "happens_meanwhile", "reopen", "settle",
)  # fmt: skip

cuts = st.tuples(st.just("cut"), which, st.integers(0, MOST_KEPT), st.booleans())
steps = st.tuples(st.just("step"), which, st.sampled_from([1, 2, 3, 12]), st.none() | st.integers(1, 3))
overruns = st.tuples(st.just("overrun"), which)
purges = st.tuples(
    st.just("purge"),
    st.integers(0, 4),
    st.integers(1, 4),
    st.dictionaries(st.sampled_from(["a", "b"]), st.integers(1, 6), max_size=2),
    st.sampled_from([0, 0, 1, 3]),
    st.sampled_from([1_000, 1_000, 5, 12, 20]),
)
meanwhile = st.one_of(sends, sends, sends, acts, acts, marks, withdrawals, purges)


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


class Inboxes(Deeds, RuleBasedStateMachine):
    """The real store with real streams beside the model."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="inboxes-"))

    @initialize(page=st.sampled_from([1, 2, 2, 4]), first=st.lists(sends, min_size=4, max_size=9))
    def begin(self, page: int, first: list[Op]) -> None:
        self.world = World(self.folder, page)
        self.world.committed = self.committed
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

    @rule(ops=st.lists(sends, min_size=1, max_size=4), told=told)
    def are_sent(self, ops: list[Op], told: bool) -> None:
        self._do_and_tell(ops, told)

    @rule(person=people, ops=st.lists(acts | marks, min_size=1, max_size=6), told=told, seconds=seconds)
    def somebody_acts(self, person: str, ops: list[Op], told: bool, seconds: int) -> None:
        for name, _person, *values in ops:
            self._do_and_tell([(name, person, *values)], told, seconds)

    @rule(ops=st.lists(anything, min_size=1, max_size=8), told=told)
    def at_once(self, ops: list[Op], told: bool) -> None:
        self._do_and_tell(ops, told)

    @rule(person=people, ops=st.lists(anything, max_size=5))
    def another_of_that_name(self, person: str, ops: list[Op]) -> None:
        """Somebody goes and comes again, in one transaction with what follows: what they had is still being removed."""
        self.do(("leave", person), ("join", person), *ops)

    @rule(purge=purges)
    def days_pass(self, purge: Op) -> None:
        self._purge(*purge[1:])

    def _purge(self, passed: int, days: int, apps: dict[str, int], per_user: int, looks: int) -> None:
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
            connection.load(items, position)
            if first and op is not None:
                self.do(op)
            if connection not in self.world.connections:
                return
            first = False
        connection.kept.clear()
        connection.keep()
        self._resume(connection)

    @rule(moves=st.lists(st.one_of(cuts, steps, steps, overruns), min_size=1, max_size=5))
    def streams_go_on(self, moves: list[Op]) -> None:
        for name, *values in moves:
            getattr(self, f"_{name}")(*values)

    @rule(n=which, place=st.integers(0, 3), ops=st.lists(meanwhile, min_size=5, max_size=14), after=st.booleans())
    def happens_meanwhile(self, n: int, place: int, ops: list[Op], after: bool) -> None:
        """Somebody is away, or somewhere in the midst of a page, while things happen and are told on."""
        connection = self._one_of(self.world.connections, n)
        if connection is None:
            return
        if not place:
            self.world.cut(connection)
        elif connection.stream is None:
            self._resume(connection)
        elif connection.live:
            self.world.run_over(connection)
        for _ in range(place - 1):
            if not connection.live:
                self.world.advance(connection)
        for op in ops:
            if op[0] == "purge":
                self._purge(*op[1:])
            else:
                self.do(op)
        self.world.tell_on()
        if after and connection in self.world.connections:
            if connection.stream is None:
                self._resume(connection)
            self.world.catch_up(connection)

    def _cut(self, n: int, back: int, with_view: bool) -> None:
        """A stream is lost; its reader will go on from something that it had written down."""
        if connection := self._one_of([one for one in self.world.connections if one.stream is not None], n):
            self.world.cut(connection)
            connection.go_back(back, with_view=with_view)

    def _step(self, n: int, count: int, spans: int | None) -> None:
        """One who is away comes back, one who catches up gets further, and some of what happened is told on."""
        if connection := self._one_of([one for one in self.world.connections if not one.live], n):
            if connection.stream is None:
                self._resume(connection)
            for _ in range(count):
                if not connection.live:
                    self.world.advance(connection)
        self.world.tell_on(spans)

    def _overrun(self, n: int) -> None:
        """More waits for a reader than may."""
        if connection := self._one_of([one for one in self.world.connections if one.stream is not None], n):
            self.world.run_over(connection)

    @rule(killed=st.booleans(), back_at_once=st.booleans())
    def reopen(self, killed: bool, back_at_once: bool) -> None:
        self.world.reopen(killed=killed)
        if back_at_once:
            for connection in self.world.connections:
                self._resume(connection)

    @rule()
    def settle(self) -> None:
        """Everybody has a screen, and all of them catch up."""
        for person in self.model.people:
            if all(connection.person != person for connection in self.world.connections):
                self.open(person, None, None)
        for connection in self.world.connections:
            if connection.stream is None:
                self._resume(connection)
        self.world.settle()
        assert all(connection.live for connection in self.world.connections)
        for connection in self.world.connections:
            self.world.wait_for_counts(connection)

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
            for counts in screen.all_counts:
                as_of = self.model.counted.get(number(counts["position"]), {}).get(connection.person)
                assert as_of in (None, counts["types"]), f"an event told {counts}, and {as_of} were unread"
            screen.all_counts.clear()
            if connection.live:
                self._hold_gap(connection)
            if connection.live and not self.world.spans:
                fresh = await self.world.view(connection.person, screen.devices)
                shown = screen.view()
                assert shown == fresh, f"a screen of {connection.person}: {_difference(shown, fresh)}"
                assert connection.client_view() == fresh, f"a Python client of {connection.person}"
                assert connection.inbox.whole

    def _hold_gap(self, connection: Connection) -> None:
        told, due = connection.screen.lost > 0, connection.gap_due
        assert told or not due, "nobody said that something is gone for good"
        assert not told or self.floor(connection.person) > connection.began, "a gap was told, and nothing is gone"

    def _do_and_tell(self, ops: list[Op], told: bool, seconds: int = 0) -> None:
        # Somebody may set the clock back.
        self.world.clock.ms += seconds * 1000
        self.do(*ops)
        if told:
            self.world.tell_on()

    def _resume(self, connection: Connection) -> None:
        connection.began = number(connection.screen.position)
        connection.screen.lost = 0
        connection.gap_due = self.floor(connection.person) > connection.began
        self.world.resume(connection)

    @staticmethod
    def _one_of(some: list[Connection], n: int) -> Connection | None:
        return some[n % len(some)] if some else None


def only(rules: tuple[str, ...]) -> type[Inboxes]:
    """The same where nothing but these rules happens by itself."""

    class Narrowed(Inboxes):
        pass

    for name in RULES:
        if name not in rules:
            # The same method, but no longer a rule.
            setattr(Narrowed, name, partialmethod(getattr(Inboxes, name)))
    return Narrowed


def _difference(got: View, due: View) -> str:
    return f"{[row for row in got if row not in due]} instead of {[row for row in due if row not in got]}"
