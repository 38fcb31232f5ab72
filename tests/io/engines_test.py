# SPDX-License-Identifier: MIT
"""fio through its asynchronous engines, direct and buffered, at depths of 1 to 64, with checksums in every block.

All jobs of a mode run at the same time, each on a file of its own, every other one a lower's. What they wrote is
verified by fio itself, and again in the upper layer after the unmount. tests/e2e has larger files, and psync and mmap.
"""
import itertools
import os
import subprocess

from harness import features
from harness.checks import Failure, equal
from modes import in_each_mode

SIZE, DEPTHS = 512 << 10, (1, 2, 8, 64)
HEAD = """[global]
rw=randwrite
size={size}
bsrange=4k-32k
randseed=11
verify=crc32c
verify_fatal=1
verify_only={verify_only}
do_verify=1
verify_backlog=16
fallocate=none
end_fsync=1
invalidate=0
thread=0
group_reporting=1
"""
JOB = """[{name}]
filename={name}
ioengine={engine}
direct={direct}
iodepth={depth}
"""


def ways():
    engines = ("libaio", "io_uring") if features.has("io_uring") else ("libaio",)
    return list(itertools.product(engines, (0, 1), DEPTHS))


def name_of(engine, direct, depth):
    return f"{engine}-{'direct' if direct else 'buffered'}-{depth}"


def fio(t, directory, jobs, verify_only=0):
    path = os.path.join(t.directory, "jobs.fio")
    with open(path, "w", encoding="ascii") as file:
        file.write(HEAD.format(size=SIZE, verify_only=verify_only) + "".join(jobs))
    done = subprocess.run(["fio", f"--directory={directory}", path], capture_output=True, text=True, cwd=t.directory,
                          timeout=t.settings.seconds(120), check=False)
    if done.returncode != 0 or "err= 0" not in done.stdout:
        raise Failure(f"fio ended with {done.returncode}:\n{done.stderr[-2000:]}\n{done.stdout[-2000:]}")


def blocks_written_at_any_depth_are_those_read(t, mode):
    chosen = ways()
    names = [name_of(*way) for way in chosen]
    m = mode.mount(t, t.layer({name: os.urandom(SIZE) for name in names[::2]}))
    fio(t, m.path, [JOB.format(name=name, engine=engine, direct=direct, depth=depth)
                    for name, (engine, direct, depth) in zip(names, chosen, strict=True)])
    m.umount()
    equal(sorted(os.listdir(m.upper)), sorted(names), "files in the upper")
    fio(t, m.upper, [JOB.format(name=name, engine="psync", direct=0, depth=1) for name in names], verify_only=1)


TABLE = in_each_mode(blocks_written_at_any_depth_are_those_read)
