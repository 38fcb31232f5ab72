# SPDX-License-Identifier: MIT
"""Mounting in every spelling, ending in every way, and finding everything again afterwards."""
import os
import signal
import subprocess
import time

from harness import equal, holds, isolation, only, only_in, read, refused, syscalls, systems, write

WORLDS = ("root", "userns", "user")
LOWER = {"file": "content", "dir": {"a": "1"}}


def mounted(path):
    return os.path.realpath(path) in isolation.mount_points()


def in_background(t, arguments, point):
    """Runs a mount command that goes to the background; the mount is used and unmounted by the test."""
    status, out, err = t.status_text(*arguments)
    equal((status, err), (0, ""), f"overpass {' '.join(map(str, arguments))}: {out}")
    holds(mounted(point), "the mount is there when the command returns")
    pid = systems.status_of(t.settings, point)["pid"]
    t.at_end(lambda: _end(t, pid, point))
    return pid


def _end(t, pid, point):
    """For a test that failed half way: no daemon may stay (its pid is of the private namespace)."""
    if mounted(point):
        syscalls.umount(point, syscalls.MNT_DETACH)
    wait_gone(t, pid)


def wait_gone(t, pid):
    import select
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    gone = bool(select.select([fd], [], [], t.settings.seconds(20))[0])
    os.close(fd)
    return gone


@only("overpass")
def test_mount_returns_when_usable_and_umount_ends_the_daemon(t):
    low, upper, point = t.layer(LOWER), t.layer(), t.fresh("mnt")
    t.watch_lower(low)
    pid = in_background(t, ["mount", "--lower", low, "--upper", upper, "--work", t.fresh("work"), point], point)
    equal(read(point + "/file"), b"content", "content")
    write(point + "/new", "x")
    equal(t.status_text("umount", point), (0, "", ""), "overpass umount")
    holds(not mounted(point), "the mount is gone")
    holds(wait_gone(t, pid), "the daemon has ended")
    equal(read(upper + "/new"), b"x", "the upper layer")


@only("overpass")
def test_the_spelling_of_fuse_overlayfs_works(t):
    low, upper, point = t.layer(LOWER), t.layer(), t.fresh("mnt")
    t.watch_lower(low)
    options = f"lowerdir={low},upperdir={upper},workdir={t.fresh('work')}"
    in_background(t, ["-o", options, point], point)
    equal(read(point + "/file"), b"content", "content")
    equal(t.status_text("umount", point)[0], 0, "overpass umount")


@only("overpass")
def test_the_spelling_of_mount_fuse_works_with_generic_options(t):
    low, upper, point = t.layer(LOWER), t.layer(), t.fresh("mnt")
    t.watch_lower(low)
    options = f"rw,noauto,nofail,user,_netdev,x-systemd.automount,lowerdir={low},upperdir={upper},workdir={t.fresh('work')}"
    in_background(t, ["overpass", point, "-o", options], point)
    equal(sorted(os.listdir(point)), ["dir", "file"], "names")
    equal(t.status_text("umount", point)[0], 0, "overpass umount")


@only("overpass")
def test_a_plain_umount_ends_it_as_well(t):
    low, point = t.layer(LOWER), t.fresh("mnt")
    t.watch_lower(low)
    pid = in_background(t, ["mount", "--lower", low, point], point)
    subprocess.run(["umount", point], check=True)
    holds(wait_gone(t, pid), "the daemon has ended")


@only("overpass")
def test_termination_and_interrupt_unmount_cleanly_with_status_zero(t):
    for number in (signal.SIGTERM, signal.SIGINT):
        m = t.mount(t.layer(LOWER))
        write(m / "new", "x" * 100_000)
        write(m / "file", "+", "ab")
        m.daemon.signal(number)
        m.daemon.end()
        m.alive = False
        holds(not mounted(m.path), f"the mount is gone after signal {number}")
        equal((len(read(m.upper + "/new")), read(m.upper + "/file")), (100_000, b"content+"), "the upper layer")


@only("overpass")
def test_termination_while_files_are_open_ends_cleanly(t):
    m = t.mount(t.layer(LOWER))
    file = open(m / "file", "r+b", buffering=0)
    file.write(b"CON")
    m.daemon.signal(signal.SIGTERM)
    m.daemon.end()
    m.alive = False
    equal(read(m.upper + "/file"), b"CONtent", "the upper layer")
    try:
        file.close()
    except OSError:
        pass


@only("overpass")
def test_termination_while_requests_are_under_way_ends_cleanly(t):
    tree = {f"f{number}": os.urandom(300_000) for number in range(60)}
    for _ in range(6):
        m = t.mount(t.layer(tree))
        users = [os.fork() for _ in range(3)]
        if 0 in users:
            append_to_all(m.path, tree)
        while not os.listdir(m.upper):      # until the first of many copies
            time.sleep(0.001)
        m.daemon.signal(signal.SIGTERM)
        m.daemon.end()                      # claims status 0 and silence
        m.alive = False
        for pid in users:
            os.waitpid(pid, 0)
        holds(not mounted(m.path), "the mount is gone")
        for name in os.listdir(m.upper):
            content = read(f"{m.upper}/{name}")
            holds(content.startswith(tree[name]), f"the copy of {name} is whole ({len(content)} bytes)")


def append_to_all(directory, names):
    """In a child: appends to each file until the mount is gone."""
    try:
        for name in names:
            write(f"{directory}/{name}", "+", "ab")
    except OSError:
        pass
    os._exit(0)


@only("overpass")
def test_after_a_crash_a_new_mount_finds_everything(t):
    m = t.mount(t.layer(LOWER))
    write(m / "new", "x"), os.unlink(m / "file"), os.rename(m / "dir/a", m / "dir/b")
    before = t.dump(m.path)
    m.daemon.kill()
    refused((107, 103), os.stat, m / "new")
    m.give_up()
    again = t.mount_stack(m.stack)
    equal(t.dump(again.path), before, "dump of the new mount")


def test_without_an_upper_the_union_is_read_only(t):
    m = t.mount(t.layer(LOWER), t.layer({"file": "below", "low": "x"}), upper=None)
    equal((read(m / "file"), sorted(os.listdir(m.path))), (b"content", ["dir", "file", "low"]), "the union")
    for change in (lambda: write(m / "new", "x"), lambda: write(m / "file", "x", "r+b"), lambda: os.chmod(m / "file", 0o600),
                   lambda: os.unlink(m / "file"), lambda: os.mkdir(m / "d2"), lambda: os.rename(m / "file", m / "x"),
                   lambda: os.setxattr(m / "file", "user.a", b"b"), lambda: os.utime(m / "file"),
                   lambda: os.truncate(m / "file", 0), lambda: os.symlink("a", m / "l"), lambda: os.link(m / "file", m / "l")):
        refused(30, change)


@only("overpass")
def test_option_ro_refuses_changes_despite_an_upper(t):
    m = t.mount(t.layer(LOWER), options=("ro",))
    refused(30, write, m / "new", "x")
    equal(os.listdir(m.upper), [], "the upper layer")


@only("overpass")
def test_a_hundred_and_five_hundred_lowers_mount(t):
    for count in (100, 500):
        layers = [t.layer({f"f{number}": str(number), "common": str(number), "d": {f"x{number}": ""}}) for number in range(count)]
        m = t.mount(*layers)
        equal(read(m / "common"), b"0", "the topmost layer wins")
        equal(read(f"{m.path}/f{count - 1}"), str(count - 1).encode(), "a name of the lowest layer")
        equal(len(os.listdir(m / "d")), count, "names of a directory merged of all")
        refused(2, os.stat, m / "absent")
        write(m / f"f{count - 1}", "+", "ab")
        m.umount()


@only("overpass")
def test_paths_with_colons_commas_spaces_and_backslashes_work(t):
    base = t.fresh("odd")
    paths = {}
    for name in ("lo:w er", "up,per", "wo\\rk", "mnt:,x"):
        paths[name] = os.path.join(base, name)
        os.mkdir(paths[name])
    write(paths["lo:w er"] + "/file", "content")
    stack = systems.Stack([paths["lo:w er"]], paths["up,per"], paths["wo\\rk"], (), paths["mnt:,x"])
    m = t.mount_stack(stack)
    equal(read(m / "file"), b"content", "content")
    write(m / "file", "+", "ab")
    equal(read(paths["up,per"] + "/file"), b"content+", "the upper layer")


def test_layers_may_be_overmounted_by_the_mountpoint(t):
    low = t.layer(LOWER)
    m = t.mount(low, mountpoint=low)
    equal(sorted(os.listdir(low)), ["dir", "file"], "names")
    write(low + "/file", "changed")
    equal(read(low + "/file"), b"changed", "content through the mount")
    equal(read(m.upper + "/file"), b"changed", "the upper layer")
    m.umount()
    equal(read(low + "/file"), b"content", "the lower layer below")


@only_in("root", "userns", why="without the right to clone mounts it is refused")
def test_a_mountpoint_inside_a_lower_works(t):
    low = t.layer(LOWER | {"here": {}})
    m = t.mount(low, mountpoint=low + "/here")
    equal(sorted(os.listdir(m.path)), ["dir", "file", "here"], "names")
    equal(os.listdir(m / "here"), [], "the mountpoint's own directory seen inside")


@only("overpass")
def test_status_says_what_is_mounted(t):
    m = t.mount(t.layer(LOWER))
    with open(m / "file", "rb"):        # so that no drop of caches takes it from the daemon
        status = m.status()
    equal((status["pid"], status["mountpoint"]), (m.pid, m.path), "pid and mountpoint")
    holds(status["transport"] in ("io_uring", "/dev/fuse"), f"a transport: {status['transport']}")
    holds(status["threads"] >= 1 and status["inodes"] >= 2 and status["open_fds"] > 0, "counts are there")
    holds(isinstance(status["passthrough"]["active"], bool), "passthrough is told")
    equal(t.status_text("status", m.path)[0], 0, "status without --json")


@only_in("root", "userns", why="it gives a directory to another user")
def test_the_root_directory_has_the_upper_layers_attributes(t):
    upper = t.layer()
    os.chmod(upper, 0o2751), os.chown(upper, 5, 6), os.setxattr(upper, "user.a", b"b")
    m = t.mount(t.layer(LOWER), upper=upper)
    info = os.stat(m.path)
    equal((info.st_mode & 0o7777, info.st_uid, info.st_gid), (0o2751, 5, 6), "attributes of the root")
    equal(os.getxattr(m.path, "user.a"), b"b", "xattr of the root")
    os.chmod(m.path, 0o700)
    equal(os.stat(upper).st_mode & 0o7777, 0o700, "mode of the upper directory after a chmod of the root")
