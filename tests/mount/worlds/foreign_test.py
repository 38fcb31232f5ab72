# SPDX-License-Identifier: MIT
"""Lower files of somebody else's, as the machine's root's, in the union of one who is not root: he may hide them, but
not change them, for he could not make a copy that belongs to the same user.
"""
import errno
import os
import shutil

from harness import Dir, equal, read, refused, write

SYSTEMS = ("overpass",)
WORLDS = ("userns", "user")
ELSEWHERE = "nothing is beyond the machine's root"
TREE = {"file": "theirs", "dir": Dir({"in": "1", "sub": {"deep": "2"}}), "secret": Dir({"s": "3"}, 0o700), "mine": "4", "own": {"x": "5"}}
FOREIGN = ("file", "dir", "dir/in", "dir/sub", "dir/sub/deep", "secret", "secret/s")


def mounted(t):
    """In a directory that is the user's; so he may remove names from it."""
    lower = t.layer(TREE)
    for name in FOREIGN:
        t.by_root(os.chown, f"{lower}/{name}", 0, 0)
    return t.mount(lower, options=("redirect_dir=on",))


def refusal(t, plain):
    """Root of a namespace is told that there is no such owner, as by kernel overlayfs; a user what a plain directory says."""
    return errno.EOVERFLOW if t.world == "userns" else plain


def test_files_of_others_are_read_and_not_changed(t):
    m = mounted(t)
    equal((read(m / "file"), sorted(os.listdir(m / "dir")), read(m / "dir/sub/deep")), (b"theirs", ["in", "sub"], b"2"), "content")
    refused(errno.EACCES, os.listdir, m / "secret")
    for plain, call, *arguments in ((errno.EACCES, write, m / "file", "+", "ab"), (errno.EPERM, os.chmod, m / "file", 0o600),
                                    (errno.EPERM, os.utime, m / "file", (1, 1)), (errno.EPERM, os.rename, m / "file", m / "moved"),
                                    (errno.EACCES, write, m / "dir/new", "x"), (errno.EACCES, os.unlink, m / "dir/in"),
                                    (errno.EPERM, os.rename, m / "dir", m / "moved"), (errno.EPERM, os.rename, m / "secret", m / "moved")):
        refused(refusal(t, plain), call, *arguments)
    left = set(os.listdir(m.work + "/work")) - {"whiteout"}       # which all whiteouts are links of
    equal((os.listdir(m.upper), left), ([], set()), "the upper layer, and what is left in the workdir")


def test_he_may_remove_names_of_others_files_and_give_them_again(t):
    m = mounted(t)
    os.unlink(m / "file"), write(m / "file", "mine"), os.chmod(m / "file", 0o600)
    write(m / "mine", "+", "ab"), shutil.rmtree(m / "own")
    refused((errno.EACCES, errno.EPERM, errno.EOVERFLOW), shutil.rmtree, m / "dir")
    m = t.remount(m)
    equal((read(m / "file"), read(m / "mine")), (b"mine", b"4+"), "content")
    equal((sorted(os.listdir(m.path)), read(m / "dir/sub/deep")), (["dir", "file", "mine", "secret"], b"2"), "what is left")
