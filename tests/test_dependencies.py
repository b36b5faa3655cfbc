"""What the lock file brings: nothing older than a known weakness allows, nothing under a licence we do not take."""

import importlib.metadata
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent

SAFE_FROM = {
    "aiohttp": "3.13.3",
    "apsw": "3.51.3",
    "h11": "0.16",
    "pyjwt": "2.13.0",
    "python-multipart": "0.0.27",
    "starlette": "0.49.1",
    "urllib3": "2.6.0",
}
"""Oldest version without a published weakness that matters here; `make audit` asks for newer advisories."""

REFUSED = re.compile(r"\b(A?GPL|GNU (AFFERO )?GENERAL)", re.IGNORECASE)
REFUSED_IN_CORE = re.compile(r"\b(A?GPL|LGPL|MPL|GNU|MOZILLA)", re.IGNORECASE)


def numbers(version: str) -> tuple[int, ...]:
    """The release part of a version."""
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:4])


def locked() -> dict[str, dict[str, Any]]:
    return {package["name"]: package for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}


def closure(packages: dict[str, dict[str, Any]], *, extras: bool) -> set[str]:
    """The names of all that an installed Tocsin brings along."""
    ours = packages["tocsin"]
    waiting = [one["name"] for one in ours.get("dependencies", ())]
    if extras:
        waiting += [one["name"] for some in ours.get("optional-dependencies", {}).values() for one in some]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [one["name"] for one in packages[name].get("dependencies", ())]
    return found


def licence(name: str) -> str:
    """Everything that a package says of its licence; empty where it is not for this platform."""
    try:
        about = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
    said = [about.get("License-Expression") or "", (about.get("License") or "")[:200]]
    return " ".join([*said, *(one for one in about.get_all("Classifier") or () if one.startswith("License"))])


def test_nothing_is_locked_at_a_version_with_a_known_weakness() -> None:
    packages = locked()
    assert "starlette" in packages
    weak = {
        name: packages[name]["version"]
        for name, floor in SAFE_FROM.items()
        if name in packages and numbers(packages[name]["version"]) < numbers(floor)
    }
    assert weak == {}


def test_a_version_below_the_floor_would_be_noticed() -> None:
    assert numbers("0.0.26") < numbers(SAFE_FROM["python-multipart"]) <= numbers("0.0.27")
    assert numbers("3.51.2.0") < numbers(SAFE_FROM["apsw"]) <= numbers("3.51.3.0")


@pytest.mark.parametrize("extras", [False, True])
def test_every_licence_is_one_that_we_take(extras: bool) -> None:
    names = closure(locked(), extras=extras)
    assert {"starlette", "click", "h11"} <= names
    refused = REFUSED if extras else REFUSED_IN_CORE
    assert {name: licence(name) for name in names if refused.search(licence(name))} == {}


def test_every_dependency_has_a_floor_and_a_cap() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"]]
    wanted += [one for some in project["project"].get("optional-dependencies", {}).values() for one in some]
    wanted += project["dependency-groups"]["dev"]
    assert [one for one in wanted if not re.search(r">=[\w.]+,<[\w.]+", one)] == []
