# SPDX-License-Identifier: MIT
"""A lower on a file server: it changes while it is copied, it is late, and it answers ESTALE."""
import errno
import os

from harness import contains, equal, holds, read, refused
from harness.changing_server import ChangingServer, state
from harness.patience import wait_for

SYSTEMS = ("overpass",)
WORLDS = ("root", "user")
ELSEWHERE = "fusermount3 mounts for the machine's users"


class Scene:
    def __init__(self, t, *options):
        self.server = ChangingServer(t.fresh("server"))
        t.at_end(self.server.umount)
        t.let_lower_change(self.server.mountpoint, "the server changes it")
        self.m = t.mount(self.server.mountpoint, options=("passthrough=off", *options))
        self.path = self.m / "file"

    def is_in_upper(self):
        return os.path.exists(self.m.upper + "/file")

    def log(self):
        return [line for line in self.m.daemon.text().splitlines() if "in the lower" in line]


def test_a_copy_is_one_state_of_a_file_that_changes_between_two_reads(t):
    for tears in (1, 2, 7):
        for late_ms in (0, 20):
            s = Scene(t)
            s.server.tears, s.server.late_ms = tears, late_ms
            os.close(os.open(s.path, os.O_RDWR))
            copy = read(s.m.upper + "/file")
            holds(copy in [state(number) for number in range(tears + 1)], f"the copy is one state, after {tears} changes")
            equal(read(s.path) == copy, True, "the union shows the copy")


def test_a_file_that_changes_with_each_read_is_busy(t):
    for value in ("warn", "follow"):
        s = Scene(t, f"lower_changes={value}")
        s.server.tears = 1_000_000
        refused(errno.EBUSY, os.open, s.path, os.O_RDWR)
        equal(s.is_in_upper(), False, "there is a copy")
        contains("\n".join(s.log()), "'/file': it is written in the lower while it is copied up", "the log")
        s.server.tears = 0
        os.close(os.open(s.path, os.O_RDWR))
        equal(read(s.m.upper + "/file") == state(s.server.number), True, "the copy is the last state")


def test_estale_of_the_server_is_passed_on_and_nothing_is_copied(t):
    for value in ("warn", "refuse", "follow"):
        s = Scene(t, f"lower_changes={value}")
        equal(os.stat(s.path).st_size, len(state(0)), "the size at first")
        s.server.stale = 1_000_000
        refused(errno.ESTALE, os.open, s.path, os.O_RDWR)
        equal(s.is_in_upper(), False, "there is a copy")
        s.server.stale = 0
        if value == "refuse":
            equal(t.status_text("refresh", s.m.path), (0, "", ""), "overpass refresh")
        os.close(os.open(s.path, os.O_RDWR))
        equal(read(s.m.upper + "/file") == state(0), True, "the copy, when the server answers again")


def test_a_new_revision_is_followed(t):
    s = Scene(t, "lower_changes=follow")
    for number in (0, 1, 2):
        s.server.number = number
        equal(read(s.path) == state(number), True, f"the content of revision {number}")
        wait_for(t, lambda: os.stat(s.path).st_mtime == 1_700_000_000 + number, f"the time of revision {number}")
    equal(s.log(), [], "lines of the log")


def test_a_new_revision_is_refused_until_a_refresh(t):
    s = Scene(t, "lower_changes=refuse")
    equal(read(s.path) == state(0), True, "the content at first")
    s.server.number = 1
    refused(errno.ESTALE, os.open, s.path, os.O_RDONLY)
    refused(errno.ESTALE, os.open, s.path, os.O_RDWR)
    equal(t.status_text("refresh", s.m.path), (0, "", ""), "overpass refresh")
    equal(read(s.path) == state(1), True, "the content after a refresh")


def test_a_new_revision_is_told_of(t):
    s = Scene(t, "lower_changes=warn")
    equal(read(s.path) == state(0), True, "the content at first")
    s.server.number = 1
    equal(read(s.path) == state(1), True, "the content that is there")
    [line] = s.log()
    contains(line, "'/file': it was written in the lower", "the log")
