# SPDX-License-Identifier: MIT
"""`overpass diff -u`: git applies it to a copy of what the lowers show, which then is what the union shows."""
import os
import random
import stat
import subprocess

from harness import contains, equal, holds, write
from harness.systems import option_text
from harness.trees import File, Symlink
from harness.random_changes import step, tree, walk

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
STEPS, ROUNDS = 60, 6


def in_patches(found):
    """What git keeps of a tree."""
    return {path: (what["type"], what["content"], stat.S_ISREG(what["type"]) and bool(what["mode"] & 0o100))
            for path, what in sorted(found.items()) if not stat.S_ISDIR(what["type"])}


def copied(t, root):
    copy = t.fresh("copy")
    subprocess.run(["cp", "-a", root + "/.", copy], check=True)
    return copy


def apply(t, copy, patch, about):
    name = t.fresh("patch") + "/patch"
    write(name, patch)
    environment = {**os.environ, "GIT_CEILING_DIRECTORIES": os.path.dirname(copy)}
    done = subprocess.run(["git", "apply", "--whitespace=nowarn", name], cwd=copy, env=environment, capture_output=True, check=False)
    equal((done.returncode, done.stderr.decode()), (0, ""), f"git apply, {about}\n{patch}")


def patch_of(t, m, *arguments):
    status, out, err = t.status_text("diff", "-u", *arguments, "-o", option_text(m.stack))
    equal((status, err), (0, ""), "exit status and messages")
    return out


def check(t, m, copy, about):
    patch = patch_of(t, m)
    apply(t, copy, patch, about)
    equal(in_patches(walk(copy)), in_patches(walk(m.path)), f"what the patch makes, {about}\n{patch}")


def rounds(t, options):
    for number in range(ROUNDS):
        seed = f"{t.settings.seed} patch {options} {number}"
        source = random.Random(seed)
        m = t.mount(*[t.layer(tree(source)) for _ in range(source.randint(1, 3))], options=options)
        copy = copied(t, m.path)
        for _ in range(STEPS):
            step(source, m.path)
        check(t, m, copy, f"seed {seed!r}")
        m.umount()


def test_random_changes_with_redirects(t):
    rounds(t, ("redirect_dir=on", "metacopy=on"))


def test_random_changes_without_redirects(t):
    rounds(t, ("redirect_dir=off",))


def test_what_patches_can_say(t):
    m = t.mount(t.layer({
        "binary": os.urandom(3000), "no newline": "a\nb", "mode": File(b"#!", mode=0o644), "link": Symlink("old"),
        "gone": "1\n2\n", "dir": {"deep": {"file": "x\n" * 20}, "other": "o\n"}, "te\txt": "t\n", "empty": "",
        ".gitattributes": "* binary\n"}), options=("redirect_dir=on",))
    copy = copied(t, m.path)
    with open(m / "binary", "r+b") as file:
        file.write(b"\0\1\2")
    write(m / "no newline", "a\nc")
    os.chmod(m / "mode", 0o755)
    os.unlink(m / "link"), os.symlink("new", m / "link")
    os.unlink(m / "gone"), os.unlink(m / "empty")
    os.rename(m / "dir", m / "moved")
    write(m / "moved/other", "changed\n")
    os.rename(m / "te\txt", m / "n\u00e4me")
    write(m / ".gitattributes", "* text eol=crlf -diff\n")
    write(m / "quo\"te", "q")
    write(m / "crlf", "a\r\nb\r\n")
    patch = patch_of(t, m)
    check(t, m, copy, "files of all kinds")
    for line in ("GIT binary patch", "\\ No newline at end of file", "old mode 100644", "new mode 100755",
                 "rename from dir/deep/file", "rename to moved/deep/file", "deleted file mode 100644", "+a\r",
                 'diff --git "a/quo\\"te" "b/quo\\"te"'):
        holds(line in patch, f"the patch has {line!r}\n{patch}")
    equal(patch_of(t, m, "moved/deep").splitlines()[0], "diff --git a/dir/deep/file b/moved/deep/file", "of a path")


def test_an_interrupted_patch_leaves_no_copies(t):
    """A program that stands for git interrupts the one that has called it."""
    m = t.mount(t.layer({"a": "1"}))
    write(m / "a", "2")
    programs, copies = t.fresh("programs"), t.fresh("copies")
    write(programs + "/git", f"#!/bin/sh\nls {copies} > {programs}/seen\nkill -INT $PPID\nexit 1\n")
    os.chmod(programs + "/git", 0o755)
    environment = {**os.environ, "PATH": programs + ":" + os.environ["PATH"], "TMPDIR": copies}
    status, out, err = t.status_text("diff", "-u", "-o", option_text(m.stack), env=environment)
    equal((status, out), (3, ""), "exit status")
    contains(err, "interrupted", "message")
    with open(programs + "/seen", encoding="utf-8") as file:
        contains(file.read(), "overpass-diff.", "the directory of copies meanwhile")
    equal(os.listdir(copies), [], "copies afterwards")


def test_deep_trees_and_long_names(t):
    """Deeper than a path that a system call takes."""
    m = t.mount(t.layer({"x": ""}))
    name, names = "n" * 200, []
    at = os.open(m.path, os.O_RDONLY)
    for _ in range(30):
        names.append(name)
        os.mkdir(name, dir_fd=at)
        below = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=at))
    os.close(at)
    status, out, err = t.status_text("diff", "-o", option_text(m.stack))
    equal((status, err, out.splitlines()[-1]), (0, "", "A " + "/".join(names) + "/file"), "the deepest line")
    contains(patch_of(t, m), "/".join(names) + "/file", "the patch")


def test_a_patch_needs_git_and_room(t):
    m = t.mount(t.layer({"a": "1"}))
    write(m / "a", "2")
    for variable, message in (("PATH", "git cannot compare"), ("TMPDIR", "no directory can be made")):
        status, out, err = t.status_text("diff", "-u", "-o", option_text(m.stack), env={**os.environ, variable: "/nonexistent"})
        equal((status, out), (3, ""), f"exit status without {variable}")
        contains(err, message, "message")
