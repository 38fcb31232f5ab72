# SPDX-License-Identifier: MIT
"""Mounts by mount(8) and fstab(5), which call mount.overpass; and the name fuse-overlayfs."""
import os
import subprocess

from harness import contains, equal, holds, isolation, only_in, read, syscalls, write
from harness.program_names import in_sbin, under_the_names

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)
MARK = "content of the lower"
WORDS = "nofail,_netdev,x-systemd.automount,x-systemd.requires=/,comment=mine"


def layers(t, *more):
    """Options and mountpoint of a union that nothing has mounted."""
    low, upper, work, point = t.layer({"file": MARK}), t.layer(), t.fresh("work"), t.fresh("mnt")
    t.watch_lower(low)
    return ",".join((f"lowerdir={low},upperdir={upper},workdir={work}", *more)), point


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    return done.returncode, done.stdout, done.stderr


def mounts_at(point):
    return list(isolation.mount_points()).count(os.path.realpath(point))


def line_of(point):
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return next(line.split() for line in file if line.split()[4] == os.path.realpath(point))


def end(t, point):
    """For a test that failed half way."""
    t.at_end(lambda: [run("umount", "-l", point) for _ in range(mounts_at(point))])


@only_in("root", "userns", why="mount(8) mounts for root alone what is not in fstab")
def test_both_types_are_mounted_found_and_unmounted(t):
    in_sbin(t)
    for kind in ("overpass", "fuse.overpass"):
        options, point = layers(t, WORDS)
        end(t, point)
        equal(run("mount", "-t", kind, "-o", options, "the source", point), (0, "", ""), f"mount -t {kind}")
        found = run("findmnt", "-n", "-o", "FSTYPE,SOURCE", point)
        equal((found[0], found[1].split(None, 1)), (0, ["fuse.overpass", "the source\n"]), "findmnt")
        equal(read(point + "/file"), MARK.encode(), "content")
        equal(run("umount", point), (0, "", ""), "umount")
        equal(mounts_at(point), 0, "mounts that are left")


@only_in("root", "userns", why="mount -a is root's")
def test_mount_a_mounts_each_line_once_and_leaves_out_noauto(t):
    in_sbin(t)
    points, lines = [], []
    for kind, words in (("overpass", "defaults"), ("fuse.overpass", f"rw,{WORDS}"), ("overpass", "noauto"), ("overpass", f"ro,{WORDS}")):
        options, point = layers(t, words)
        end(t, point)
        points.append(point)
        lines.append(f"overlay {point} {kind} {options} 0 0")
    fstab = t.fresh("etc", {"fstab": "\n".join([*lines, ""])}) + "/fstab"
    for turn in ("first", "second"):
        equal(run("mount", "-a", "-T", fstab)[::2], (0, ""), f"the {turn} mount -a")
        equal([mounts_at(point) for point in points], [1, 1, 0, 1], f"mounts after the {turn} mount -a")
    contains(line_of(points[3])[5].split(","), "ro", "flags of the last line's mount")
    equal(run("mount", "-T", fstab, points[2])[::2], (0, ""), "mount of the line with noauto")
    for point in points:
        equal(run("umount", point)[::2], (0, ""), "umount")


@only_in("root", "userns", why="mount -a is root's")
def test_a_line_may_name_a_mount_of_overpass_toml(t):
    in_sbin(t)
    low, point = t.layer({"file": MARK}), t.fresh("mnt")
    t.watch_lower(low)
    end(t, point)
    home = t.fresh("home")
    os.makedirs(home + "/overpass")
    write(home + "/overpass/overpass.toml", f'[mount.box]\nlower = "{low}"\nmountpoint = "/not/used"\n')
    fstab = t.fresh("etc", {"fstab": f"box {point} overpass {WORDS} 0 0\n"}) + "/fstab"
    environment = dict(os.environ, XDG_CONFIG_HOME=home)
    for _ in range(2):
        equal(run("mount", "-a", "-T", fstab, env=environment)[::2], (0, ""), "mount -a")
        equal(mounts_at(point), 1, "mounts at the place that fstab says")
    equal(line_of(point)[-2], "box", "the source in the mount table")
    equal(run("umount", point)[::2], (0, ""), "umount")


def cover_fstab(text, scratch):
    write(scratch + "/fstab", text)
    os.chmod(scratch + "/fstab", 0o644)
    syscalls.mount(scratch + "/fstab", "/etc/fstab", None, syscalls.MS_BIND)


@only_in("user", why="root needs no permission")
def test_a_user_mounts_and_unmounts_a_line_that_says_user(t):
    in_sbin(t)
    options, point = layers(t, f"noauto,user,{WORDS}")
    end(t, point)
    t.by_root(cover_fstab, f"overlay {point} overpass {options} 0 0\n", t.fresh("etc"))
    t.at_end(lambda: t.by_root(syscalls.umount, "/etc/fstab", syscalls.MNT_DETACH))
    equal(run("mount", point)[::2], (0, ""), "mount by the user")
    for flag in ("nosuid", "nodev", "noexec"):
        contains(line_of(point)[5].split(","), flag, "flags of the mount")
    write(point + "/file", "+", "ab")
    equal(t.status_text("umount", point), (0, "", ""), "overpass umount by the user")
    equal(mounts_at(point), 0, "mounts that are left")


def test_exit_statuses_are_those_of_mount(t):
    helper = under_the_names(t) + "/mount.overpass"
    options, point = layers(t)
    for arguments, status, word in (
            ([], 1, "a source and a mountpoint"), (["overlay"], 1, "a source and a mountpoint"),
            (["overlay", point, "more"], 1, "a source and a mountpoint"), (["overlay", point, "--wrong"], 1, "--wrong"),
            (["overlay", point, "-o", options + ",treads=2"], 1, "threads"), (["overlay", point, "-o", 'lowerdir="/a'], 1, "unbalanced"),
            (["overlay", point, "-t", "ext4", "-o", options], 1, "ext4"), (["overlay", point, "-N", "/no/such", "-o", options], 2, "/no/such"),
            (["nameless", point], 32, "nameless"), (["overlay", point, "-o", "lowerdir=/no/such"], 32, "/no/such"),
            (["overlay", point + "/no", "-o", options], 32, point + "/no")):
        code, out, err = run(helper, *arguments)
        equal((code, out), (status, ""), f"status of mount.overpass {arguments}: {err}")
        contains(err, word, "message")
        equal((err.count("\n"), mounts_at(point)), (1, 0), f"lines of the message, and mounts, of {arguments}")


def test_a_fake_mount_checks_everything_and_makes_nothing(t):
    helper = under_the_names(t) + "/mount.overpass"
    low, base = t.layer({"file": MARK}), t.fresh("base")
    t.watch_lower(low)
    options = f"make_dirs,lowerdir={low},upperdir={base}/u,workdir={base}/w"
    equal(run(helper, "overlay", base + "/m", "-f", "-v", "-o", options),
          (0, f"mount.overpass: overlay could be mounted on {base}/m\n", ""), "mount.overpass -f -v")
    equal(run(helper, "overlay", base + "/m", "-f", "-o", options + ",treads=2")[0], 1, "status with a misspelt option")
    equal(t.status_text("mount", "--dry-run", "-o", options, base + "/m"), (0, "", ""), "overpass mount --dry-run")
    equal(os.listdir(base), [], "what was made")


def test_sloppy_leaves_out_what_is_not_known_and_nothing_else(t):
    helper = under_the_names(t) + "/mount.overpass"
    options, point = layers(t, "unheard", "of=1\\,2", "ro")
    end(t, point)
    code, out, err = run(helper, "overlay", point, "-s", "-v", "-n", "-o", options)
    equal((code, err), (0, ""), "mount.overpass -s")
    equal(out.splitlines(), ["mount.overpass: left out: unheard", "mount.overpass: left out: of=1\\,2",
                             f"mount.overpass: overlay mounted on {point}"], "what it says")
    contains(line_of(point)[5].split(","), "ro", "flags of the mount")
    equal(t.status_text("umount", point), (0, "", ""), "overpass umount")
    equal(run(helper, "overlay", point, "-s", "-o", options + ",subtype=other")[0], 1, "an option that is known and refused")


@only_in("root", "userns", why="mount(8) mounts for root alone what is not in fstab")
def test_remount_says_what_to_do_and_changes_nothing(t):
    in_sbin(t)
    options, point = layers(t)
    end(t, point)
    equal(run("mount", "-t", "overpass", "-o", options, "overlay", point), (0, "", ""), "mount")
    before = line_of(point)
    for words in ("remount,ro", "remount,threads=2", "rw,remount"):
        code, _, err = run("mount", "-o", words, point)
        equal(code, 1, f"status of mount -o {words}")
        contains(err, "unmount it and mount again", "message")
        contains(err, "mount -o remount,bind,ro", "message")
    equal(line_of(point), before, "the line of the mount table")
    equal(run("mount", "-o", "remount,bind,ro", point)[::2], (0, ""), "what the message says")
    contains(line_of(point)[5].split(","), "ro", "flags of the mount")
    equal(run("umount", point), (0, "", ""), "umount")


@only_in("root", why="another mount namespace takes root")
def test_a_mount_in_another_namespace_is_made_there(t):
    in_sbin(t)
    options, point = layers(t)
    with subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo there; exec sleep 600"],
                          stdout=subprocess.PIPE, text=True) as other:
        try:
            equal(other.stdout.readline(), "there\n", "what the other process says")
            helper = under_the_names(t) + "/mount.overpass"
            equal(run(helper, "overlay", point, "-N", f"/proc/{other.pid}/ns/mnt", "-o", options), (0, "", ""), "mount.overpass -N")
            equal(mounts_at(point), 0, "mounts here")
            shown = run("nsenter", "-m", "-t", str(other.pid), "cat", point + "/file")
            equal(shown, (0, MARK, ""), "what is read there")
            equal(run("nsenter", "-m", "-t", str(other.pid), "umount", point), (0, "", ""), "umount there")
        finally:
            other.kill()


def test_the_name_fuse_overlayfs_takes_its_call_and_shows_a_version_in_its_form(t):
    names = under_the_names(t)
    code, out, err = run(names + "/fuse-overlayfs", "--version")
    lines = out.splitlines()
    equal((code, err, len(lines)), (0, "", 3), "fuse-overlayfs --version")
    holds(lines[0].startswith("fuse-overlayfs: version 1.") and "overpass" in lines[0], f"the first line: {lines[0]}")
    options, point = layers(t, "squash_to_root,noxattrs,fast_ino=1,static_nlink,noacl,threaded=1,timeout=0,fsync=0,volatile")
    end(t, point)
    directory = os.path.dirname(point)
    os.mkdir(directory + "/status")     # A mountpoint that is called like a command of overpass.
    equal(run(names + "/fuse-overlayfs", "-o", options, "status", cwd=directory), (0, "", ""), "fuse-overlayfs -o ... status")
    equal(read(directory + "/status/file"), MARK.encode(), "content")
    equal(t.status_text("umount", directory + "/status"), (0, "", ""), "overpass umount")
    for arguments, word in ((["list"], "lower"), (["-o", options, point, "more"], "too many"), (["--no-such"], "--no-such")):
        code, out, err = run(names + "/fuse-overlayfs", *arguments)
        equal((code, out), (1, ""), f"status of fuse-overlayfs {arguments}")
        contains(err, word, "message")
