# SPDX-License-Identifier: MIT
"""The message when an ordinary user may not mount: the cause, in one line, and the remedy for that cause."""
import os

from harness import contains, equal, holds, isolation, syscalls, write

SYSTEMS = ("overpass",)
WORLDS = ("user",)
ELSEWHERE = "root is refused for other reasons"


def refusal(t, point, *options):
    """The line that the mount command prints."""
    low = t.layer({"file": "content"})
    t.watch_lower(low)
    before = list(isolation.mount_points())
    status, out, err = t.status_text("mount", "--lower", low, *options, point)
    equal((status, out, len(err.splitlines())), (1, "", 1), f"status, output, lines of: {err!r}")
    equal(list(isolation.mount_points()), before, "mount points")
    return err


def with_fuse_conf(t, text):
    conf = t.fresh("conf") + "/fuse.conf"
    write(conf, text)
    t.by_root(os.chown, conf, 0, 0)
    t.by_root(syscalls.mount, conf, "/etc/fuse.conf", None, syscalls.MS_BIND)
    t.at_end(lambda: t.by_root(syscalls.umount, "/etc/fuse.conf", syscalls.MNT_DETACH))


def given_to_root(t, mode):
    point = t.fresh("mnt")
    t.by_root(os.chown, point, 0, 0)
    t.by_root(os.chmod, point, mode)
    return point


def test_allow_other_without_the_administrators_leave(t):
    with_fuse_conf(t, "# user_allow_other\n")
    err = refusal(t, t.fresh("mnt"), "-o", "allow_other")
    contains(err, "option allow_other only allowed if 'user_allow_other' is set in /etc/fuse.conf (put", "message")


def test_more_mounts_than_the_administrator_allows(t):
    with_fuse_conf(t, "mount_max = 1\n")
    t.mount(t.layer({"file": "x"}))
    if os.path.exists("/etc/mtab"):
        contains(refusal(t, t.fresh("mnt")), "raise mount_max in /etc/fuse.conf", "message")
    else:       # in which fusermount3 counts
        equal(os.listdir(t.mount(t.layer({"file": "x"})).path), ["file"], "names in a mount that was not counted")


def test_directories_of_others(t):
    contains(refusal(t, given_to_root(t, 0o755)), "(an ordinary user can mount only on directories with write permission)", "message")
    contains(refusal(t, given_to_root(t, 0o1777)), "not owned by user (the directory is sticky", "message")
    closed = given_to_root(t, 0o700)
    err = refusal(t, closed + "/below")
    contains(err, "Permission denied (every directory above it", "message")


def test_no_other_remedy_is_named_than_that_of_the_cause(t):
    for err in (refusal(t, t.fresh("mnt") + "/absent"), refusal(t, "/proc/self/status")):
        holds("you own" not in err and "write to" not in err, f"the message speaks of its cause alone: {err}")


def test_a_program_without_fusermount3(t):
    status, _, err = t.status_text("mount", "--lower", t.layer(), t.fresh("mnt"), env=dict(os.environ, PATH=t.fresh("bin")))
    equal(status, 1, "status")
    contains(err, "fusermount3 is not installed (install it (package fuse3), or mount as root)", "message")


def test_the_machines_root_as_lower_is_not_refused(t):
    point = t.fresh("mnt")
    equal(t.status_text("mount", "--lower", "/", point), (0, "", ""), "the mount")
    equal(os.listdir(point + os.path.realpath(point)), [], "the mountpoint in the union")
    equal(t.status_text("umount", point)[0], 0, "overpass umount")


def test_a_user_may_mount_over_a_layer_itself(t):
    """As overpass(1) says."""
    low = t.layer({"file": "content"})
    m = t.mount(low, mountpoint=low)
    write(m / "file", "changed")
    m.umount()
    equal(os.listdir(low), ["file"], "names in the lower directory afterwards")
