"""Following the log: whatever happens to announcements, streams get every change once, in order, and nothing stale."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some

from cluster.histories import LIMIT, Action, entry, run
from tocsin.announcement import Announcement
from tocsin.cluster.tail import BLIND_SECONDS, FORGET_SECONDS, GAP_SECONDS, LOOK_SECONDS, MOST_HELD, Tail, Want
from tocsin.ports import Span
from tocsin.position import Epoch

E = Epoch("e0")

which = some.integers(0, 1)
actions = some.one_of(
    some.tuples(some.just("commit"), which, some.lists(some.integers(0, 4), min_size=1, max_size=4), some.booleans()),
    some.tuples(some.just("own"), which),
    some.tuples(some.just("hear"), which, some.integers(0, 3), some.sampled_from(["once", "again", "lost"])),
    some.tuples(some.just("ask"), which),
    some.tuples(some.just("serve"), which),
    some.tuples(some.just("answer"), which),
    some.tuples(some.just("wait"), which, some.sampled_from([0.01, 0.04, 1.0, 2.5])),
    some.tuples(some.just("fail over"), which, some.integers(0, 2)),
)


def hold(make: Callable[..., Tail], examples: int) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
        print_blob=False,
    )
    @given(some.lists(actions, max_size=30))
    def holds(history: list[Action]) -> None:
        run(history, make)

    holds()


def test_streams_get_every_change_once_in_order_whatever_happens_to_announcements(soak: bool) -> None:
    hold(Tail, 40_000 if soak else 400)


# ---------------------------------------------------------------- each rule is needed


class TakesWhatItHas(Tail):
    """Numbers are taken for contiguous: what is announced after a gap is given out at once."""

    def hear(self, told: Announcement, now: float) -> list[Span]:
        if told.epoch != self.epoch or told.entries is None or told.last <= self.mine or not self.sees(now):
            return super().hear(told, now)
        return [self._give(told)]


class DropsNothing(Tail):
    """What was given out already is given out again."""

    def hear(self, told: Announcement, now: float) -> list[Span]:
        if told.epoch == self.epoch and told.entries is not None and told.last <= self.mine and self.sees(now):
            return [Span(self.epoch, told.first, told.last, told.entries)]
        return super().hear(told, now)


class OwnGoFirst(Tail):
    """A node's own commits do not come by the same door: they are given out at once."""

    def hear(self, told: Announcement, now: float) -> list[Span]:
        if told.node == "n0" and told.epoch == self.epoch and told.entries is not None and self.sees(now):
            self.mine = max(self.mine, told.last)
            return [Span(self.epoch, told.first, told.last, told.entries)]
        return super().hear(told, now)


class ExpectsEveryNumber(Tail):
    """A hole in what the log tells is taken for the end of what can be read."""

    def read(self, span: Span, after: int, asked: float, now: float, *, more: bool) -> list[Span]:
        upto = after
        for one in span.entries:
            if one.seq != upto + 1:
                break
            upto = one.seq
        whole = Span(span.epoch, span.first, upto, [one for one in span.entries if one.seq <= upto])
        return super().read(whole, after, asked, now, more=more)


class NeverLooks(Tail):
    """What nobody announced is not found."""

    def wants(self, now: float) -> Want:
        want = super().wants(now)
        return Want.NOTHING if want is Want.LOOK else want


class NeverReads(Tail):
    """A gap is waited out for ever."""

    def wants(self, now: float) -> Want:
        return Want.LOOK if super().wants(now) is Want.READ else super().wants(now)


class FeedsBlindly(Tail):
    """What comes after a long stop is given out without a look at the log."""

    def sees(self, now: float) -> bool:
        return True


class TrustsTheAnswer(Tail):
    """A reading counts from when it was answered and not from when it was asked for."""

    def read(self, span: Span, after: int, asked: float, now: float, *, more: bool) -> list[Span]:
        return super().read(span, after, now, now, more=more)


class ComparesWithNow(Tail):
    """The head is compared with what was given out meanwhile."""

    def looked(self, epoch: Epoch, head: int, after: int, asked: float, now: float) -> None:
        super().looked(epoch, head, self.mine, asked, now)


class GivesOverlapsWhole(Tail):
    """Of what is announced and half known, everything is given out."""

    def _give(self, told: Announcement | Span) -> Span:
        after, self.mine = self.mine, told.last
        return Span(self.epoch, after + 1, told.last, list(told.entries or []))


class AnyEpoch(Tail):
    """Whose log it is does not matter."""

    def hear(self, told: Announcement, now: float) -> list[Span]:
        return super().hear(Announcement(self.epoch, told.first, told.last, told.node, told.entries), now)


class OneLogForEver(Tail):
    """That the log is another one is not seen."""

    def _follows(self, epoch: Epoch, head: int, after: int, asked: float) -> bool:
        return super()._follows(self.epoch, max(head, after), after, asked)


class TakesAPageForAll(Tail):
    """A page that is full is taken for the end of what there is."""

    def read(self, span: Span, after: int, asked: float, now: float, *, more: bool) -> list[Span]:
        given = super().read(span, after, asked, now, more=False)
        self._known, self._read_due = self.mine, None
        self._look_due = 1e9
        return given


HEARD: Action = ("hear", 0, 0, "once")
READ: list[Action] = [("ask", 0), ("serve", 0), ("answer", 0)]
LONG: Action = ("wait", 0, 2.5)


def committed(*names: int, by: int = 1) -> Action:
    return ("commit", by, list(names), True)


RULES: dict[type[Tail], list[Action]] = {
    TakesWhatItHas: [committed(0), committed(1), ("hear", 0, 1, "once")],
    DropsNothing: [committed(0), ("hear", 0, 0, "again"), HEARD],
    OwnGoFirst: [committed(0), committed(1, by=0), ("own", 0)],
    ExpectsEveryNumber: [committed(0), committed(0), LONG],
    NeverLooks: [committed(0), ("hear", 0, 0, "lost")],
    NeverReads: [committed(0), committed(1), ("hear", 0, 1, "once"), ("hear", 0, 0, "lost")],
    FeedsBlindly: [committed(0), LONG, HEARD],
    TrustsTheAnswer: [LONG, committed(0), ("ask", 0), ("serve", 0), LONG, ("answer", 0)],
    ComparesWithNow: [("wait", 0, 1.0), ("ask", 0), ("serve", 0), committed(0, by=0), ("own", 0), ("answer", 0)],
    GivesOverlapsWhole: [committed(0, 1, 2, 3), LONG, *READ, HEARD],
    AnyEpoch: [committed(0), ("fail over", 0, 0), ("wait", 0, 1.0), *READ, HEARD],
    OneLogForEver: [committed(0), HEARD, ("fail over", 0, 0)],
    TakesAPageForAll: [committed(0, 1, 2, 3), LONG, *READ],
}
"""Tails that lack one rule each, and a history that shows why it is needed."""


@pytest.mark.parametrize("without", RULES, ids=lambda rule: rule.__name__)
def test_control_without_any_one_of_its_rules_a_history_breaks(without: type[Tail], soak: bool) -> None:
    run(RULES[without])
    with pytest.raises(AssertionError):
        run(RULES[without], without)
    if soak:
        with pytest.raises((AssertionError, ExceptionGroup)):
            hold(without, 8_000)


# ---------------------------------------------------------------- single steps


def told(first: int, last: int, *, node: str = "other", epoch: Epoch = E, whole: bool = True) -> Announcement:
    entries = [entry(f"row{seq}", seq) for seq in range(first, last + 1)] if whole else None
    return Announcement(epoch, first, last, node, entries)


def numbers(spans: list[Span]) -> list[tuple[int, int]]:
    return [(span.first, span.last) for span in spans]


def test_what_follows_goes_on_at_once_and_what_is_known_is_dropped() -> None:
    tail = Tail(E, 6, 0.0)
    assert numbers(tail.hear(told(7, 9), 0.1)) == [(7, 9)]
    assert tail.hear(told(7, 9), 0.1) == []
    assert numbers(tail.hear(told(10, 10), 0.1)) == [(10, 10)]
    assert tail.wants(0.2) is Want.NOTHING


def test_the_missing_one_is_waited_for_a_moment_and_then_the_log_is_read() -> None:
    tail = Tail(E, 6, 0.0)
    assert tail.hear(told(8, 9), 0.1) == []
    assert tail.wants(0.1) is Want.NOTHING
    assert tail.wakes() == pytest.approx(0.1 + GAP_SECONDS)
    assert tail.wants(0.1 + GAP_SECONDS) is Want.READ
    assert numbers(tail.hear(told(7, 7), 0.11)) == [(7, 7), (8, 9)]
    assert tail.wants(0.2) is Want.NOTHING


def test_an_announcement_without_its_changes_has_the_log_read_at_once() -> None:
    tail = Tail(E, 6, 0.0)
    assert tail.hear(told(7, 9, whole=False), 0.1) == []
    assert tail.wants(0.1) is Want.READ
    given = tail.read(Span(E, 7, 9, [entry("row9", 9)]), 6, 0.1, 0.11, more=False)
    assert numbers(given) == [(7, 9)]


def test_the_head_is_looked_at_once_a_second_however_much_is_heard() -> None:
    tail = Tail(E, 0, 0.0)
    for n in range(1, 100):
        tail.hear(told(n, n), n / 100)
    assert tail.wants(0.99) is Want.NOTHING
    assert tail.wants(LOOK_SECONDS) is Want.LOOK
    tail.looked(E, 99, 99, LOOK_SECONDS, LOOK_SECONDS + 0.01)
    assert tail.wants(1.5) is Want.NOTHING
    assert tail.wants(2 * LOOK_SECONDS) is Want.LOOK


def test_a_node_that_was_stopped_gives_out_nothing_before_it_has_read_the_log() -> None:
    tail = Tail(E, 6, 0.0)
    woken = 31.0
    assert tail.hear(told(7, 7), woken) == []
    assert tail.wants(woken) is Want.READ
    late = tail.read(Span(E, 7, 7, [entry("row7", 7)]), 6, 0.5, woken, more=False)
    assert late == [], "it was asked for before the stop, and says what was so then"
    given = tail.read(Span(E, 7, 40, [entry("row40", 40)]), 6, woken, woken + 0.01, more=False)
    assert numbers(given) == [(7, 40)]
    assert tail.sees(woken + BLIND_SECONDS)
    assert not tail.sees(woken + BLIND_SECONDS + 0.01)


def test_another_epoch_or_a_head_that_went_back_means_that_everything_is_lost() -> None:
    for epoch, head in ((Epoch("e1"), 50), (E, 5)):
        tail = Tail(E, 6, 0.0)
        tail.looked(epoch, head, 6, 1.0, 1.01)
        assert tail.lost
        tail.begin(epoch, head, 1.02)
        assert not tail.lost
        assert numbers(tail.hear(told(head + 1, head + 1, epoch=epoch), 1.1)) == [(head + 1, head + 1)]


def test_a_log_that_was_not_followed_for_an_hour_is_begun_anew() -> None:
    tail = Tail(E, 6, 0.0)
    tail.looked(E, 6, 6, FORGET_SECONDS + 1, FORGET_SECONDS + 1)
    assert tail.lost


def test_what_is_held_for_a_gap_is_bounded_and_the_log_brings_the_rest() -> None:
    tail = Tail(E, 0, 0.0)
    for n in range(MOST_HELD + 500):
        tail.hear(told(n + 2, n + 2), 0.1)
    assert len(tail._held) == MOST_HELD
    head = MOST_HELD + 501
    given = tail.read(Span(E, 1, head, [entry("a", 1), entry("b", head)]), 0, 0.1, 0.2, more=False)
    assert numbers(given) == [(1, head)]
    assert not tail._held
    assert LIMIT < MOST_HELD
