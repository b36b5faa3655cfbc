"""What the figures were measured on, and how this machine counts CPU and memory."""

import os
import platform
import resource
import shutil
import subprocess
import time
from importlib.metadata import version
from pathlib import Path


def cores() -> tuple[int, int]:
    """The core of the server under test and the core of everything that loads it.

    They are the same one where only one core may be used; rows about rates then mean little.
    """
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[-1], allowed[0]


def open_file_limit() -> int:
    """Raise the soft limit of open files to the hard one and return it; servers and loads inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def process_cpu_ns(pid: int) -> int:
    """User and system time of a whole process, ended threads included, in nanoseconds.

    Read from the process's own CPU clock, whose id Linux makes from the pid (clock_getcpuclockid(3)):
    /proc/PID/stat counts in ticks of 10 ms, which is more than a thousand deliveries take.
    """
    return time.clock_gettime_ns(((~pid) << 3) | 2)


def idle_within(pid: int, seconds: float) -> bool:
    """Wait until a process has used less than a tenth of a core for three seconds running; whether it came to that."""
    ends, idle = time.monotonic() + seconds, 0
    while idle < 3:
        if time.monotonic() > ends:
            return False
        before = process_cpu_ns(pid)
        time.sleep(1.0)
        idle = idle + 1 if process_cpu_ns(pid) - before < 1e8 else 0
    return True


def memory_kib(pid: int) -> tuple[int, int]:
    """Resident and proportional set size (RSS, PSS) of a process in KiB; no kernel socket buffers."""
    sizes = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, size = line.split()[:2]
        sizes[name.rstrip(":")] = int(size)
    return sizes["Rss"], sizes["Pss"]


def busy_share(seconds: float = 1.0) -> float:
    """How much of all cores is in use, 0 to 1, looked at for `seconds` while nothing is measured."""
    before = _busy_and_all_ticks()
    time.sleep(seconds)
    after = _busy_and_all_ticks()
    return (after[0] - before[0]) / max(1, after[1] - before[1])


class Others:
    """How much of all cores was used by processes that are not this benchmark's, from `__init__` to `share`.

    Everything it started must have ended by then: only ended children are counted as its own.
    """

    def __init__(self) -> None:
        self._busy, self._all = _busy_and_all_ticks()
        self._own = _own_seconds()

    def share(self) -> float:
        """0 to 1; what the kernel does by itself for the disk and the network counts as others'."""
        busy, everything = _busy_and_all_ticks()
        own = (_own_seconds() - self._own) * os.sysconf("SC_CLK_TCK")
        return max(0.0, (busy - self._busy - own) / max(1, everything - self._all))


def _own_seconds() -> float:
    mine, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + ended.ru_utime + ended.ru_stime


def _busy_and_all_ticks() -> tuple[int, int]:
    ticks = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    everything = sum(ticks[:8])
    return everything - ticks[3] - ticks[4], everything


def description(server_core: int, load_core: int) -> dict[str, object]:
    """What somebody needs to compare these figures with theirs."""
    import apsw

    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "server_core": server_core,
        "load_core": load_core,
        "memory_kib": int(Path("/proc/meminfo").read_text().split()[1]),
        "kernel": platform.release(),
        "system": platform.system(),
        "tcp_congestion_control": Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip(),
        "python": platform.python_version(),
        "python_build": " ".join([*platform.python_build(), platform.python_compiler()]),
        "versions": {name: version(name) for name in ("tocsin", "starlette", "uvicorn", "uvloop", "httptools", "apsw")},
        "sqlite": apsw.sqlite_lib_version(),
        "tools": {name: _says([name, *question]) for name, *question in _TOOLS},
        "busy_before": round(busy_share(), 3),
    }


_TOOLS = (("gcc", "--version"), ("go", "version"), ("node", "--version"), ("redis-server", "--version"))


def _says(command: list[str]) -> str:
    """The first line that a command prints; empty where it is not there."""
    if shutil.which(command[0]) is None:
        return ""
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return said.partition("\n")[0]


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()
