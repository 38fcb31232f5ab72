# SPDX-License-Identifier: MIT
"""A lower directory that root of a user namespace may not read: mounted, and reading it fails, as on kernel overlayfs."""
import errno
import os

from harness import equal, read, refused, write

WORLDS = ("userns",)
ELSEWHERE = "root reads everything, and an ordinary user's mount is refused before it begins"


def layers(t, mode):
    hidden, shown = t.layer({"dir": {"a": "1"}, "file": "x"}), t.layer({"below": "y"})
    for path in (hidden, hidden + "/dir", hidden + "/file"):
        t.by_root(os.chown, path, 0, 0)      # the overflow id there, so that no capability counts
    t.by_root(os.chmod, hidden, mode)
    t.let_lower_change(hidden, "it cannot be read for its checksum")
    return hidden, shown


def test_an_unreadable_lower_is_mounted_and_names_in_it_are_found(t):
    m = t.mount(*layers(t, 0o711), upper=None, options=() if t.settings.system == "kernel" else ("ro",))
    equal(read(m / "file"), b"x", "a file that may be read")
    equal(read(m / "below"), b"y", "a file of the other lower")
    equal(os.listdir(m / "dir"), ["a"], "a directory that may be read")
    refused(errno.EACCES, os.listdir, m.path)


def test_an_unsearchable_lower_is_mounted_and_every_name_is_refused(t):
    m = t.mount(*layers(t, 0o700), upper=None)
    for call in (lambda: os.listdir(m.path), lambda: read(m / "file"), lambda: os.lstat(m / "below"),
                 lambda: write(m / "new", "x")):
        refused(errno.EACCES, call)
