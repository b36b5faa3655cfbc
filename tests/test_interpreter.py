"""A server's memory: one heap of the C library for all its threads."""

import platform
import subprocess
import sys

import pytest

COUNT_HEAPS = """
import ctypes, os, sys, threading
if sys.argv[1] == "set":
    from tocsin.interpreter import set_for_a_server
    set_for_a_server()
libc, barrier = ctypes.CDLL(None), threading.Barrier(4)
libc.malloc.restype = ctypes.c_void_p
def use():
    barrier.wait()
    libc.malloc(4096)
    barrier.wait()
threads = [threading.Thread(target=use) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc.fopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fopen(b"/dev/stdout", b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


def heaps(how: str) -> int:
    ran = subprocess.run(
        [sys.executable, "-c", COUNT_HEAPS, how], capture_output=True, text=True, timeout=60, check=True
    )
    return ran.stdout.count("<heap nr=")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have one heap, or cannot be told")
def test_threads_of_a_server_share_one_heap() -> None:
    assert heaps("set") == 1
    assert heaps("unset") > 1
