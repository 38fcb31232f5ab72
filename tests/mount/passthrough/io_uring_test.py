# SPDX-License-Identifier: MIT
"""Programs that use io_uring on files of the union."""
import mmap
import os

from harness import equal, io_uring, read

WORLDS = ("root", "userns", "user")

DATA = bytes(range(256)) * 256


def test_io_uring_reads_writes_and_syncs_lower_upper_and_new_files(t):
    m = t.mount(t.layer({"lower": DATA, "upper": DATA}))
    os.chmod(m / "upper", 0o600)
    for name, flags in (("lower", 0), ("upper", os.O_DIRECT), ("new", os.O_CREAT)):
        ring, buffer = io_uring.Ring(), mmap.mmap(-1, 8192)
        fd = os.open(m / name, os.O_RDWR | flags)
        buffer[:] = b"u" * 8192
        equal(ring.run(io_uring.OP_WRITE, fd, buffer, 4096, 4096), 4096, f"bytes written to {name}")
        equal(ring.run(io_uring.OP_FSYNC, fd), 0, f"fsync of {name}")
        equal(ring.run(io_uring.OP_READ, fd, buffer, 8192, 0), 8192, f"bytes read of {name}")
        start = bytes(4096) if name == "new" else DATA[:4096]
        equal(buffer[:] == start + b"u" * 4096, True, f"the bytes read of {name} are right")
        os.close(fd)
        ring.close()
        equal(read(os.path.join(m.upper, name))[4096:8192], b"u" * 4096, f"content of {name} in the upper layer")
