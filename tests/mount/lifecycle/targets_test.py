# SPDX-License-Identifier: MIT
"""How the user names a union for status, umount and check, and what status says about all unions."""
import json
import os
import subprocess

from harness import contains, equal, holds, isolation, read, syscalls, systems, write
from harness.patience import wait_for

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)
TREE = {"file": "content", "dir": {"sub": {"deep": "x"}}}


def named(t, **points):
    """Environment with an overpass.toml that has these names at these mountpoints; all show one layer."""
    home, low = t.fresh("home"), t.layer(TREE)
    t.watch_lower(low)
    os.mkdir(home + "/overpass")
    write(home + "/overpass/overpass.toml",
          "".join(f'[mount.{name}]\nlower = "{low}"\nmountpoint = "{point}"\n' for name, point in points.items()))
    return dict(os.environ, XDG_CONFIG_HOME=home)


def mounted(point):
    return os.path.realpath(point) in isolation.mount_points()


def end(t, *points):
    for point in points:
        if mounted(point):
            systems.unmount(point, syscalls.MNT_DETACH)


def in_background(t, *names):
    """These names, mounted by the command line; returns the environment and their mountpoints."""
    points = {name: t.fresh(name) for name in names}
    environment = named(t, **points)
    t.at_end(lambda: end(t, *points.values()))
    for name in names:
        equal(t.status_text("mount", name, env=environment), (0, "", ""), f"overpass mount {name}")
    return environment, points


def dead(t):
    m = t.mount(t.layer(TREE))
    m.daemon.kill()
    m.alive = False
    t.at_end(lambda: end(t, m.path))
    return m


def test_a_name_is_as_good_as_its_mountpoint(t):
    environment, points = in_background(t, "sandbox")
    by_name = t.status_text("status", "--json", "sandbox", env=environment)
    equal((by_name[0], json.loads(by_name[1])["mountpoint"]), (0, points["sandbox"]), "overpass status NAME")
    equal(t.status_text("umount", "sandbox", env=environment), (0, "", ""), "overpass umount NAME")
    holds(not mounted(points["sandbox"]), "it is not mounted any more")
    status, _, err = t.status_text("umount", "sandbox", env=environment)
    holds(status == 1 and "is not mounted" in err, f"the second time: {status} {err}")


def test_a_bare_name_mounts(t):
    point = t.fresh("mnt")
    environment = named(t, sandbox=point)
    t.at_end(lambda: end(t, point))
    equal(t.status_text("sandbox", env=environment), (0, "", ""), "overpass NAME")
    equal((read(point + "/file"), t.status_text("umount", point)[0]), (b"content", 0), "content, and overpass umount")


def test_a_directory_here_that_is_mounted_counts_more_than_a_name(t):
    environment, points = in_background(t, "sandbox", "other")
    base = os.path.dirname(points["other"])
    word = os.path.basename(points["other"])
    text = read(environment["XDG_CONFIG_HOME"] + "/overpass/overpass.toml").decode()
    write(environment["XDG_CONFIG_HOME"] + "/overpass/overpass.toml", text.replace("[mount.sandbox]", f"[mount.{word}]"))
    equal(t.status_text("umount", word, env=environment, cwd=base)[0], 0, "overpass umount")
    equal((mounted(points["other"]), mounted(points["sandbox"])), (False, True), "what is mounted")


def test_any_path_inside_means_the_union(t):
    m = t.mount(t.layer(TREE))
    os.symlink(m / "dir/sub", t.directory + "/link")
    for path in (m.path + "/", m / "file", m / "dir/sub/deep", m / "dir/..", t.directory + "/link"):
        status, out, err = t.status_text("status", "--json", path)
        equal((status, err), (0, ""), f"overpass status {path}")
        equal(json.loads(out)["pid"], m.pid, "pid")
    equal(t.status_text("status", "--json", "file", cwd=m.path)[0], 0, "overpass status of a name in the current directory")
    for path in (m / "absent", t.directory, "/proc/self/status"):
        status, out, err = t.status_text("status", path)
        equal((status, out, len(err.splitlines())), (1, "", 1), f"overpass status {path}: {err}")
    equal(t.status_text("umount", m / "dir/sub/deep"), (0, "", ""), "overpass umount of a path inside")
    m.alive = False
    m.daemon.end()
    holds(not mounted(m.path), "it is not mounted any more")


def test_status_without_an_argument_lists_all(t):
    first, second = t.mount(t.layer(TREE)), t.mount(t.layer(TREE), upper=None)
    gone = dead(t)
    status, out, err = t.status_text("status")
    lines = [line for line in out.splitlines() if t.directory in line]
    equal((status, err, len(lines)), (0, "", 3), f"overpass status: {out}")
    contains(lines[0], f"'{first.path}': pid {first.pid}, upper '{first.upper}', 1 lower", "the line of the first")
    contains(lines[1], f"'{second.path}': pid {second.pid}, read-only, 1 lower", "the line of the second")
    contains(lines[2], "is dead (overpass umount", "the line of the dead one")
    status, out, _ = t.status_text("status", "--json")
    known = {entry["mountpoint"]: entry for entry in json.loads(out)}
    equal((status, known[first.path]["pid"]), (0, first.pid), "status and pid in the list")
    holds("error" in known[gone.path] and "pid" not in known[gone.path], f"the dead one: {known[gone.path]}")


def test_where_nothing_is_mounted_status_says_so(t):
    if any(b"fuse.overpass" in line for line in open("/proc/self/mountinfo", "rb")):
        equal(t.status_text("status")[0], 0, "other mounts are listed")
    else:
        equal(t.status_text("status"), (0, "", "no union is mounted\n"), "overpass status")
        equal(t.status_text("status", "--json"), (0, "[]\n", ""), "overpass status --json")


def test_a_dead_mount_is_said_to_be_dead(t):
    m = dead(t)
    for path in (m.path, m / "file", m / "dir/sub"):
        status, out, err = t.status_text("status", path)
        equal((status, out), (1, ""), f"overpass status {path}")
        contains(err, f"the daemon of '{m.path}' is dead (overpass umount", "message")
    equal(t.status_text("umount", m / "dir"), (0, "", ""), "overpass umount of a path inside")
    wait_for(t, lambda: not mounted(m.path), "the end of the mount")
    holds(os.listdir(m.path) == [], "nothing is left at the mountpoint")


def test_umount_takes_several_and_goes_on_after_a_failure(t):
    environment, points = in_background(t, "one", "two", "three")
    arguments = [points["one"], t.directory, "three", "nosuch", points["two"] + "/dir"]
    status, out, err = t.status_text("umount", *arguments, env=environment)
    equal((status, out, len(err.splitlines())), (1, "", 2), f"overpass umount: {err}")
    contains(err, "nosuch", "message")
    equal([mounted(point) for point in points.values()], [False] * 3, "what is mounted")


def test_check_says_that_a_mounted_union_is_mounted(t):
    m = t.mount(t.layer(TREE))
    for path in (m.path, m / "dir"):
        status, _, err = t.status_text("check", path)
        equal(status, 3, "status of overpass check")
        contains(err, f"'{m.path}' is mounted (unmount it", "message")
    equal(t.status_text("check", "--lower", m.stack.lowers[0], "--upper", m.upper + "/none", "--work", m.work)[0], 3,
          "status for an upper that is not there")
    equal(t.status_text("check", "--lower", m.stack.lowers[0])[0], 2, "status for a wrong call")


def test_output_that_does_not_arrive_is_a_failure(t):
    m = t.mount(t.layer(TREE))
    for arguments in (["--help"], ["--version"], ["help", "mount"], ["status"], ["status", m.path], ["status", "--json", m.path]):
        with open("/dev/full", "wb") as full:
            status, err = run_into(t, full, arguments)
        equal((status, "standard output" in err), (1, True), f"overpass {' '.join(arguments)} > /dev/full: {err}")
    upper, work = t.fresh("upper"), t.fresh("work")
    with open("/dev/full", "wb") as full:
        arguments = ["check", "--json", "--lower", m.stack.lowers[0], "--upper", upper, "--work", work]
        equal(run_into(t, full, arguments)[0], 3, "status of overpass check > /dev/full")


def run_into(t, out, arguments):
    done = subprocess.run([t.settings.overpass, *arguments], stdout=out, stderr=subprocess.PIPE, check=False,
                          timeout=t.settings.seconds(60))
    return done.returncode, done.stderr.decode(errors="replace")
