"""For controls only: a node without the rules that WEAKENED names.

Loaded by the interpreter because the control puts this folder on PYTHONPATH.
"""

import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

LACKING = set(filter(None, os.environ.get("WEAKENED", "").split(",")))


def _never_reads(module: Any) -> None:
    """What is not announced is not found."""
    module.Tail.wants = lambda _self, _now: module.Want.NOTHING


def _feeds_blindly(module: Any) -> None:
    """A node that was stopped takes what comes as if it were news."""
    module.Tail.sees = lambda _self, _now: True


def _goes_by_the_last_number(module: Any) -> None:
    """What is told is given out, whatever came before it."""

    def hear(self: Any, told: Any, now: float) -> list[Any]:
        if told.epoch != self.epoch or told.last <= self.mine or not self.sees(now):
            return []
        if told.entries is None:
            self._read_due = now
            return []
        return [self._give(told)]

    module.Tail.hear = hear


def _numbers_without_the_lock(module: Any) -> None:
    """A batch takes its numbers as from a sequence; batches are committed in whatever order."""
    functions = module.functions

    def without() -> tuple[str, str]:
        name, text = functions()
        for was, is_ in (
            ("SELECT * INTO l FROM log FOR UPDATE;", "SELECT * INTO l FROM log; l.head := nextval('numbers') * 1000;"),
            ("UPDATE log SET head = l.head;", "UPDATE log SET head = greatest(head, l.head);"),
        ):
            assert text.count(was) == 1, was
            text = text.replace(was, is_)
        return name[:-1] + "_", f"CREATE SEQUENCE numbers; {text}"

    module.functions = without


def _does_not_count(module: Any) -> None:
    """Nobody else is asked to how many streams it went."""
    module.Counting.hear = lambda _self, _message: None


def _takes_any_ticket(module: Any) -> None:
    """That a ticket was used is not known to others."""

    async def take(*_: Any) -> bool:
        return True

    module.PostgresqlStore.lease = take


def _keeps_what_it_knows(module: Any) -> None:
    """What others change is not forgotten here."""
    module.Directory.forget = lambda *_: None


def _stops_at_once(module: Any) -> None:
    """A node that is to end does so, whatever it has begun."""

    async def drain(_self: Any) -> None:
        os._exit(0)

    module.Tocsin.drain = drain


def _closes_all_at_once(module: Any) -> None:
    """A node that is to end closes its streams in one moment, whatever time it has."""
    close_all = module.Hub.close_all

    async def close_at_once(self: Any, code: Any, reason: str, _seconds: float) -> None:
        await close_all(self, code, reason, 0)

    module.Hub.close_all = close_at_once


RULES = {
    "reading": ("tocsin.cluster.tail", _never_reads),
    "seeing": ("tocsin.cluster.tail", _feeds_blindly),
    "spanning": ("tocsin.cluster.tail", _goes_by_the_last_number),
    "locking": ("tocsin.store.postgresql.schema", _numbers_without_the_lock),
    "counting": ("tocsin.cluster.counting", _does_not_count),
    "tickets": ("tocsin.store.postgresql.store", _takes_any_ticket),
    "forgetting": ("tocsin.directory", _keeps_what_it_knows),
    "draining": ("tocsin.server", _stops_at_once),
    "spreading": ("tocsin.live.hub", _closes_all_at_once),
}


class _Weakening(MetaPathFinder):
    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        weakenings = [RULES[rule][1] for rule in LACKING if RULES[rule][0] == name]
        if not weakenings:
            return None
        spec = PathFinder.find_spec(name, path)
        assert spec is not None
        assert spec.loader is not None
        run = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            run(module)
            for weaken in weakenings:
                weaken(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, _Weakening())
