# SPDX-License-Identifier: MIT
"""Which users are let in, and what each world permits: /etc/fuse.conf, subordinate ids, namespaces in namespaces."""
import errno
import json
import os
import shutil
import stat
import subprocess

from harness import contains, equal, holds, read, refused, syscalls, systems, write
from harness.credentials import as_user
from harness.trees import File
from harness.worlds import NOBODY, hand_over, in_user_namespace, ordinary_account, ordinary_fuse_device

SYSTEMS = ("overpass",)
WORLDS = ("root",)
ELSEWHERE = "it enters the other worlds itself"
TREE = {"file": "content", "gone": "x", "dir": {"a": "1"}, "of33": File("web", 0o640, (33, 33))}
ACCOUNT, FIRST = 12345, 300_000


def users_stack(t, uid, *options, tree=None):
    ordinary_fuse_device(t)
    stack = t.stack(t.layer(tree or {"file": "content"}), options=options)
    hand_over(t, stack, uid)
    return stack


def fuse_conf(t, text):
    """Gives this private mount namespace another /etc/fuse.conf, or none."""
    etc = t.fresh("etc")
    subprocess.run(["cp", "-a", "/etc/.", etc], check=True)
    if text is None:
        os.unlink(etc + "/fuse.conf")
    else:
        write(etc + "/fuse.conf", text)
    syscalls.mount(etc, "/etc", None, syscalls.MS_BIND)
    t.at_end(lambda: syscalls.umount("/etc", syscalls.MNT_DETACH))


def mount_as(t, uid, stack):
    return as_user(uid, lambda: t.status_text("-o", systems.option_text(stack), stack.mountpoint))


def test_allow_other_of_an_ordinary_user_needs_a_line_of_fuse_conf_and_the_message_says_so(t):
    for text in ("# user_allow_other\n", None):
        stack = users_stack(t, NOBODY, "allow_other")
        fuse_conf(t, text)
        status, _, err = mount_as(t, NOBODY, stack)
        equal(status, 1, f"status with a fuse.conf of {text!r}")
        contains(err, "put user_allow_other into /etc/fuse.conf", "the remedy")
        holds(not os.path.ismount(stack.mountpoint), "nothing is mounted")


def test_with_user_allow_other_a_user_lets_others_in(t):
    stack = users_stack(t, NOBODY, "allow_other", tree={"file": File("content", 0o644), "own": File("secret", 0o600)})
    fuse_conf(t, "user_allow_other\n")
    equal(mount_as(t, NOBODY, stack)[0], 0, "status")
    try:
        equal(as_user(1000, lambda: read(stack.mountpoint + "/file")), b"content", "what another user reads")
        refused(errno.EACCES, as_user, 1000, lambda: read(stack.mountpoint + "/own"))
        refused(errno.EACCES, as_user, 1000, lambda: write(stack.mountpoint + "/new", "x"))
        equal(read(stack.mountpoint + "/file"), b"content", "what root reads")
    finally:
        syscalls.umount(stack.mountpoint)


DETAILS = {"pid", "mountpoint", "layers", "requests", "latencies", "inodes", "open_handles", "backing_ids", "cached_directory_fds",
           "descriptors", "open_fds", "worker_tasks", "rules", "rule_texts"}


def status_for(t, uid, point):
    """The status as a user gets it, and what `overpass status` prints for him."""
    def ask():
        done = t.status_text("status", point)
        equal((done[0], done[2]), (0, ""), f"exit status and messages for user {uid}")
        return json.loads(os.getxattr(point, "overpass.status")), done[1]
    return as_user(uid, ask)


def test_the_status_shows_paths_process_and_counters_only_to_root_and_the_mounting_user(t):
    stack = users_stack(t, NOBODY, "allow_other", f"broker={t.directory}/no-broker")
    fuse_conf(t, "user_allow_other\n")
    equal(mount_as(t, NOBODY, stack)[0], 0, "status")
    try:
        for uid in (0, NOBODY):
            full, text = status_for(t, uid, stack.mountpoint)
            equal(DETAILS - set(full), set(), f"details that user {uid} misses")
            equal(full["complete"], True, f"whether all is shown to user {uid}")
            contains(text, stack.upper, "the summary")
        less, text = status_for(t, 1000, stack.mountpoint)
        equal(set(full) - set(less), DETAILS, "what another user is not shown")
        equal((less["complete"], less["version"], less["copies"]), (False, full["version"], []), "what he is shown")
        contains(text, "complete: false: the rest is shown to root and to the user who mounted it", "the summary")
        for told in (text, json.dumps(less)):
            holds(t.directory not in told, f"no path of the user who mounted is in: {told}")
    finally:
        syscalls.umount(stack.mountpoint)


def test_without_allow_other_a_user_keeps_even_root_out(t):
    stack = users_stack(t, NOBODY)
    equal(mount_as(t, NOBODY, stack)[0], 0, "status")
    try:
        refused(errno.EACCES, os.listdir, stack.mountpoint)
        equal(as_user(NOBODY, lambda: os.listdir(stack.mountpoint)), ["file"], "names for the owner")
    finally:
        syscalls.umount(stack.mountpoint)


def test_a_mountpoint_of_another_user_is_refused_with_the_reason(t):
    stack = users_stack(t, NOBODY)
    os.chown(stack.mountpoint, 0, 0)
    status, _, err = mount_as(t, NOBODY, stack)
    equal(status, 1, "status")
    contains(err, "only on directories with write permission", "the remedy")


INSIDE = """set -eu
overpass=$1 options=$2 point=$3
"$overpass" mount -o "$options" "$point"
cd "$point"
test "$(stat -c %u:%g of33)" = 33:33
chown 34:35 file; chmod 4755 file; rm gone; rm -r dir; mkdir dir; mkfifo pipe
setfattr -n user.a -v b file; setcap cap_net_raw+ep of33
mknod device c 1 3 2> said && exit 11
setfattr -n trusted.a -v b file 2>> said && exit 12
rm said; mv of33 moved
cd /
umount "$point"
"$overpass" mount -o "$options" "$point"
cd "$point"
test "$(stat -c %u:%g:%a file)" = 34:35:4755; test ! -e gone; test -z "$(ls dir)"; test -p pipe
getcap moved | grep -q cap_net_raw
cd /
umount "$point"
"""


def test_a_user_with_subordinate_ids_mounts_what_belongs_to_several(t):
    """newuidmap gives his namespace a range of ids, as for rootless containers."""
    ordinary_account(t, "owner", ACCOUNT, FIRST, 65536)
    stack = users_stack(t, FIRST, tree=TREE)
    for path in (stack.lowers[0] + "/of33",):
        os.chown(path, FIRST + 33, FIRST + 33)
    t.lowers.clear()
    t.watch_lower(stack.lowers[0])
    done = subprocess.run(["unshare", "--user", "--map-users", f"{FIRST},0,65536", "--map-groups", f"{FIRST},0,65536", "--setuid", "0", "--setgid",
                           "0", "--mount", "sh", "-c", INSIDE, "sh", t.settings.overpass, systems.option_text(stack), stack.mountpoint],
                          user=ACCOUNT, group=ACCOUNT, extra_groups=(), capture_output=True, text=True, check=False)
    equal((done.returncode, done.stderr), (0, ""), f"the commands in the namespace: {done.stdout}")
    info = os.lstat(stack.upper + "/file")
    equal((info.st_uid, info.st_gid, stat.S_IMODE(info.st_mode)), (FIRST + 34, FIRST + 35, 0o4755), "owner and mode outside")
    gone = os.lstat(stack.upper + "/gone")
    equal((stat.S_ISCHR(gone.st_mode), gone.st_rdev), (True, 0), "a whiteout that the kernel reads")
    holds("user.overlay.opaque" in os.listxattr(stack.upper + "/dir"), "a directory made again is opaque")


def test_a_namespace_in_a_namespace_mounts_and_the_kernel_reads_what_it_wrote(t):
    stack = users_stack(t, 100_000, tree={"file": "content", "gone": "x", "dir": {"a": "1"}})
    for path in (stack.lowers[0], stack.upper, stack.work, stack.mountpoint):
        for where, names, files in os.walk(path):
            for name in (".", *names, *files):
                os.chown(os.path.join(where, name), 100_500, 100_500)
    t.lowers.clear()
    t.watch_lower(stack.lowers[0])

    def inner():
        m = systems.mount_overpass(t.settings, stack, t.directory + "/log")
        write(m / "file", "+", "ab"), os.unlink(m / "gone"), shutil.rmtree(m / "dir"), os.mkdir(m / "dir")
        write(m / "made", "x"), os.chown(m / "made", 7, 8)
        owner = os.stat(m / "made")
        m.umount()
        return owner.st_uid, owner.st_gid
    owner = in_user_namespace(lambda: in_user_namespace(inner, 500, 100), 100_000, 65536)
    equal(owner, (7, 8), "owner in the inner namespace")
    outside = os.stat(stack.upper + "/made")
    equal((outside.st_uid, outside.st_gid), (100_507, 100_508), "owner outside of both")
    kernel = systems.mount_kernel(t.settings, stack, t.fresh("kernel"), ["userxattr"])
    try:
        equal((sorted(os.listdir(kernel.path)), os.listdir(kernel / "dir")), (["dir", "file", "made"], []), "names that the kernel shows")
        equal(read(kernel / "file"), b"content+", "content")
    finally:
        kernel.umount()
