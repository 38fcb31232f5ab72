# SPDX-License-Identifier: MIT
"""An index and marks of copied-up files that an attacker has changed, compared with kernel overlayfs.

An entry that is not the copy of the file it is named after is never shown in its place, nor written to. The
kernel looks at all entries when it mounts and refuses the mount then; overpass refuses the names that lead to it.
"""
import os
import shutil
import stat

from answers import answer, answer_of, log_lines

from harness import File, Link, MountFailed, contains, equal, features, holds, mark, refused, systems, trees, write

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
LOWER = {"a": File(b"content"), "b": Link("a"), "d": {"c": Link("a")}, "single": "1"}


def indexed(t):
    """Layers in which `a` was copied up; `b` and `d/c` are reached by the index alone."""
    stack = t.stack(t.layer(LOWER), options=("index=on",))
    m = t.mount_stack(stack)
    os.chmod(m / "a", 0o600)
    m.umount()
    return stack


def entry_of(stack):
    (name,) = os.listdir(stack.work + "/index")
    return f"{stack.work}/index/{name}"


def replaced(make):
    def tamper(stack):
        entry = entry_of(stack)
        os.unlink(entry)
        make(entry, stack)
    return tamper


def file_marked_as(entry, stack):
    """Another file, which bears the mark of another origin."""
    trees.build(os.path.dirname(entry), {os.path.basename(entry): "evil"})
    origin = os.getxattr(stack.upper + "/a", mark("origin"))
    os.setxattr(entry, mark("origin"), origin[:-1] + bytes([origin[-1] ^ 1]))


REPLACED = {
    "a directory": lambda entry, stack: os.mkdir(entry),
    "a directory with content": lambda entry, stack: os.makedirs(entry + "/content"),
    "a whiteout": lambda entry, stack: os.mknod(entry, stat.S_IFCHR, 0),
    "a fifo": lambda entry, stack: os.mkfifo(entry),
    "a symbolic link": lambda entry, stack: os.symlink("/etc/passwd", entry),
    "a file without marks": lambda entry, stack: write(entry, "evil"),
    "a file with the mark of another origin": file_marked_as,
    "a link of a lower file": lambda entry, stack: os.link(stack.lowers[0] + "/single", entry),
    "a link of a file outside": lambda entry, stack: os.link(stack.upper + ".outside", entry),
}
ORIGINS = {"no": None, "an empty": b"", "a short": b"\0\xfb", "a long": b"x" * 900, "a cut": -1}


def without_origin(value):
    def tamper(stack):
        entry = entry_of(stack)
        if value is None:
            os.removexattr(entry, mark("origin"))
        else:
            os.setxattr(entry, mark("origin"), os.getxattr(entry, mark("origin"))[:-1] if value == -1 else value)
    return tamper


def entries_are_refused(t, tamper):
    stack = indexed(t)
    write(stack.upper + ".outside", "outside")
    tamper(stack)
    m = t.mount_stack(stack)
    names = ("b", "d/c")
    for _ in range(2):
        equal([answer(m / name) for name in names], ["EIO", "EIO"], "answers")
        for name in names:
            for call in (lambda p: os.chmod(p, 0o640), os.unlink, lambda p: os.rename(p, m / "elsewhere"),
                         lambda p: os.close(os.open(p, os.O_RDWR | os.O_NONBLOCK)), lambda p: os.link(p, m / "linked")):
                refused(5, call, m / name)
    equal(len(log_lines(m)), 1, f"lines of the log {log_lines(m)}")
    contains(log_lines(m)[0], "index entry '", "the line of the log")
    equal(answer(m / "single"), "file 1", "the rest of the union")
    equal(answer(stack.upper + ".outside"), "file outside", "what is outside")
    m.umount()
    status, _, err = t.status_text("check", "-o", systems.option_text(stack))
    equal((status, err), (1, ""), "status and errors of `overpass check`")
    if features.has("overlayfs"):
        try:
            kernel = t.mount_stack(stack, "kernel")
        except OSError:
            return
        holds({answer(kernel / name) for name in names} <= {"EIO", "file content"}, "the kernel does not follow it")


class Table:
    def cases(self, settings):
        for what, make in REPLACED.items():
            yield f"{what} in the place of an index entry is refused", lambda t, m=make: entries_are_refused(t, replaced(m))
        for what, value in ORIGINS.items():
            yield f"an index entry with {what} origin mark is refused", lambda t, v=value: entries_are_refused(t, without_origin(v))
        for value in (b"", b"X", b"U", b"U-100", b"U+2147483647", b"L-100", b"U+1" * 50, b"U+99999999999"):
            yield f"the nlink mark {value[:15]} is passed over", lambda t, v=value: nlink_is_passed_over(t, v)
        for value in (b"", b"X", b"iX", b"i\0", b"ia?", b"i" * 100):
            yield f"the protattr mark {value[:15]} is passed over", lambda t, v=value: protection_is_passed_over(t, v)
        for value in (b"", b"\0\xfb", b"\0\xfb\xff", b"x" * 900):
            yield f"the origin mark {value[:15]} of a file and a directory is passed over", lambda t, v=value: origin_is_passed_over(t, v)


TABLE = Table()


def alike(t, tamper, ask, lines, compared=True):
    """What ask(mount) says is the same of overpass and of the kernel, on layers of their own."""
    seen = {}
    for system in ("overpass", "kernel") if compared and features.has("overlayfs") else ("overpass",):
        stack = indexed(t)
        tamper(stack)
        m = t.mount_stack(stack, system)
        seen[system] = ask(m)
        if system == "overpass":
            equal(len(log_lines(m)), lines, f"lines of the log {log_lines(m)}")
        m.umount()
    equal(seen["overpass"], seen.get("kernel", seen["overpass"]), "overpass, compared with the kernel")
    return seen["overpass"]


def nlink_is_passed_over(t, value):
    def ask(m):
        counts = [os.stat(m / name).st_nlink for name in ("a", "b", "d/c")]
        os.unlink(m / "a")
        return counts, [answer(m / name) for name in ("b", "d/c")]
    # A mark with the lower's count means nothing to users who may not open the lower file by its handle.
    knows_lower = t.world == "root" or not value.startswith(b"L")
    equal(alike(t, lambda stack: os.setxattr(entry_of(stack), mark("nlink"), value), ask, 1, compared=knows_lower),
          ([2, 2, 2] if knows_lower else [1, 1, 1], ["file content"] * 2), "link counts, and content after an unlink")


def protection_is_passed_over(t, value):
    def ask(m):
        write(m / "a", "+", "ab"), os.chmod(m / "a", 0o644)
        return answer(m / "a")
    equal(alike(t, lambda stack: os.setxattr(stack.upper + "/a", mark("protattr"), value), ask, 1), "file content+", "content")


def origin_is_passed_over(t, value):
    stack = t.stack(t.layer({"file": "1", "dir": {"x": "2"}}))
    m = t.mount_stack(stack)
    os.chmod(m / "file", 0o600), os.chmod(m / "dir/x", 0o600)
    m.umount()
    for name in ("file", "dir", "dir/x"):
        os.setxattr(f"{stack.upper}/{name}", mark("origin"), value)
    m = t.mount_stack(stack)
    shown = t.dump(m.path)
    equal((answer(m / "file"), answer(m / "dir"), answer(m / "dir/x")), ("file 1", "dir x", "file 2"), "answers")
    m.umount()
    equal(t.kernel_dump(m, mtime=t.started - 3600), shown, "kernel overlayfs")


def test_protection_holds_by_every_link_of_an_indexed_file(t):
    def ask(m):
        return [answer_of(write, m / name, "+", "ab") for name in ("b", "d/c", "a")]
    equal(alike(t, lambda stack: os.setxattr(stack.upper + "/a", mark("protattr"), b"i"), ask, 0), ["EPERM"] * 3, "writes")


def test_a_workdir_that_leads_elsewhere_is_refused(t):
    for name in ("work", "index"):
        stack = indexed(t)
        outside = t.fresh("outside", {"#1": "precious", "sub": {"x": "1"}})
        before = t.dump(outside)
        shutil.rmtree(f"{stack.work}/{name}")
        os.symlink(outside, f"{stack.work}/{name}")
        try:
            t.mount_stack(stack)
        except MountFailed as failure:
            equal(len(failure.text.strip().splitlines()), 1, f"lines of the message {failure.text}")
        else:
            holds(False, f"a symbolic link as {name} is refused")
        equal(t.dump(outside), before, "what is outside")


def test_strange_entries_of_the_index_do_no_harm(t):
    stack = indexed(t)
    real = os.path.basename(entry_of(stack))
    trees.build(stack.work + "/index", {"abc": "x", "z" * 60: "x", "0" * 250: "x", real[:-4] + "0000": "x", real.upper() + "x": "x",
                                        "dir": {"x": "y"}})
    m = t.mount_stack(stack)
    equal([answer(m / name) for name in ("a", "b", "d/c", "single")], [*["file content"] * 3, "file 1"], "answers")
    write(m / "b", "+", "ab")
    equal([answer(m / name) for name in ("a", "b", "d/c")], ["file content+"] * 3, "content after a write")
    equal(log_lines(m), [], "the log")
