"""Peers are measured by the code that measures Tocsin, and one that cannot be had is a row that says why."""

import pytest
from bench import machine
from bench.native import program
from bench.peers import ALL, go_module, gotify, starlette_broadcast
from bench.peers.peer import FLAT, PLACE
from bench.peers.tocsin import TOCSIN
from bench.plan import Plan
from bench.report import Row
from bench.work import peers

STREAMS = 20


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Tocsin, a peer, and a peer on a machine that has no Go: one short round of each."""
    server_core, load_core = machine.cores()
    plan = Plan(
        rounds=1,
        seconds=1.5,
        latency_seconds=0.3,
        streams=STREAMS,
        other_streams=(),
        storm_streams=STREAMS,
        idle_streams=(),
        server_core=server_core,
        load_core=load_core,
        large_store_rows=0,
    )
    for needed in ("hold_streams", "write_to_sockets", "send_steadily", "send_to_seen"):
        program(needed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peers, "SETTLE_SECONDS", 0.1)
        patch.setattr(go_module, "HERE", tmp_path_factory.mktemp("built"))
        patch.setattr(peers, "ALL", (TOCSIN, *starlette_broadcast.PEERS, *gotify.PEERS))
        patch.setenv("PATH", str(tmp_path_factory.mktemp("nothing")))
        return peers.measure(plan)


def of(rows: list[Row], what: str) -> list[Row]:
    return [row for row in rows if row.what.startswith(what)]


@pytest.mark.parametrize("system", ["Tocsin", "Starlette"])
def test_a_system_that_is_there_has_every_figure(rows: list[Row], system: str) -> None:
    own = of(rows, system)
    assert [row.work for row in own] == [heading for heading, *_ in peers.FIGURES.values()]
    assert not [row.problems for row in own if row.problems]
    assert all(row.measured for row in own)


def test_a_system_that_cannot_be_built_has_none_and_says_why(rows: list[Row]) -> None:
    absent = of(rows, "Gotify")
    assert len(absent) == len(peers.FIGURES)
    for row in absent:
        assert row.measured is None
        assert row.verdict == "not run"
        assert row.notes == [f"{gotify.PEERS[0].what}: go not found"]
        assert not row.problems


def test_every_system_is_sent_the_same_text_and_one_place_for_its_number() -> None:
    assert len({peer.what for peer in ALL}) == len(ALL)
    assert str(FLAT["message"]).count(PLACE) == 1


def test_each_system_has_a_durable_row_or_no_setting_for_one() -> None:
    durable = {peer.name.split()[0] for peer in ALL if peer.durable}
    assert durable == {"Tocsin", "ntfy", "Gotify", "Mercure", "Centrifugo"}
    assert {peer.name.split()[0] for peer in ALL} - durable == {"ws", "Starlette"}
