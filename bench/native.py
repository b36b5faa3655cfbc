"""Compiles the C programs of floor/ and load/ into build/ and runs them on the load's core."""

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE / "build"


class CannotMeasureError(Exception):
    """A round could not be taken; the text says why and becomes the row's verdict."""


def program(name: str) -> Path:
    """The compiled program `name`, built when its source or a header is newer.

    Raises CannotMeasureError without a C compiler.
    """
    source = next(HERE.glob(f"*/{name}.c"))
    binary = BUILD / name
    newest = max(file.stat().st_mtime for file in (source, *HERE.glob("load/*.h")))
    if binary.exists() and binary.stat().st_mtime >= newest:
        return binary
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise CannotMeasureError("gcc not found: the load and the floors are C programs")
    BUILD.mkdir(exist_ok=True)
    unfinished = binary.with_name(f"{name}.{os.getpid()}")
    built = subprocess.run(
        [compiler, "-O2", "-Wall", "-o", str(unfinished), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        raise CannotMeasureError(f"{source.name} does not compile: {built.stderr.strip()[:300]}")
    unfinished.replace(binary)  # whole or not at all: somebody else may be compiling or running it
    return binary


def pin_to(core: int) -> None:
    """Keep this process, and what it starts from here on, on one core."""
    os.sched_setaffinity(0, {core})


def run(name: str, arguments: Sequence[object], timeout_seconds: float, standard_input: str = "") -> dict[str, float]:
    """Run a program to its end and return the JSON object it prints.

    It inherits the benchmark's own core, the load's. Raises CannotMeasureError when it fails.
    """
    command = [str(program(name)), *map(str, arguments)]
    try:
        ended = subprocess.run(
            command,
            input=standard_input,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CannotMeasureError(f"{name} did not end in {timeout_seconds:.0f} s") from None
    if ended.returncode:
        raise CannotMeasureError(f"{name}: {ended.stderr.strip()[:300]}")
    answer: dict[str, float] = json.loads(ended.stdout)
    return answer


def run_pinned(command: Sequence[str], core: int, standard_input: str) -> dict[str, float]:
    """Run a command to its end on one core and return the JSON object it prints. Raises CannotMeasureError."""
    ended = subprocess.run(
        list(command),
        input=standard_input,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    if ended.returncode:
        raise CannotMeasureError(f"{Path(command[1]).name}: {ended.stderr.strip()[-300:]}")
    answer: dict[str, float] = json.loads(ended.stdout)
    return answer


class Companion:
    """A C program that runs beside the measurement and answers in lines of JSON."""

    def __init__(self, name: str, arguments: Sequence[object]) -> None:
        """Start it. Raises CannotMeasureError without a compiler."""
        self.name = name
        command = [str(program(name)), *map(str, arguments)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def __enter__(self) -> "Companion":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._process.stderr.close()

    def pin_to(self, core: int) -> None:
        """Move it to another core than the load's."""
        os.sched_setaffinity(self._process.pid, {core})

    def line(self) -> dict[str, int]:
        """The next line it prints by itself. Raises CannotMeasureError when it has ended instead."""
        text = self._process.stdout.readline()
        if not text:
            raise CannotMeasureError(f"{self.name}: {self._process.stderr.read().strip()[:300]}")
        answer: dict[str, int] = json.loads(text)
        return answer

    def report(self) -> dict[str, int]:
        """Ask for a line and return it."""
        self._process.stdin.write("report\n")
        self._process.stdin.flush()
        return self.line()
