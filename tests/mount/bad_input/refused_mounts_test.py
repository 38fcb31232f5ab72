# SPDX-License-Identifier: MIT
"""Mounts that cannot be: a non-zero status, one line that names the cause, nothing mounted, nothing left behind."""
import os

from harness import Symlink, checks, contains, dump, equal, holds, isolation, only_in, syscalls, write
from harness.loop_images import mount_image

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")


def expect_refusal(t, arguments, *words, point=None, watched=()):
    """Runs `overpass ARGUMENTS`; it must fail with one line holding all words (a tuple: any of it)."""
    before = [dump.dump(path) for path in watched]
    mounts = list(isolation.mount_points())
    status, out, err = t.status_text(*arguments)
    shown = f"overpass {' '.join(map(str, arguments))[:300]}"
    holds(status not in (0, -6, -11), f"{shown} fails ({status}): {out}{err}")
    equal(len(err.strip().splitlines()), 1, f"lines of the message of {shown}: {err!r}")
    for word in words:
        choices = word if isinstance(word, tuple) else (word,)
        holds(any(choice.lower() in err.lower() for choice in choices), f"the message names {' or '.join(choices)}: {err!r}")
    equal(list(isolation.mount_points()), mounts, "mount points")
    equal([dump.dump(path) for path in watched], before, "directories named in the call")
    if point:
        equal(os.listdir(point), [], "the mountpoint")
    return err


def case(t, **changed):
    """Arguments of a good mount with some changed; None leaves one out."""
    good = {"lower": t.layer({"file": "x"}), "upper": t.layer(), "work": t.fresh("work"), "point": t.fresh("mnt")} | changed
    arguments = ["mount"]
    for name in ("lower", "upper", "work"):
        if good[name] is not None:
            arguments += ["--" + name, good[name]]
    return [*arguments, good["point"]], good


def test_the_unchanged_call_works(t):
    arguments, good = case(t)
    t.watch_lower(good["lower"])
    equal(t.status_text(*arguments)[0], 0, "overpass mount")
    equal(os.listdir(good["point"]), ["file"], "names")
    equal(t.status_text("umount", good["point"])[0], 0, "overpass umount")


def test_missing_directories(t):
    for name in ("lower", "upper", "work", "point"):
        arguments, good = case(t, **{name: t.directory + "/absent-one"})
        err = expect_refusal(t, arguments, "absent-one")
        contains(err.lower(), "no such", "message")
        holds(not os.path.exists(t.directory + "/absent-one"), "it is not made")


def test_things_that_are_not_directories(t):
    base = t.fresh("odd", {"plain": "x", "loop": Symlink("loop"), "dangling": Symlink("nowhere")})
    for name in ("lower", "upper", "work", "point"):
        for odd in ("plain", "loop", "dangling"):
            arguments, _ = case(t, **{name: f"{base}/{odd}"})
            expect_refusal(t, arguments, odd, watched=[base])


def test_layers_that_are_symlinks_to_directories_work(t):
    base = t.fresh("links")
    arguments, good = case(t)
    for name in ("lower", "upper", "work"):
        os.symlink(good[name], f"{base}/{name}")
    arguments, good = case(t, lower=base + "/lower", upper=base + "/upper", work=base + "/work")
    equal(t.status_text(*arguments)[0], 0, "overpass mount")
    write(good["point"] + "/new", "x")
    equal(t.status_text("umount", good["point"])[0], 0, "overpass umount")


@only_in("root", why="it becomes that user itself")
def test_an_unreadable_layer_for_an_ordinary_user(t):
    from harness.credentials import as_user
    from harness.systems import run_program
    from harness.worlds import ordinary_fuse_device
    ordinary_fuse_device(t)
    private = t.layer({"file": "x"})
    os.chmod(private, 0o700)
    upper, work, point = (t.fresh(name) for name in ("u", "w", "m"))
    for path in (upper, work, point):
        os.chown(path, 65534, 65534)
    status, _, err = as_user(65534, lambda: run_program(
        t.settings, "mount", "--lower", private, "--upper", upper, "--work", work, point))
    holds(status != 0, "the mount is refused")
    contains(err.lower(), "permission", "message")


def test_upper_and_work_on_different_file_systems(t):
    other = mount_image(t, "tmpfs")
    arguments, good = case(t, work=other)
    expect_refusal(t, arguments, ("same file system", "same mount"), point=good["point"], watched=[other])


def test_an_upper_without_a_workdir(t):
    arguments, good = case(t, work=None)
    expect_refusal(t, arguments, "work", point=good["point"])


def test_a_workdir_without_an_upper(t):
    arguments, good = case(t, upper=None)
    expect_refusal(t, arguments, "upper", point=good["point"])


def test_a_mount_without_lower_or_mountpoint(t):
    expect_refusal(t, ["mount", t.fresh("mnt")], "lower")
    expect_refusal(t, ["mount", "--lower", t.layer()], ("mountpoint", "mount point"))


def test_a_workdir_inside_the_upper_and_the_reverse(t):
    upper = t.layer({"work": {}})
    arguments, good = case(t, upper=upper, work=upper + "/work")
    expect_refusal(t, arguments, "work", point=good["point"], watched=[upper])
    work = t.layer({"upper": {}})
    arguments, good = case(t, upper=work + "/upper", work=work)
    expect_refusal(t, arguments, "work", point=good["point"], watched=[work])
    arguments, good = case(t, upper=upper, work=upper)
    expect_refusal(t, arguments, "work", point=good["point"], watched=[upper])


def test_a_workdir_with_foreign_content(t):
    for tree in ({"precious": "data"}, {"precious": {"a": "1"}}):
        work = t.fresh("foreign", tree)
        arguments, good = case(t, work=work)
        expect_refusal(t, arguments, "work", point=good["point"], watched=[work])


def test_a_workdir_that_a_union_has_used_before_works(t):
    m = t.mount(t.layer({"file": "x"}))
    write(m / "file", "y")
    t.remount(m)
    holds(True, "the second mount with the same workdir works")


def test_an_upper_that_another_live_mount_uses(t):
    m = t.mount(t.layer({"file": "x"}))
    arguments, good = case(t, upper=m.upper)
    expect_refusal(t, arguments, ("in use", "busy", "already"), point=good["point"])
    arguments, good = case(t, work=m.work)
    expect_refusal(t, arguments, ("in use", "busy", "already"), point=good["point"])
    write(m / "file", "still works")


def test_a_read_only_upper(t):
    root = mount_image(t, "tmpfs")
    os.mkdir(root + "/u"), os.mkdir(root + "/w")
    t.by_root(syscalls.mount, "none", root, None, syscalls.MS_REMOUNT | syscalls.MS_RDONLY)
    arguments, good = case(t, upper=root + "/u", work=root + "/w")
    expect_refusal(t, arguments, "read-only", point=good["point"])


def test_an_upper_inside_a_lower_is_mounted_and_not_shown(t):
    low = t.layer({"file": "x", "upper": {}, "work": {}})
    arguments, good = case(t, lower=low, upper=low + "/upper", work=low + "/work")
    status, _, err = t.status_text(*arguments)
    equal((status, err), (0, ""), "the mount")
    equal(os.listdir(good["point"]), ["file"], "names")
    write(good["point"] + "/file", "y")
    equal(t.status_text("umount", good["point"])[0], 0, "overpass umount")


def test_unknown_options_name_the_nearest_known_one(t):
    for wrong, near in (("lowerdri=/x", "lowerdir"), ("upprdir=/x", "upperdir"), ("userxatr", "userxattr"),
                        ("lower_oi=cached", "lower_io")):
        arguments, good = case(t)
        expect_refusal(t, [arguments[0], "-o", wrong, *arguments[1:]], wrong.split("=")[0], near, point=good["point"])
    arguments, good = case(t)
    expect_refusal(t, [*arguments[:-1], "--lowre", good["lower"], good["point"]], "--lowre", point=good["point"])


def test_option_values_that_are_missing_wrong_or_overlong(t):
    arguments, good = case(t)
    for wrong in ("upperdir", "upperdir=", "lower_io=", "lower_io=fast", "threads=many", "threads=-1", "passthrough=maybe",
                  "lowerdir=", "lowerdir=:", "threads=99999999999999999999", "upperdir=" + "x" * 5000,
                  "lower_io=" + "y" * 100_000):
        expect_refusal(t, [arguments[0], "-o", wrong, *arguments[1:]], wrong.split("=")[0], point=good["point"])


def test_options_given_twice_with_different_values(t):
    arguments, good = case(t)
    other = t.layer({"keep": "x"})
    status, _, err = t.status_text(arguments[0], "--upper", other, *arguments[1:])
    if status == 0:
        equal(t.status_text("umount", good["point"])[0], 0, "overpass umount")
    else:
        contains(err, "upper", "message")
    equal(os.listdir(other), ["keep"], "the other upper is untouched")


def test_an_unknown_subcommand_and_no_argument(t):
    expect_refusal(t, ["moutn", "--lower", "/x", "/y"])
    expect_refusal(t, ["moutn", "sandbox"], "moutn")
    status, out, err = t.status_text()
    holds(status != 0 or out, "no argument gives help or an error")
    holds(out + err, "something is said")


def test_unmounting_what_is_not_mounted(t):
    for path in (t.fresh("dir"), t.directory + "/absent"):
        expect_refusal(t, ["umount", path], os.path.basename(path))
        expect_refusal(t, ["status", path, "--json"], os.path.basename(path))


def test_the_mount_of_another_file_system_is_not_unmounted(t):
    root = mount_image(t, "tmpfs")
    expect_refusal(t, ["umount", root], os.path.basename(root))
    holds(os.path.ismount(root), "it is still mounted")


@only_in("root", "userns", why="without it fusermount3 speaks, in words of its own")
def test_without_a_fuse_device_the_message_says_so(t):
    bare = t.fresh("dev")
    t.by_root(syscalls.mount, "tmpfs", bare, "tmpfs")
    for name in ("null", "zero", "random", "urandom"):
        info = os.stat("/dev/" + name)
        t.by_root(os.mknod, f"{bare}/{name}", info.st_mode, info.st_rdev), t.by_root(os.chmod, f"{bare}/{name}", 0o666)
    t.by_root(syscalls.mount, bare, "/dev", None, syscalls.MS_BIND)
    t.at_end(lambda: t.by_root(syscalls.umount, "/dev", syscalls.MNT_DETACH))
    arguments, good = case(t)
    expect_refusal(t, arguments, "/dev/fuse", point=good["point"])


def test_checks_would_see_a_second_line(t):
    """The expectation itself can fail."""
    try:
        expect_refusal(t, ["--version"])
    except checks.Failure:
        holds(True, "a call that succeeds is seen")
        return
    holds(False, "a call that succeeds should have been seen")


def test_a_lower_inside_the_upper_is_reported_with_its_meaning(t):
    upper = t.fresh("low", {"up": {}})
    t.let_lower_change(upper + "/up", reason="it is in the upper")
    point = t.fresh("mnt")
    status, _, err = t.status_text("mount", "--lower", upper + "/up", "--upper", upper, "--work", t.fresh("work"), point)
    equal((status, len(err.splitlines())), (0, 1), f"status, and lines of {err!r}")
    contains(err, "may change it", "message")
    equal(t.status_text("umount", point)[0], 0, "overpass umount")
