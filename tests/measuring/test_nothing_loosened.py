"""What is measured is what is promised: the server of the benchmark is the real one, with every promise on."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from bench import delivered, machine
from bench.durability import rows_stored, syncs_are_made
from bench.native import CannotMeasureError, Companion
from bench.paced_sends import send_paced
from bench.report import Row
from bench.server_process import AS_SUPERUSER, STREAM_PATH, WIDE_LIMITS, Admin, ServerProcess, tocsin
from bench.work.single_sends import _compare

from tocsin.config import Config, load

WEAKENED = Path(__file__).resolve().parents[1] / "faults" / "weakened"
WIDENED = {"limits.streams_per_user"}


@pytest.fixture(scope="module")
def measured() -> Iterator[ServerProcess]:
    """A server as every work starts it, though its starter has settings of its own in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOCSIN_LIMITS__WRITER_QUEUE", "1")
        server = tocsin(machine.cores()[0])
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)


def settings(config: Config) -> dict[str, Any]:
    """Every setting by its dotted name."""
    found: dict[str, Any] = {}
    for name, value in msgspec.to_builtins(config).items():
        found |= (
            {f"{name}.{inner}": held for inner, held in value.items()} if isinstance(value, dict) else {name: value}
        )
    return found


def test_only_the_number_of_streams_that_one_user_may_open_is_changed(measured: ServerProcess) -> None:
    process = Path(f"/proc/{measured.pid}")
    words = process.joinpath("cmdline").read_text().rstrip("\0").split("\0")
    serve = words[words.index("serve") :]
    data = str(measured.folder / "data")
    assert serve == ["serve", "--dev", "--host", "127.0.0.1", "--port", str(measured.port), "--data", data]

    environment = dict(
        entry.split("=", 1) for entry in process.joinpath("environ").read_text().split("\0") if "=" in entry
    )
    assert {name: text for name, text in environment.items() if name.startswith("TOCSIN_")} == WIDE_LIMITS

    options = {"dev": True, "host": "127.0.0.1", "port": measured.port, "data": data}
    used, plain = settings(load(options, environment)), settings(load(options, {}))
    assert {name for name in plain if used[name] != plain[name]} == WIDENED
    assert not (measured.folder / "data" / "tocsin.toml").exists()


def test_every_send_waits_for_the_disk(measured: ServerProcess) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace not found")
    assert "were seen" in syncs_are_made(measured)


@pytest.mark.fault
def test_a_store_that_does_not_sync_makes_the_figures_void() -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace not found")
    weaker = {"PYTHONPATH": str(WEAKENED), "WEAKENED_SYNCHRONOUS": "OFF"}
    void = pytest.raises(CannotMeasureError, match="a commit did not reach the disk")
    with tocsin(machine.cores()[0], environment=weaker) as server, void:
        syncs_are_made(server)


def test_a_send_that_was_answered_and_is_not_in_the_store_makes_the_figures_void(measured: ServerProcess) -> None:
    stored = rows_stored(measured.folder / "data")
    sound, short = Row("w", "all there"), Row("w", "one gone")
    _compare(sound, stored, stored)
    _compare(short, stored + 1, stored)
    assert not sound.problems
    assert short.problems == [f"{stored + 1} sends were answered 2xx, {stored} are in the store"]


def test_a_delivery_too_few_or_too_many_makes_the_figures_void(
    measured: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivered, "SETTLE_SECONDS", 20.0)
    holding = Companion("hold_streams", ("ws", measured.port, 3, STREAM_PATH, AS_SUPERUSER, ""))
    with holding as readers, Admin(measured.port) as admin:
        readers.line()
        send_paced(admin, 2, 0.0, 3)
        assert delivered.settled(readers, 6)["notifications"] == 6
        with pytest.raises(CannotMeasureError, match="6 deliveries instead of 5"):
            delivered.settled(readers, 5)
        monkeypatch.setattr(delivered, "SETTLE_SECONDS", 0.0)
        with pytest.raises(CannotMeasureError, match="6 deliveries instead of 7"):
            delivered.settled(readers, 7)
        with pytest.raises(CannotMeasureError, match="counted 3 of 2 streams"):
            send_paced(admin, 1, 0.0, 2)


def test_the_server_is_alone_on_its_core(measured: ServerProcess) -> None:
    server_core, load_core = machine.cores()
    assert os.sched_getaffinity(measured.pid) == {server_core}
    if len(os.sched_getaffinity(0)) > 1:
        assert server_core != load_core
