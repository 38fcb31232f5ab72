# SPDX-License-Identifier: MIT
"""A cached name is served by the daemon: a reader of the lower sees what is written after its copy-up."""
import os

from harness import equal, read, write

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")


def test_old_reader_sees_later_writes(t):
    m = t.mount(t.layer({"db": {"data": "old", "other": "old"}}), options=("rule=cached:/db/data",))
    with open(m / "db/data", "rb") as reader:
        equal(reader.read(), b"old", "before")
        write(m / "db/data", "new")
        reader.seek(0)
        equal(reader.read(), b"new", "afterwards")


def test_reads_come_to_the_daemon(t):
    m = t.mount(t.layer({"data": "old"}), options=("rule=cached:data",))
    with m.requests() as counted:
        equal(read(m / "data"), b"old", "content")
    equal(counted.counts.get("READ", 0) > 0, True, "whether there was a READ")
