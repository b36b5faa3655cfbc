"""The stores that the contract is held against, and an empty folder for each test."""

from pathlib import Path
from typing import Any

import pytest

from store.adapters import ADAPTERS


@pytest.fixture(params=list(ADAPTERS))
def adapter(request: pytest.FixtureRequest) -> Any:
    return ADAPTERS[request.param]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(params=list(ADAPTERS))
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder that is for one of the stores: `adapter_of` tells which."""
    return tmp_path / str(request.param)
