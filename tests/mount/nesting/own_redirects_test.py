# SPDX-License-Identifier: MIT
"""Redirects that lead to the mountpoint, the upper or the workdir, which lie in a lower: no walk enters the union itself."""
import errno
import os

from harness import Dir, File, equal, mark, read, refused, write

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)
ON = ("redirect_dir=on",)
BENEATH = {"old": "1", "d": Dir({"deep": Dir({"file": "2"})})}


def inside(t, options=ON, lowers=(), own=None):
    """A stack whose upper, workdir and mountpoint are in its lowest lower, and the parts of that one."""
    base = t.layer({"home": {"u": {"upper": {}, "work": {}, "m": BENEATH if own is None else own, "other": {"a": "1"}}}})
    t.let_lower_change(base, "the upper is in it")
    stack = t.stack(*lowers, base, upper=None, options=options, mountpoint=f"{base}/home/u/m")
    stack.upper, stack.work = f"{base}/home/u/upper", f"{base}/home/u/work"
    return stack


def files_of(root):
    return sorted(os.path.relpath(os.path.join(at, name), root) for at, _, names in os.walk(root) for name in names)


def test_what_is_beneath_the_mountpoint_is_moved_and_found_again(t):
    m = t.mount_stack(inside(t))
    os.rename(m / "home/u/m/d", m / "near")
    os.rename(m / "home/u/m", m / "point")
    os.rename(m / "near/deep", m / "far")
    for _ in range(2):
        equal(files_of(m.path), ["far/file", "home/u/other/a", "point/old"], "files")
        equal((read(m / "far/file"), read(m / "point/old")), (b"2", b"1"), "contents")
        m = t.remount(m)
    write(m / "far/file", "3"), write(m / "point/old", "4")
    m = t.remount(m)
    equal((read(m / "far/file"), read(m / "point/old")), (b"3", b"4"), "contents after a change")


def test_moved_in_its_own_directory(t):
    m = t.mount_stack(inside(t))
    os.rename(m / "home/u/m/d", m / "home/u/m/e")
    os.rename(m / "home/u/m", m / "home/u/n")
    for _ in range(2):
        equal(files_of(m / "home/u"), ["n/e/deep/file", "n/old", "other/a"], "files")
        m = t.remount(m)


def test_directories_above_it_are_moved(t):
    m = t.mount_stack(inside(t))
    os.rename(m / "home/u", m / "v")
    os.rename(m / "home", m / "v/h")
    for _ in range(2):
        equal(files_of(m.path), ["v/m/d/deep/file", "v/m/old", "v/other/a"], "files")
        m = t.remount(m)
    os.rename(m / "v/m/d", m / "v/h/d")
    m = t.remount(m)
    equal(files_of(m.path), ["v/h/d/deep/file", "v/m/old", "v/other/a"], "files")


def test_redirects_of_other_layers_lead_to_what_is_beneath_or_to_nothing(t):
    moved = {name: Dir(xattrs={mark("redirect"): target.encode()}) for name, target in (
        ("point", "/home/u/m"), ("below", "/home/u/m/d"), ("deep", "/home/u/m/d/deep"), ("away", "/home/u/upper"),
        ("further", "/home/u/upper/x"), ("scratch", "/home/u/work/work"))}
    near = {"home": Dir({"u": Dir({"n": Dir(xattrs={mark("redirect"): b"m"}),
                                   "p": Dir(xattrs={mark("redirect"): b"upper"})})})}
    m = t.mount_stack(inside(t, lowers=[t.layer(moved | near)]))
    for _ in range(2):
        equal(files_of(m / "point"), ["d/deep/file", "old"], "files of what leads to the mountpoint")
        equal(files_of(m / "below"), ["deep/file"], "files of what leads below it")
        equal(files_of(m / "deep"), ["file"], "files of what leads further down")
        equal(files_of(m / "home/u/n"), ["d/deep/file", "old"], "files of what leads there by a name")
        for name in ("away", "further", "scratch", "home/u/p"):
            equal(os.listdir(m / name), [], f"names of {name}, which leads to a hidden directory")
        m = t.remount(m)
    write(m / "deep/file", "+"), write(m / "point/old", "+")
    equal((read(m / "deep/file"), read(m / "point/d/deep/file")), (b"+", b"2"), "contents")


def test_data_of_metacopies_are_beneath_it(t):
    def metacopy(target):
        return File("", xattrs={mark("metacopy"): b"", mark("redirect"): target.encode()})

    top = t.layer({"a": metacopy("/home/u/m/old"), "b": metacopy("/home/u/m/d/deep/file"), "c": metacopy("/home/u/m"),
                   "d": metacopy("/home/u/upper/file")})
    for name in "ab":
        os.truncate(top + "/" + name, 1)
    for stack in (inside(t, ("redirect_dir=on", "metacopy=on"), [top]), _with_data_only(t, top)):
        m = t.mount_stack(stack)
        equal((read(m / "a"), read(m / "b")), (b"1", b"2"), "contents")
        for name in "cd":
            refused(errno.EIO, read, m / name)
        m.umount()


def _with_data_only(t, top):
    stack = inside(t, ("redirect_dir=on", "metacopy=on"), [top])
    data = stack.lowers.pop()
    stack.lowers[-1] = top
    stack.options += (f"datadir+={data}",)
    return stack


def test_the_root_directory_is_a_lower_and_a_redirect_leads_to_the_mountpoint(t):
    base = t.fresh("base", {"upper": {}, "work": {}, "m": {"d": {"file": "1"}}})
    real = os.path.realpath(base)
    top = t.layer({name: Dir(xattrs={mark("redirect"): f"{real}/{path}".encode()})
                   for name, path in (("d", "m/d"), ("away", "upper"))})
    stack = t.stack(upper=None, mountpoint=base + "/m", options=ON)
    stack.lowers, stack.upper, stack.work = [top, "/"], base + "/upper", base + "/work"
    t.let_lower_change("/", "others write to it")
    m = t.mount_stack(stack)
    # A clone of the root leaves other file systems out.
    is_seen = os.path.isdir(m.path + real)
    equal(os.listdir(m / "d"), ["file"] if is_seen else [], "names of what leads below the mountpoint")
    equal(os.listdir(m / "away"), [], "names of what leads to the upper")
    equal(is_seen and read(m / "d/file"), b"1" if is_seen else False, "content")
