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


def laid_over(t, place, files):
    """Has a directory of the machine show these files alone, to this test."""
    made = t.fresh("over")
    for name, text in files.items():
        t.by_root(os.makedirs, os.path.dirname(f"{made}/{name}"), exist_ok=True)
        t.by_root(write, f"{made}/{name}", text)
    t.by_root(syscalls.mount, made, place, None, syscalls.MS_BIND)
    t.at_end(lambda: t.by_root(syscalls.umount, place, syscalls.MNT_DETACH))


RULE = "  mount fstype=@{fuse_types} options=(nosuid,nodev) options in (ro,rw) -> %s,\n"


def test_a_place_that_apparmor_refuses_to_fusermount3(t):
    """No kernel with AppArmor is needed: fusermount3's answer and what says that AppArmor is on are made for the test."""
    helper = t.fresh("bin") + "/fusermount3"
    write(helper, "#!/bin/sh\necho 'fusermount3: mount failed: Permission denied' >&2\nexit 1\n")
    os.chmod(helper, 0o755)
    environment = dict(os.environ, PATH=os.path.dirname(helper) + ":" + os.environ["PATH"])

    def message():
        status, out, err = t.status_text("mount", "--lower", t.layer(), t.fresh("mnt"), env=environment)
        equal((status, out, len(err.splitlines())), (1, "", 1), f"status, output, lines of: {err!r}")
        return err

    holds("AppArmor" not in message(), "without AppArmor it is not blamed")
    laid_over(t, "/sys/module", {"apparmor/parameters/enabled": "Y\n"})
    laid_over(t, "/etc/apparmor.d", {})
    contains(message(), "(AppArmor is in use and may have refused it: see the kernel's log", "message without a profile")
    profile = "profile fusermount3 /usr/bin/fusermount3 {\n" + RULE % "@{HOME}/**/" + RULE % "/mnt/{,**/}" + "}\n"
    laid_over(t, "/etc/apparmor.d", {"fusermount3": profile, "local/fusermount3": RULE % "/srv/**/"})
    contains(message(), "mount failed: Permission denied (AppArmor's profile of fusermount3 allows mounts below these alone: "
                        "$HOME, /mnt, /srv; mount there, or add a rule", "message with a profile")
    laid_over(t, "/etc/apparmor.d", {"fusermount3": "\n" + profile.replace(" {", " flags=(complain) {", 1)})
    contains(message(), "may have refused it", "message with a profile that only complains")
