"""The pictures of a result are well-formed, keep inside their frame, and show every system that was measured."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from bench.peers import ALL
from bench.pictures import draw
from bench.svg import LABELS, LETTER, Bar, bars, dots
from bench.work.peers import FIGURES

from measuring.results import row, run

ROOT = Path(__file__).resolve().parents[2]
SVG = "{http://www.w3.org/2000/svg}"
SYSTEMS = ("Tocsin, on disk", 'One & "another" <system>, in memory')

RUN = run(
    *(
        row(FIGURES[figure][0], system, FIGURES[figure][1], 10.0 ** (1 + place * 3), 5.0)
        for figure in FIGURES
        for place, system in enumerate(SYSTEMS)
    ),
    *(
        row("fan-out", f"WebSocket, {streams} streams, back to back: CPU per delivery", "µs", 7.0, 5.0)
        for streams in ("100", "1,000", "10,000")
    ),
    *(row("inbox-reads", f"search, {rows} rows", "ms", 1.0) for rows in ("10,000", "1,000,000")),
)


def test_every_picture_is_well_formed_and_names_what_it_shows(tmp_path: Path) -> None:
    drawn = draw(RUN, tmp_path)
    assert sorted(file.stem for file in drawn) == [
        f"bench-{name}" for name in ("fan-out", "inbox", "latency", "memory", "sends", "streams")
    ]
    for file in drawn:
        page = ElementTree.parse(file).getroot()
        said = [text.text for text in page.iter(f"{SVG}text")]
        assert page.get("aria-label") == page.findtext(f"{SVG}title")
        if file.stem in ("bench-fan-out", "bench-sends", "bench-latency", "bench-memory"):
            assert set(SYSTEMS) <= set(said), file.stem


@pytest.mark.parametrize("kind", [bars, dots])
def test_nothing_is_drawn_outside_of_the_frame(kind: object) -> None:
    lines = [
        Bar("little", 0.02, 0.01, 0.03),
        Bar("much", 9_000.0, 8_000.0, 12_000.0),
        Bar("below zero", -1.0, -2.0, 0.5),
    ]
    page = ElementTree.fromstring(kind("title", "subtitle", "ms", lines))  # type: ignore[operator]
    width, height = float(page.get("width", 0)), float(page.get("height", 0))
    for shape in page.iter():
        for name, most in (("x", width), ("x1", width), ("x2", width), ("cx", width), ("y", height), ("cy", height)):
            assert 0 <= float(shape.get(name, 0)) <= most, ElementTree.tostring(shape)
        assert float(shape.get("x", 0)) + float(shape.get("width", 0)) <= width


def test_the_name_of_every_system_fits_beside_its_bar() -> None:
    assert [peer.what for peer in ALL if len(peer.what) * LETTER > LABELS - 10] == []


def test_what_was_not_measured_is_not_drawn(tmp_path: Path) -> None:
    assert draw(run(row("latency", "send → seen, p99", "ms", 1.0)), tmp_path) == []


def test_the_pictures_in_the_repository_are_well_formed() -> None:
    for file in (ROOT / "docs" / "images").glob("bench-*.svg"):
        assert ElementTree.parse(file).getroot().tag == f"{SVG}svg", file.name
