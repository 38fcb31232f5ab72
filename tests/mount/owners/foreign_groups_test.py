# SPDX-License-Identifier: MIT
"""Lower files of a user who is not in their group: a copy gets a group of his, and gives no user more rights than the file did."""
import errno
import os
import subprocess

from harness import Dir, File, Symlink, contains, equal, holds, read, refused, write
from harness.worlds import NOBODY

WORLDS = ("user",)
ELSEWHERE = "root, and root of a namespace within its ids, give copies any group"
SYSTEMS = ("overpass",)
GROUP = 7


def shown(path):
    info = os.lstat(path)
    return info.st_uid, info.st_gid, oct(info.st_mode & 0o7777)


def foreign(t, tree, modes, owner=NOBODY):
    """A lower in which root has given the files of `modes` to the owner and another group, and then set their modes."""
    lower = t.layer(tree)
    for name, mode in modes.items():
        t.by_root(os.chown, f"{lower}/{name}", owner, GROUP, follow_symlinks=False)
        if mode is not None:
            t.by_root(os.chmod, f"{lower}/{name}", mode)
    return lower


def test_the_owner_writes_and_group_and_others_get_only_common_rights(t):
    for mode, kept in ((0o644, 0o644), (0o640, 0o600), (0o660, 0o600), (0o664, 0o644), (0o666, 0o666), (0o604, 0o600),
                       (0o6755, 0o755), (0o2770, 0o700), (0o775, 0o755)):
        m = t.mount(foreign(t, {"file": "old "}, {"file": mode}))
        equal(shown(m / "file"), (NOBODY, GROUP, oct(mode)), "before the first write")
        write(m / "file", "new", "ab")
        equal(read(m / "file"), b"old new", "content")
        equal(shown(m / "file"), (NOBODY, NOBODY, oct(kept)), f"shown of a file of mode {mode:o}, without a pause for the kernel")
        equal(shown(m.upper + "/file"), (NOBODY, NOBODY, oct(kept)), "the copy on disk")
        m = t.remount(m)
        equal(shown(m / "file"), (NOBODY, NOBODY, oct(kept)), "after a remount")


def test_other_changes_work_as_well(t):
    tree = {"dir": {"file": "a", "other": "b"}, "run": File("x", 0o750), "link": Symlink("run")}
    m = t.mount(foreign(t, tree, {"dir": 0o2775, "dir/file": 0o640, "run": 0o750, "link": None}))
    os.chmod(m / "run", 0o770)
    equal(shown(m / "run"), (NOBODY, NOBODY, "0o770"), "a mode that its owner sets")
    os.rename(m / "link", m / "moved")
    equal((os.readlink(m / "moved"), shown(m / "moved")[:2]), ("run", (NOBODY, NOBODY)), "a symbolic link")
    write(m / "dir/new", "n")
    equal(shown(m / "dir"), (NOBODY, NOBODY, "0o755"), "the directory's copy, without the set-group-ID bit")
    equal(shown(m / "dir/new")[:2], (NOBODY, NOBODY), "a new file in it")
    os.truncate(m / "dir/file", 0), os.utime(m / "dir/other", (1, 1)), os.unlink(m / "dir/other")
    equal(sorted(os.listdir(m / "dir")), ["file", "new"], "names")


def test_the_log_says_it_once_for_a_group_and_names_the_remedy(t):
    m = t.mount(foreign(t, {"a": "1", "b": "2"}, {"a": 0o644, "b": 0o644}))
    write(m / "a", "x"), write(m / "b", "x")
    lines = [line for line in m.daemon.text().splitlines() if f"group {GROUP}" in line]
    equal(len(lines), 1, f"lines of the log: {lines}")
    contains(lines[0], "squash_to_gid", "the line")


def test_squash_to_gid_keeps_showing_the_group(t):
    m = t.mount(foreign(t, {"a": "1"}, {"a": 0o664}), options=(f"squash_to_gid={GROUP}",))
    write(m / "a", "x")
    equal(shown(m / "a"), (NOBODY, GROUP, "0o664"), "owner, group, mode")


def test_a_file_with_an_acl_is_not_copied_and_the_log_says_why(t):
    lower = foreign(t, {"file": "1"}, {"file": 0o664})
    subprocess.run(["setfacl", "-m", "u:1:rw", lower + "/file"], check=True)
    m = t.mount(lower)
    refused(errno.EPERM, open, m / "file", "ab")
    equal(read(m / "file"), b"1", "content")
    contains(m.daemon.text(), "'/file': cannot be copied up: this user may not give a copy to group 7", "the log")
    contains(m.daemon.text(), "squash_to_gid", "the remedy")


def test_files_of_others_are_not_copied_and_the_log_says_why(t):
    m = t.mount(foreign(t, {"d": Dir({"file": "1"})}, {"d/file": 0o666}, owner=8))
    refused(errno.EPERM, open, m / "d/file", "ab")
    contains(m.daemon.text(), "'/d/file': cannot be copied up: this user may not give a copy to owner 8", "the log")
    contains(m.daemon.text(), "squash_to_uid", "the remedy")
    holds(not os.path.exists(m.upper + "/d/file"), "no copy is left")
