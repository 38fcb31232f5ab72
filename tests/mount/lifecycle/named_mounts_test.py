# SPDX-License-Identifier: MIT
"""Mounts described in overpass.toml, and mounts by mount(8)."""
import os
import subprocess

from harness import contains, equal, holds, isolation, only_in, read, syscalls, write

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)


def configured(t, text):
    """Environment with this configuration file."""
    home = t.fresh("home")
    os.makedirs(home + "/overpass")
    write(home + "/overpass/overpass.toml", text)
    return dict(os.environ, XDG_CONFIG_HOME=home)


def table(t, name, extra=""):
    low, upper, work, point = t.layer({"file": "content"}), t.layer(), t.fresh("work"), t.fresh("mnt")
    t.watch_lower(low)
    text = f'[mount.{name}]\nlower = "{low}"\nupper = "{upper}"\nwork = "{work}"\nmountpoint = "{point}"\n{extra}'
    return text, point


def test_a_named_mount_is_mounted_and_unmounted(t):
    text, point = table(t, "sandbox", 'lower_io = "cached"\n')
    environment = configured(t, text)
    equal(t.status_text("mount", "sandbox", env=environment), (0, "", ""), "overpass mount sandbox")
    equal(read(point + "/file"), b"content", "content")
    write(point + "/file", "+", "ab")
    equal(t.status_text("umount", point)[0], 0, "overpass umount")


def test_errors_name_line_column_and_the_nearest_key(t):
    text, point = table(t, "sandbox", "treads = 2\n")
    status, _, err = t.status_text("mount", "sandbox", env=configured(t, text))
    holds(status != 0, "the mount is refused")
    for word in ("overpass.toml:6:1", "treads", "threads"):
        contains(err, word, "message")
    holds(point not in isolation.mount_points(), "nothing is mounted")
    status, _, err = t.status_text("mount", "sandbxo", env=configured(t, table(t, "sandbox")[0]))
    holds(status != 0, "an unknown name is refused")
    contains(err, "sandbox", "message")


def in_path(t):
    """The program as `overpass` where mount(8) finds it, in this private namespace only."""
    t.by_root(syscalls.mount, "tmpfs", "/usr/local/bin", "tmpfs")
    t.at_end(lambda: t.by_root(syscalls.umount, "/usr/local/bin", syscalls.MNT_DETACH))
    t.by_root(os.symlink, t.settings.overpass, "/usr/local/bin/overpass")


@only_in("root", "userns", why="mount(8) mounts for root alone what is not in fstab")
def test_mount_of_type_fuse_overpass_works_and_so_does_umount(t):
    in_path(t)
    low, upper, work, point = t.layer({"file": "content"}), t.layer(), t.fresh("work"), t.fresh("mnt")
    t.watch_lower(low)
    options = f"lowerdir={low},upperdir={upper},workdir={work},noauto,nofail,_netdev,x-systemd.automount"
    done = subprocess.run(["mount", "-t", "fuse.overpass", "scratch", point, "-o", options], capture_output=True, check=False)
    equal((done.returncode, done.stderr), (0, b""), "mount")
    try:
        write(point + "/file", "+", "ab")
        equal(read(upper + "/file"), b"content+", "content in the upper layer")
        with open("/proc/self/mountinfo") as file:
            line = next(line for line in file if f" {point} " in line)
        contains(line, "fuse.overpass scratch", "the line of the mount table")
    finally:
        equal(subprocess.run(["umount", point], check=False).returncode, 0, "umount")


def test_mount_flags_are_those_asked_for(t):
    for option, flag in (("nosuid", "nosuid"), ("nodev", "nodev"), ("noexec", "noexec"), ("ro", "ro")):
        m = t.mount(t.layer({"file": "x"}), options=(option,))
        with open("/proc/self/mountinfo") as file:
            line = next(line for line in file if f" {m.path} " in line)
        contains(line.split()[5].split(","), flag, f"mount flags with {option}")
        m.umount()
