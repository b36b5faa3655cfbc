"""`python -m bench`, from the root of the repository."""

import argparse
import datetime
import os
import shlex
import shutil
import sys
import time
from pathlib import Path

from bench import machine, readme
from bench.native import BUILD, pin_to
from bench.plan import Plan
from bench.report import Row, save, table
from bench.work import (
    batch_sends,
    cold_start,
    connect_storm,
    fan_out,
    idle_memory,
    inbox_reads,
    latency,
    nodes,
    peers,
    resume,
    single_sends,
)

ORDER = (
    fan_out,
    single_sends,
    latency,
    peers,
    connect_storm,
    resume,
    idle_memory,
    cold_start,
    batch_sends,
    inbox_reads,
    nodes,
)
WORKS = {work.NAME: work for work in ORDER}
RESULTS = Path(__file__).parent / "results"
MOST_OF_OTHERS = 0.1
"""Share of all cores that others may use before a work's verdicts count as disturbed."""


def main() -> int:
    """Measure what was asked for, print the table, keep the JSON. Exit 1 when a row is invalid."""
    options = _options()
    wanted = [name.strip() for name in (options.only or ",".join(WORKS)).split(",")]
    if unknown := [name for name in wanted if name not in WORKS]:
        print(f"no such work: {', '.join(unknown)}; there are {', '.join(WORKS)}", file=sys.stderr)
        return 2
    plan = _plan(options)
    machine.open_file_limit()
    _remove_left_folders()
    if peers.NAME in wanted:
        print("building the peers that are not built yet (the first time: minutes) …", file=sys.stderr)
        peers.build()
    pin_to(plan.load_core)
    started = time.monotonic()
    facts = machine.description(plan.server_core, plan.load_core)
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    _say_facts(facts, plan)
    rows: list[Row] = []
    for name in wanted:
        print(f"measuring {name} …", file=sys.stderr)
        others, began = machine.Others(), time.monotonic()
        measured = WORKS[name].measure(plan)
        share = others.share()
        took = time.monotonic() - began
        measured[0].notes.append(f"others used {share:.0%} of the cores meanwhile; {name} took {took:.0f} s")
        for row in measured:
            row.disturbed = share > MOST_OF_OTHERS
        print(table(measured), flush=True)
        rows += measured
        command = shlex.join(["python", "-m", "bench", *sys.argv[1:]])
        path = RESULTS / f"{now:%Y-%m-%dT%H%M%SZ}-{options.label}.json"
        save(path, facts, command, now.isoformat().replace("+00:00", "Z"), rows)
    print(f"\n{time.monotonic() - started:.0f} s in all")
    print(f"kept in {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    if options.publish and not options.quick:
        for file in readme.publish(path):
            print(f"wrote {file.relative_to(readme.ROOT)}")
    return 1 if any(row.problems for row in rows) else 0


def _options() -> argparse.Namespace:
    options = argparse.ArgumentParser(prog="python -m bench", description="Measure Tocsin beside its floors.")
    options.add_argument("--only", default=os.environ.get("ONLY"), help=f"of {', '.join(WORKS)} (also: ONLY=…)")
    options.add_argument("--rounds", type=int, default=3, help="measured rounds after one warm-up (default 3)")
    options.add_argument("--seconds", type=float, default=1.5, help="how long a round loads a server (default 1.5)")
    options.add_argument("--quick", action="store_true", help="2 short rounds: does it run? Not for quoting.")
    options.add_argument("--large", action="store_true", help="also a store of 10 M rows")
    options.add_argument("--large-rows", type=int, default=10_000_000, help="rows of that store")
    options.add_argument("--stores", type=Path, help="folder that keeps the stores of inbox-reads for the next run")
    options.add_argument("--publish", action="store_true", help="write README's figures and pictures from this run")
    options.add_argument("--label", default="local", help="last part of the result file's name")
    return options.parse_args()


def _plan(options: argparse.Namespace) -> Plan:
    server_core, load_core = machine.cores()
    return Plan(
        rounds=2 if options.quick else max(1, options.rounds),
        seconds=1.0 if options.quick else options.seconds,
        latency_seconds=1.0 if options.quick else max(4.0, options.seconds),
        streams=1000,
        other_streams=(1, 100) if options.quick else (1, 100, 10_000),
        storm_streams=1000 if options.quick else 2000,
        idle_streams=(1000,) if options.quick else (1000, 5000),
        server_core=server_core,
        load_core=load_core,
        large_store_rows=options.large_rows if options.large else 0,
        stores=options.stores and options.stores.resolve(),
    )


def _remove_left_folders() -> None:
    """What an interrupted run left under build/."""
    for folder in BUILD.glob("data-*"):
        shutil.rmtree(folder, ignore_errors=True)


def _say_facts(facts: dict[str, object], plan: Plan) -> None:
    versions = ", ".join(f"{name} {number}" for name, number in dict(facts["versions"]).items())
    print(f"{facts['cpu']}, {facts['cores']} cores, {facts['kernel']}, Python {facts['python']}")
    print(f"{versions}, SQLite {facts['sqlite']}")
    print(f"server on core {plan.server_core}, load on core {plan.load_core}; {plan.rounds} rounds")
    print(f"others were using {float(str(facts['busy_before'])):.0%} of the cores before the run")
    if plan.server_core == plan.load_core:
        print("ONE CORE for server and load: rates and latencies are not comparable")


if __name__ == "__main__":
    sys.exit(main())
