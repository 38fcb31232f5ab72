# SPDX-License-Identifier: MIT
"""Data-only layers: not seen by name, but their files give the data of metacopies in lowers that name them."""
import errno
import os
import subprocess

from harness import File, contains, equal, features, holds, loop_images, only_in, read, refused, syscalls, systems, write
from harness.systems import run_program

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
CONTENT = b"the data of the file " * 500


def points_to(target, prefix="trusted", size=len(CONTENT)):
    """A metacopy whose data are elsewhere."""
    marks = {f"{prefix}.overlay.metacopy": b"", f"{prefix}.overlay.redirect": target.encode()}
    return File(b"", 0o640, (3, 4), marks, size=size)


def layers(t, prefix="trusted"):
    lower = t.layer({"file": points_to("/objects/ab", prefix), "second": points_to("/objects/cd", prefix),
                     "absent": points_to("/objects/none", prefix), "plain": "plain"})
    return lower, t.layer({"objects": {"ab": CONTENT}}), t.layer({"objects": {"cd": CONTENT[::-1], "ab": "hidden"}, "seen": "no"})


def mount(t, lower, *data, spelling="::", options=(), upper=True):
    for path in data:
        t.watch_lower(path)
    if spelling == "::":
        stack = t.stack(lower, upper=upper, options=options)
        stack.lowers = ["::".join((lower, *data))]
        text = [f"lowerdir={stack.lowers[0]}"]
    else:
        stack = t.stack(lower, upper=upper, options=options)
        text = [f"lowerdir={lower}", *(f"datadir+={path}" for path in data)]
    t.watch_lower(lower)
    if upper:
        text += [f"upperdir={stack.upper}", f"workdir={stack.work}"]
    equal(run_program(t.settings, "mount", "-o", ",".join([*text, *options]), stack.mountpoint)[0], 0, "overpass mount")
    t.at_end(lambda: os.path.ismount(stack.mountpoint) and systems.unmount(stack.mountpoint))
    return stack.mountpoint, stack


def test_the_data_come_from_the_first_layer_that_has_them(t):
    for spelling in ("::", "datadir+"):
        lower, first, second = layers(t)
        point, _ = mount(t, lower, first, second, spelling=spelling)
        equal(sorted(os.listdir(point)), ["absent", "file", "plain", "second"], "names")
        equal((read(point + "/file"), read(point + "/second")), (CONTENT, CONTENT[::-1]), "content")
        status = os.stat(point + "/file")
        equal((status.st_size, status.st_mode & 0o7777, status.st_uid), (len(CONTENT), 0o640, 3 if os.geteuid() == 0 else os.geteuid()), "attributes of the lower")
        refused((errno.ENOENT, errno.EIO), read, point + "/absent")
        write(point + "/file", "+", "ab")
        equal(read(point + "/file"), CONTENT + b"+", "content after a write")


@only_in("root", why="the kernel reads metacopies for root alone")
def test_overlayfs_shows_the_same(t):
    for options in ((), ("userxattr",), ("metacopy=on",), ("redirect_dir=nofollow",), ("index=on",)):
        prefix = "user" if "userxattr" in options else "trusted"
        lower, first, second = layers(t, prefix)
        point, stack = mount(t, lower, first, second, options=options)
        mine = {name: (read(f"{point}/{name}"), os.stat(f"{point}/{name}").st_blocks > 0) for name in ("file", "second", "plain")}
        systems.unmount(point)
        text = f"lowerdir={lower}::{first}::{second},upperdir={t.fresh('u')},workdir={t.fresh('w')}"
        kernel = t.fresh("kernel")
        syscalls.mount("overlay", kernel, "overlay", 0, ",".join([text, *options]))
        try:
            equal({name: (read(f"{kernel}/{name}"), os.stat(f"{kernel}/{name}").st_blocks > 0)
                   for name in mine}, mine, f"content with {options}")
        finally:
            syscalls.umount(kernel)


@only_in("root", why="the image has root's marks, and its mount is root's")
def test_names_in_an_image_and_contents_in_a_store_serve_several_unions(t):
    """The form of composefs, as docs/beyond-one-machine.md says."""
    features.need("erofs")
    tree = t.fresh("tree", {"bin": {"tool": points_to("/ab/cd")}, "small": points_to("/ef/01", size=5), "plain": "plain"})
    image, point = tree + ".erofs", t.fresh("image")
    subprocess.run(["mkfs.erofs", "--quiet", image, tree], check=True, capture_output=True)
    loop_images.mount_loop(t, "erofs", image, point, "ro")
    store = t.layer({"ab": {"cd": CONTENT}, "ef": {"01": "12345"}})
    unions = [mount(t, point, store)[0] for _ in range(2)]
    write(unions[0] + "/bin/tool", "+", "ab"), os.rename(unions[0] + "/small", unions[0] + "/moved")
    equal((read(unions[0] + "/bin/tool"), read(unions[0] + "/moved")), (CONTENT + b"+", b"12345"), "the union that was written to")
    equal([read(f"{unions[1]}/{name}") for name in ("bin/tool", "small", "plain")], [CONTENT, b"12345", b"plain"], "the other")


def test_status_calls_them_data(t):
    lower, first, second = layers(t)
    point, _ = mount(t, lower, first, second, upper=None)
    text = run_program(t.settings, "status", point)[1]
    contains(text, f"data: {second}", "status")
    equal(text.count("  data: "), 2, "data-only layers")
    equal(read(point + "/file"), CONTENT, "content")


def test_they_are_protected_and_checked_like_lowers(t):
    lower, first, second = layers(t)
    status, _, err = run_program(t.settings, "mount", "-o", f"lowerdir={lower}::{first}/none", t.fresh("mnt"))
    holds(status != 0, "a missing one is refused")
    contains(err, f"datadir directory '{first}/none': No such file", "message")
    status, _, err = run_program(t.settings, "mount", "-o", f"lowerdir={lower}::{first},upperdir={first},workdir={t.fresh('w')}",
                                 t.fresh("mnt"))
    holds(status != 0, "one that is the upper as well is refused")
    contains(err, "is also a datadir", "message")
    for value, words in ((f"{lower}::", "empty element"), (f"::{lower}", "empty element"), (f"{lower}:::{first}", "empty element"),
                         (f"{lower}::{first}:{second}", "after a data-only one")):
        status, _, err = run_program(t.settings, "mount", "-o", f"lowerdir={value}", t.fresh("mnt"))
        holds(status != 0, f"lowerdir={value} is refused")
        contains(err, words, "message")
    status, _, err = run_program(t.settings, "mount", "-o", f"datadir+={first}", t.fresh("mnt"))
    holds(status != 0, "data-only layers alone are refused")
    contains(err, "no lower directory is given", "message")
