"""From the start of the process to the first 200 of /readyz."""

import shutil

from bench.large_store import fill
from bench.native import CannotMeasureError
from bench.plan import Plan
from bench.report import Figures, Goal, Row
from bench.server_process import new_folder, tocsin

NAME = "cold-start"


def measure(plan: Plan) -> list[Row]:
    """Seconds with a new store, with the store of the start before, and with a large one where asked for."""
    new = Row(NAME, "start → ready, empty store", goal=Goal(at_most=1.0))
    again = Row(NAME, "start → ready, the same store again")
    fresh, second = [], []
    try:
        for number in plan.rounds_and_warm_up:
            with tocsin(plan.server_core) as server:
                first = server.ready_seconds
                server.stop()
                follower = tocsin(plan.server_core, server.folder)
                try:
                    took = follower.wait_until_ready()
                finally:
                    follower.stop()
            if number:
                fresh.append(first)
                second.append(took)
        new.measured, again.measured = Figures("s", tuple(fresh)), Figures("s", tuple(second))
    except CannotMeasureError as problem:
        new.problems.append(str(problem))
    return [new, again, _large(plan)]


def _large(plan: Plan) -> Row:
    row = Row(NAME, "start → ready, large store", goal=Goal(at_most=2.0))
    if not plan.large_store_rows:
        row.notes.append("the large store was not run: --large fills one with 10 M rows, which takes minutes")
        return row
    row.what = f"start → ready, {plan.large_store_rows:,} rows"
    folder = new_folder()
    try:
        fill(plan, folder)
        taken = []
        for _ in plan.rounds_and_warm_up:
            server = tocsin(plan.server_core, folder)
            try:
                taken.append(server.wait_until_ready())
            finally:
                server.stop()
        row.measured = Figures("s", tuple(taken[1:]))
        row.notes.append("the large store is in the page cache: it was written just before")
    except CannotMeasureError as problem:
        row.problems.append(str(problem))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return row
