# SPDX-License-Identifier: MIT
"""fio writes blocks that carry their own checksums and reads them back, by every engine, direct and buffered.

One file begins in the lower layer, one nowhere. What was written is verified once more after a
remount, by plain buffered reads, so that nothing lived in a cache only.
"""
import os
import subprocess

from harness import features, only
from harness.checks import Failure, equal

PATIENCE = 400
SIZE = 8 << 20
WAYS = (("psync", 0), ("psync", 1), ("libaio", 0), ("libaio", 1), ("io_uring", 0), ("io_uring", 1), ("mmap", 0))
JOB = """[global]
rw=randwrite
size={size}
bsrange=4k-64k
randseed=7
ioengine={engine}
direct={direct}
iodepth={depth}
verify=crc32c
verify_fatal=1
verify_only={verify_only}
do_verify=1
verify_backlog=64
fallocate=none
end_fsync=1
invalidate=0
[lower]
filename=lower-{name}
[new]
filename=new-{name}
"""


def test_fio_reads_what_it_wrote(t):
    verify(t)


@only("overpass")
def test_fio_reads_what_it_wrote_through_the_daemon(t):
    verify(t, "passthrough=off")


@only("overpass")
def test_fio_reads_what_it_wrote_without_a_writeback_cache(t):
    verify(t, "passthrough=off", "writeback=off")


def verify(t, *options):
    ways = [way for way in WAYS if way[0] != "io_uring" or features.has("io_uring")]
    old = os.urandom(SIZE)
    m = t.mount(t.layer({f"lower-{name_of(way)}": old for way in ways}), options=options)
    for way in ways:
        fio(t, m, way, way)
    m = t.remount(m)
    for way in ways:
        fio(t, m, ("psync", 0), way, verify_only=1)
        for kind in ("lower", "new"):
            equal(os.stat(m / f"{kind}-{name_of(way)}").st_size, SIZE, f"size of {kind} written by {name_of(way)}")


def name_of(way):
    engine, direct = way
    return engine + ("-direct" if direct else "")


def fio(t, m, way, written_by, verify_only=0):
    engine, direct = way
    t.progress(f"fio with {name_of(way)} on {name_of(written_by)}")
    text = JOB.format(size=SIZE, engine=engine, direct=direct, name=name_of(written_by), verify_only=verify_only,
                      depth=1 if engine in ("psync", "mmap") else 16)
    path = os.path.join(t.directory, "job.fio")
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    done = subprocess.run(["fio", f"--directory={m.path}", path], capture_output=True, text=True, cwd=t.directory,
                          timeout=t.settings.seconds(120), check=False)
    if done.returncode != 0 or "err= 0" not in done.stdout:
        raise Failure(f"fio ended with {done.returncode}:\n{done.stderr[-2000:]}\n{done.stdout[-2000:]}\n{text}")
