# SPDX-License-Identifier: MIT
"""Measures how fast this machine is now, so that time limits fit slow machines and busy ones.

A fixed piece of work, such as the suites are made of (processes started, bytes hashed, small files made), is timed. Where it
takes longer than on the machine that the limits were made for, everything else will, too.
"""
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time

# Seconds of work() on 2 CPUs, Linux 6.18: the least of 127 runs, most of them beside other programs
# (`python3 tests/harness/pace.py --reference` measures it).
REFERENCE = 0.32

MOST = 50.0         # a hang must be reported some day


def work():
    """About a quarter of a second."""
    for _ in range(60):
        subprocess.run(["true"], check=True)
    data = b"x" * (1 << 20)
    for _ in range(100):
        hashlib.sha256(data).digest()
    directory = tempfile.mkdtemp(prefix="overpass-pace.")
    try:
        for number in range(1000):
            with open(f"{directory}/{number}", "w", encoding="ascii") as file:
                file.write("x")
    finally:
        shutil.rmtree(directory)


def timed():
    begin = time.monotonic()
    work()
    return time.monotonic() - begin


def of(seconds):
    """The pace of a machine that needs so long for work()."""
    return min(MOST, max(1.0, seconds / REFERENCE))


def measure():
    """How many times as long as on the reference machine things take; 1 on a faster one."""
    return of(timed())


def main():
    """Prints it, for scripts; with --reference the least and the most time of 40 runs, for the constant above."""
    if "--reference" in sys.argv:
        seconds = [timed() for _ in range(40)]
        print(f"{min(seconds):.3f} to {max(seconds):.3f}")
    else:
        print(f"{measure():.1f}")


if __name__ == "__main__":
    main()
