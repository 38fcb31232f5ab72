# SPDX-License-Identifier: MIT
"""How fast this machine is now, so that limits of time fit slow machines and busy ones.

A fixed piece of work, such as the suites are made of (processes started, bytes hashed, small files made), is timed. Where it
takes longer than on the machine that the limits were made for, everything else will, too.
"""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time

# Processor seconds of work() on 2 CPUs, Linux 6.18: the least of 40 runs. Alone on a machine, work() takes hardly longer.
REFERENCE = 0.0

MOST = 50.0         # what hangs is to be told as hanging some day


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


def processor_seconds():
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def measure():
    """How many times as long as on the reference machine things take; 1 on a faster one."""
    begin = time.monotonic()
    work()
    return min(MOST, max(1.0, (time.monotonic() - begin) / REFERENCE))


def main():
    """Prints it, for scripts; with --reference the processor seconds of the work, for the constant above."""
    if "--reference" in sys.argv:
        seconds = []
        for _ in range(40):
            before = processor_seconds()
            work()
            seconds.append(processor_seconds() - before)
        print(f"{min(seconds):.3f} to {max(seconds):.3f}")
        return
    print(f"{measure():.1f}")


if __name__ == "__main__":
    main()
