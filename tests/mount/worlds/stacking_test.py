# SPDX-License-Identifier: MIT
"""Other mounts above, below and beside: bind mounts over names, overlayfs on top, containers' habits."""
import os

from harness import equal, features, holds, only, only_in, read, refused, syscalls, systems, write

WORLDS = ("root", "userns", "user")

LOWER = {"file": "content", "resolv.conf": "lower", "dir": {"a": "1"}, "volume": {}}


def unbind(target):
    syscalls.umount(target)


@only_in("root", "userns", why="an ordinary user cannot bind mounts")
def test_a_bind_mount_over_a_name_survives_the_copy_up_of_the_file_below(t):
    m = t.mount(t.layer(LOWER))
    other = t.fresh("other", {"conf": "bound"})
    syscalls.mount(other + "/conf", m / "resolv.conf", None, syscalls.MS_BIND)
    path = os.open(m.path, os.O_PATH)
    equal(read(m / "resolv.conf"), b"bound", "content above")
    for change in (lambda: os.listdir(m.path), lambda: os.chmod(m / "file", 0o600), lambda: write(m / "new", "x"),
                   lambda: os.rename(m / "new", m / "newer"), lambda: [os.lstat(m / name) for name in os.listdir(m.path)]):
        change()
        equal(read(m / "resolv.conf"), b"bound", "content above after a change beside it")
    unbind(m / "resolv.conf")
    equal(read(m / "resolv.conf"), b"lower", "content below")
    write(m / "resolv.conf", "+", "ab")
    syscalls.mount(other + "/conf", m / "resolv.conf", None, syscalls.MS_BIND)
    equal((read(m / "resolv.conf"), os.listdir(m.path) != []), (b"bound", True), "bound again")
    unbind(m / "resolv.conf")
    equal(read(m / "resolv.conf"), b"lower+", "content below at the end")
    os.close(path)


@only_in("root", "userns", why="an ordinary user cannot bind mounts")
def test_a_bind_mount_over_a_name_survives_a_write_below_it(t):
    """The file below is copied up by its other view, while it is not open."""
    write_below_a_bind_mount(t, (), reader=False)


@only("overpass")
@only_in("root", "userns", why="an ordinary user cannot bind mounts")
def test_a_bind_mount_over_a_name_survives_a_write_below_it_with_a_reader_and_cached_lower_io(t):
    """With passthrough the first write while a reader lives gives the name a new node, and the kernel then takes the
    bind mount away: the limit that overpass(1) names, and lower_io=cached its remedy."""
    write_below_a_bind_mount(t, ("lower_io=cached",), reader=True)


def write_below_a_bind_mount(t, options, reader):
    m = t.mount(t.layer(LOWER), options=options)
    other, view = t.fresh("other", {"conf": "bound"}), t.fresh("view")
    syscalls.mount(m.path, view, None, syscalls.MS_BIND)
    old = os.open(m / "resolv.conf", os.O_RDONLY) if reader else None
    syscalls.mount(other + "/conf", m / "resolv.conf", None, syscalls.MS_BIND)
    write(view + "/resolv.conf", "+", "ab")
    for _ in range(3):
        for name in os.listdir(m.path):
            os.lstat(m / name)
        equal(read(m / "resolv.conf"), b"bound", "content above")
    equal(read(view + "/resolv.conf"), b"lower+", "content below, by the other view")
    if old is not None:
        os.close(old)
    unbind(m / "resolv.conf")
    unbind(view)
    equal(read(m / "resolv.conf"), b"lower+", "content below")


@only_in("root", "userns", why="an ordinary user cannot bind mounts")
def test_a_bind_mount_of_a_file_follows_what_happens_to_it(t):
    m = t.mount(t.layer(LOWER))
    target = t.fresh("target", {"point": ""}) + "/point"
    syscalls.mount(m / "file", target, None, syscalls.MS_BIND)
    try:
        equal(read(target), b"content", "content at first")
        write(target, "CON", "r+b")
        equal((read(m / "file"), read(target)), (b"CONtent", b"CONtent"), "content after a write by the bind mount")
        write(m / "file", "+", "ab")
        equal(read(target), b"CONtent+", "content after a write by the name")
        os.rename(m / "file", m / "moved")
        equal(read(target), b"CONtent+", "content after a rename")
    finally:
        unbind(target)


@only_in("root", "userns", why="an ordinary user cannot bind mounts")
def test_a_directory_bind_mounted_inside_the_union_stays(t):
    m = t.mount(t.layer(LOWER))
    volume = t.fresh("volume", {"data": "x"})
    syscalls.mount(volume, m / "volume", None, syscalls.MS_BIND)
    os.chmod(m / "dir", 0o700), write(m / "dir/new", "x"), os.listdir(m.path)
    equal(os.listdir(m / "volume"), ["data"], "names of the volume")
    refused((16, 18), os.rename, m / "volume", m / "elsewhere")
    refused(16, os.rmdir, m / "volume")
    unbind(m / "volume")
    equal(os.listdir(m / "volume"), [], "names below")


@only_in("root", "userns", why="an ordinary user cannot bind mounts")
def test_the_union_bind_mounted_elsewhere_is_the_same(t):
    m = t.mount(t.layer(LOWER))
    view = t.fresh("view")
    syscalls.mount(m / "dir", view, None, syscalls.MS_BIND)
    write(view + "/a", "changed"), write(m / "dir/b", "new")
    equal((read(m / "dir/a"), read(view + "/b")), (b"changed", b"new"), "contents")
    unbind(view)


@only_in("root", "userns", why="no other user, not even root, may look into an ordinary user's mount")
def test_kernel_overlayfs_is_mounted_on_top(t):
    features.need("overlayfs")
    m = t.mount(t.layer(LOWER))
    write(m / "made", "by the union")
    upper, work, point = t.fresh("u"), t.fresh("w"), t.fresh("top")
    top = systems.mount_kernel(t.settings, systems.Stack([m.path], upper, work, (), point))
    try:
        equal(read(point + "/file"), b"content", "content of a lower file")
        write(point + "/file", "+", "ab"), write(point + "/made", "+", "ab"), os.unlink(point + "/dir/a")
        equal((read(point + "/file"), read(point + "/made")), (b"content+", b"by the union+"), "contents above")
        equal((read(m / "file"), os.listdir(m / "dir")), (b"content", ["a"]), "contents below")
        equal(sorted(os.listdir(point)), sorted([*LOWER, "made"]), "names")
    finally:
        top.umount()


def test_an_overpass_mount_is_a_lower_of_another(t):
    below = t.mount(t.layer(LOWER))
    write(below / "file", "changed")
    m = t.mount(below.path)
    equal(read(m / "file"), b"changed", "content")
    write(m / "file", "+", "ab"), os.unlink(m / "resolv.conf")
    equal((read(m / "file"), sorted(os.listdir(m.path))), (b"changed+", ["dir", "file", "volume"]), "the union above")
    equal((read(below / "file"), read(below / "resolv.conf")), (b"changed", b"lower"), "the union below")
    m.umount()


@only_in("root", "userns", why="an ordinary user cannot bind mounts")
def test_a_chroot_into_the_union_runs_programs(t):
    import subprocess
    m = t.mount(t.layer({"tmp": {}}))
    for name in ("bin", "lib", "lib64", "usr"):
        if os.path.exists("/" + name):
            os.mkdir(m / name)
            syscalls.mount("/" + name, m / name, None, syscalls.MS_BIND | syscalls.MS_REC)
    done = subprocess.run(["chroot", m.path, "/bin/sh", "-c", "echo hello > /tmp/x && cat /tmp/x"],
                          capture_output=True, check=False)
    for name in ("bin", "lib", "lib64", "usr"):
        if os.path.ismount(m / name):
            syscalls.umount(m / name, syscalls.MNT_DETACH)
    equal((done.returncode, done.stdout), (0, b"hello\n"), "a shell in the chroot")
    holds(os.path.exists(m.upper + "/tmp/x"), "its file is in the upper layer")
