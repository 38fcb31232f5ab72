# SPDX-License-Identifier: MIT
"""Marks that lie, loop, lead out of the layer or say nothing at all: what is under them is refused or as if unmarked.

The rows are compared with kernel overlayfs; where both refuse, the errno may differ (the kernel's depends on
how far it got), and what lies outside a layer is shown by neither.
"""
import os
import stat

from answers import MARK, REFUSED, Row, Table, answer, answer_of, log_lines

from harness import WHITEOUT, Dir, File, Node, Symlink, equal, features, holds, mark, read, syscalls, systems, write

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
REDIRECT, METACOPY = ("redirect_dir=on",), ("redirect_dir=on", "metacopy=on")
BELOW = {"a": {"b": {"f": "2"}, "g": "3"}, "file": "data", "fifo": Node(stat.S_IFIFO), "dev": Node(stat.S_IFCHR, 0o600, (1, 3)),
         "sym": Symlink("a"), "gone": WHITEOUT}


def led(target):
    return Dir({"own": ""}, xattrs={MARK + "redirect": target})


def hollow(target=None, mark=b"", size=9):
    redirect = {} if target is None else {MARK + "redirect": target}
    return File(size=size, xattrs={MARK + "metacopy": mark} | redirect)


def numbered(values, make):
    return {f"d{number:02}": make(value) for number, value in enumerate(values)}


def all_the_same(values, what):
    return {f"d{number:02}": what for number in range(len(values))}


NO_PATHS = (b"..", b".", b"", b"/", b"/..", b"/a/..", b"/a/../../etc", b"/a/./b", b"/a//b", b"a/b", b"/a/", b"x" * 300, b"/" + b"y/" * 900)
NO_DIRECTORIES = (b"file", b"fifo", b"dev", b"sym", b"gone", b"nothing", b"/file/x", b"/sym/b", b"/gone/x", b"/nothing/x", b"\xff\xfe\n", b"/dev/x")
NO_FILES = (b"a", b"fifo", b"dev", b"sym", b"gone", b"nothing", b"/a/b", b"/file/x", b"/sym/b/f", b"/a/b/f/x", b"..", b"/", b"")
SHORT, LONG_ENOUGH = (b"\0", b"\0\4", b"\0\4\0", b"y"), (b"", b"\0\4\0\0", b"\1\4\0\0", b"\0\xff\0\0", b"x" * 1000)

ROWS = [
    Row("redirects that are no path inside a layer are refused", [numbered(NO_PATHS, led), BELOW],
        all_the_same(NO_PATHS, "EIO"), len(NO_PATHS), "redirect mark is garbled", REFUSED, REDIRECT),
    Row("redirects to what is no directory lead to nothing", [numbered(NO_DIRECTORIES, led), BELOW],
        all_the_same(NO_DIRECTORIES, "dir own"), 0, options=REDIRECT),
    Row("redirects are refused where they are not followed", [{"d": led(b"a"), "a": led(b"/a/b")}, BELOW],
        {"d": "EPERM", "a": "EPERM"}, 2, "refusing to follow a redirect", options=("redirect_dir=nofollow",)),
    Row("a redirect of a file that has data leads nowhere",
        [{"x": File(b"x", xattrs={MARK + "redirect": b".."}), "file": File(b"own", xattrs={MARK + "redirect": b"/a/b/f"})}, BELOW],
        {"x": "file x", "file": "file own"}, 0, options=METACOPY),
    Row("metacopies of what is no regular file are refused", [numbered(NO_FILES, hollow), BELOW],
        all_the_same(NO_FILES, "EIO"), len(NO_FILES), "", REFUSED, METACOPY),
    Row("metacopies over what is no regular file are refused",
        [{name: hollow() for name in ("a", "fifo", "dev", "sym", "gone", "nothing")}, BELOW],
        {name: "EIO" for name in ("a", "fifo", "dev", "sym", "gone", "nothing")}, 6, "a metacopy without its data", options=METACOPY),
    Row("metacopy marks too short for a header are refused",
        [numbered(SHORT, lambda mark: hollow(mark=mark)), all_the_same(SHORT, "data")],
        all_the_same(SHORT, "EIO"), len(SHORT), "metacopy mark is garbled", options=METACOPY),
    Row("what a metacopy mark holds does not matter without verity",
        [numbered(LONG_ENOUGH, lambda mark: hollow(mark=mark)), all_the_same(LONG_ENOUGH, "nine char")],
        all_the_same(LONG_ENOUGH, "file nine char"), 0, options=METACOPY),
    Row("metacopies are refused where they are not followed", [{"file": hollow()}, BELOW], {"file": "EPERM"}, 1,
        "refusing to follow a metacopy", options=("metacopy=off",)),
    Row("a metacopy mark on what is no file means nothing",
        [{"a": Dir({"own": ""}, xattrs={MARK + "metacopy": b""}), "sym": Symlink("x")}, BELOW],
        {"a": "dir b g own", "sym": "symlink to x"}, 0, options=METACOPY),
    Row("opaque marks of other values hide nothing",
        [{"a": Dir({"own": ""}, xattrs={MARK + "opaque": b"n"}),
          "o": Dir(xattrs={MARK + "opaque": b""}), "p": Dir(xattrs={MARK + "opaque": b"yy"}), "q": Dir(xattrs={MARK + "opaque": b"y" * 900}),
          "file": File(b"own", xattrs={MARK + "opaque": b"y"})}, BELOW | {name: {"below": ""} for name in "opq"}],
        {"a": "dir b g own", "o": "dir below", "p": "dir below", "q": "dir below", "file": "file own"}, 0),
    Row("a whiteout hides a directory with all that is in it", [{"a": WHITEOUT, "file": Dir({"own": ""})}, BELOW],
        {"a": "ENOENT", "a/b/f": "ENOENT", "a/g": "ENOENT", "file": "dir own"}, 0),
    Row("a whiteout by attribute is an empty file and nothing else",
        [{"other": ""}, {"x": Dir({"a": File(xattrs={MARK + "whiteout": b"y"}), "full": File(b"f", xattrs={MARK + "whiteout": b"y"}),
                                   "b": Dir({"own": ""}, xattrs={MARK + "whiteout": b"y"})}, xattrs={MARK + "opaque": b"x"})},
         {"x": BELOW["a"] | {"a": "below", "full": "below"}}],
        {"x": "dir b full g", "x/a": "ENOENT", "x/full": "file f", "x/b": "dir f own"}, 0),
]

TABLE = Table(ROWS)


def test_redirects_and_metacopies_do_not_leave_the_layer_by_a_link(t):
    outside = t.fresh("outside", {"secret": "s", "dir": {"secret": "s"}})
    lower = t.layer({"real": {"f": "1"}, "up": Symlink("../.."), "root": Symlink("/")})
    os.symlink(outside, lower + "/link")
    for top in ("upper", "lower"):
        values = (b"/link/dir", b"link", b"/up/etc", b"/root/etc", b"up", b"root")
        files = (b"/link/secret", b"/root/etc/passwd", b"/link/dir/secret")
        layer = t.layer(numbered(values, led) | {f"m{number}": hollow(value, size=1) for number, value in enumerate(files)})
        options = METACOPY if top == "upper" else ("redirect_dir=follow", "metacopy=on")
        m = t.mount(lower, upper=layer, options=options) if top == "upper" else t.mount(layer, lower, upper=None, options=options)
        equal({os.listdir(m / f"d{number:02}")[0] for number in range(len(values))}, {"own"}, "names in the directories")
        equal([answer(m / f"m{number}") for number in range(len(files))], ["EIO"] * len(files), "the files")
        m.umount()


def chain(t, end):
    """A metacopy in each of 499 layers, each of which names the file of the next; below them `end`."""
    layers = {str(number): {f"f{number}": hollow(f"f{number + 1}".encode(), size=4)} for number in range(499)}
    os.chdir(t.fresh("layers", layers | {"end": end}))      # the kernel takes a page of options
    t.at_end(lambda: os.chdir("/"))
    return [*layers, "end"]


def test_a_metacopy_of_a_metacopy_of_500_layers_is_followed(t):
    features.need("overlayfs")
    layers = chain(t, {"f499": "data"})
    for system in ("overpass", "kernel"):
        m = t.mount(*layers, upper=None, options=("metacopy=on", "redirect_dir=follow"), system=system)
        equal((read(m / "f0"), read(m / "f250")), (b"data", b"data"), f"content with {system}")
        m.umount()


def test_a_metacopy_of_500_layers_without_an_end_is_refused(t):
    features.need("overlayfs")
    layers = chain(t, {"other": ""})
    for system in ("overpass", "kernel"):
        m = t.mount(*layers, upper=None, options=("metacopy=on", "redirect_dir=follow"), system=system)
        equal((answer(m / "f0"), answer(m / "f498")), ("EIO", "EIO"), f"answers of {system}")
        m.umount()


def test_a_name_does_not_make_up_lines_of_the_log(t):
    name = "x\noverpass: all is well\x1b[2J"
    m = t.mount(t.layer({name: led(b"..")}), t.layer({}), upper=None, options=("redirect_dir=follow",))
    equal(answer(m / name), "EIO", "answer")
    equal(log_lines(m), ["overpass: '/x?overpass: all is well?[2J': its redirect mark is garbled"], "the log")


def test_a_layer_full_of_bad_marks_does_not_fill_the_log(t):
    m = t.mount(t.layer({"dir": {f"bad{number}": led(b"..") for number in range(3000)}, "good": "g"}), t.layer({}), upper=None,
                options=("redirect_dir=follow",))
    for _ in range(2):
        equal({answer(m / f"dir/bad{number}") for number in range(3000)}, {"EIO"}, "answers")
    lines = log_lines(m)
    holds(30 <= len(lines) < 1500, f"number of lines: {len(lines)}")
    equal(len(set(lines) - {line for line in lines if "left out" in line}), len([line for line in lines if "left out" not in line]),
          "number of different lines")
    equal(read(m / "good"), b"g", "the rest of the union")


def test_refused_objects_can_be_neither_changed_nor_lost(t):
    top = {"dir": led(b"/.."), "file": hollow(b"..")}
    m = t.mount(t.layer({"a": "x"}), upper=t.fresh("upper", top), options=METACOPY)
    for name in top:
        for call in (lambda p: os.chmod(p, 0o600), os.unlink, os.rmdir, lambda p: os.rename(p, m / "elsewhere"),
                     lambda p: os.rename(m / "a", p), lambda p: write(p, "x"), lambda p: os.link(p, m / "linked"), os.mkdir):
            holds(answer_of(call, m / name) in ("EIO", "EEXIST"), f"{name} is refused")
    m.umount()
    equal(sorted(os.listdir(m.upper)), ["dir", "file"], "names in the upper layer")
    equal(os.getxattr(m.upper + "/dir", mark("redirect")), b"/..", "the mark")


DATA_ONLY = {"symlink": Symlink("file"), "dir": {"in": "x"}, "fifo": Node(stat.S_IFIFO), "dev": Node(stat.S_IFCHR, 0o600, (1, 3)),
             "white": WHITEOUT, "file": "data", "through": Symlink("dir2"), "dir2": {"f": "data"}}
TARGETS = {"good": b"/file", "symlink": b"/symlink", "dir": b"/dir", "fifo": b"/fifo", "dev": b"/dev", "white": b"/white",
           "through": b"/through/f", "out": b"/outside/secret", "root": b"/root/etc/passwd", "none": b"/none", "below-file": b"/file/x"}


def test_data_only_layers_are_not_left_either(t):
    outside = t.fresh("outside", {"secret": "s"})
    data = t.layer(DATA_ONLY | {"root": Symlink("/"), "outside": Symlink(outside)})
    lower = t.layer({name: hollow(target, size=4) for name, target in TARGETS.items()})
    t.watch_lower(data), t.watch_lower(lower)
    text = f"lowerdir={lower}::{data},metacopy=on,redirect_dir=follow"
    point = t.fresh("mnt")
    equal(t.status_text("mount", "-o", text, point)[0], 0, "overpass mount")
    try:
        for _ in range(2):
            equal({name: answer(f"{point}/{name}") for name in TARGETS},
                  {name: "file data" if name == "good" else "file that cannot be read: EIO" for name in TARGETS}, "answers")
    finally:
        systems.unmount(point)
    if t.world == "root" and features.has("overlayfs"):     # the kernel follows metacopies for root alone
        syscalls.mount("overlay", point, "overlay", 0, text)
        seen = {name: answer(f"{point}/{name}") for name in TARGETS}
        syscalls.umount(point)
        equal({name for name in TARGETS if not seen[name].startswith("file that cannot be read: E")}, {"good"},
              f"what the kernel reads: {seen}")


def test_odd_whiteouts_of_fuse_overlayfs_hide_what_they_name_and_nothing_else(t):
    """What hides no name that there can be hides nothing; the forms themselves are never seen."""
    names = [".wh.", ".wh..", ".wh...", ".wh..wh.", ".wh..wh.x", ".wh." + "n" * 251, ".wh.nothing", ".wh.a"]
    top = {name: "" for name in names} | {"dir": {".wh..wh..opq": {"in": "x"}, "own": ""}, "link": {".wh..wh..opq": Symlink("/"), "own": ""},
                                         "d": {".wh.x": {"full": {"of": "files"}}}}
    below = {"x": "1", "n" * 251: "2", "dir": {"hidden": "3"}, "link": {"hidden": "4"}, "d": {"x": "5", "y": "6"}, "...": "7"}
    for top_is in ("upper", "lower"):
        made, lower = t.layer(top), t.layer(below)
        m = t.mount(lower, upper=made) if top_is == "upper" else t.mount(made, lower, upper=None)
        for _ in range(2):
            equal(sorted(os.listdir(m.path)), ["...", "d", "dir", "link", "x"], f"names, with the {top_is} layer marked")
            equal((os.listdir(m / "dir"), os.listdir(m / "link"), os.listdir(m / "d")), (["own"], ["own"], ["y"]), "names below")
            equal({answer(m / name) for name in names}, {"ENOENT"}, "answers")
        equal((answer(m / "x"), answer(m / "..."), answer(m / ("n" * 251))), ("file 1", "file 7", "ENOENT"), "files")
        m.umount()
