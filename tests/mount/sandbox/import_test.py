# SPDX-License-Identifier: MIT
"""Archives and directories that are imported: hostile ones, other programs' own, interrupted and cut ones."""
import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
import time

from harness import contains, equal, holds
from harness.sandboxes import Sandboxes
from harness.terminal import run_on_terminal

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")


def beside(s, name):
    return os.path.join(os.path.dirname(s.store), name)


def archive(s, *members, compression=""):
    """A tar archive of (name, type or content, attributes); names below "@" are below the outside."""
    path = beside(s, "made.tar")
    with tarfile.open(path, f"w:{compression}", format=tarfile.PAX_FORMAT) as made:
        for name, what, *more in members:
            member = tarfile.TarInfo(name.replace("@", s.outside[1:], 1))
            member.mtime, member.mode = 7, 0o755 if what == tarfile.DIRTYPE else 0o644
            content = None
            if isinstance(what, str):
                content = io.BytesIO(what.encode())
                member.size = len(what)
            else:
                member.type = what
            for key, value in (more[0] if more else {}).items():
                if key == "linkname":
                    value = value.replace("@", s.outside[1:], 1)
                if key == "xattrs":
                    member.pax_headers = {f"SCHILY.xattr.{one}": text.replace("@", s.outside, 1) for one, text in value.items()}
                else:
                    setattr(member, key, value)
            made.addfile(member, content)
    return path


def imported(s, path, form="oci", status=0, name="new", **named):
    done = s.call("import", "--format", form, name, *([path] if path else []), **named)
    equal(done.returncode, status, f"exit status, {done.stderr}")
    return done.stderr


def nothing_is_left(s):
    """Neither a sandbox nor a part of one."""
    names = [name for name in os.listdir(s.store) if name != "@layers"] if os.path.isdir(s.store) else []
    equal(names, [], "what is in the store")


def test_hostile_archives_are_refused_whole(t):
    s = Sandboxes(t)
    secret = t.fresh("secret", {"file": "outside"})
    cases = (
        ([("../escaped", "x")], "leads out of it"),
        ([("@/../../escaped", "x")], "leads out of it"),
        ([(f"{secret}/file", "x")], "leads out of it"),
        ([("@/..", tarfile.DIRTYPE)], "leads out of it"),
        ([("@/dir/.wh...", "")], "leads out of it"),
        ([("@/.wh.", "")], "leads out of it"),
        ([("@/link", tarfile.SYMTYPE, {"linkname": secret}), ("@/link/file", "x")], "lies below what is no directory"),
        ([("@/one", "x"), ("@/one/two", "x")], "lies below what is no directory"),
        ([("@/hard", tarfile.LNKTYPE, {"linkname": "../../etc/passwd"})], "leads out of it"),
        ([("@/hard", tarfile.LNKTYPE, {"linkname": "/etc/passwd"})], "leads out of it"),
        ([("@/hard", tarfile.LNKTYPE, {"linkname": "@/file"})], "No such file"),
        ([("@/self", tarfile.LNKTYPE, {"linkname": "@/self"})], "File exists"),
        ([("@/" + "x" * 300, "x")], "File name too long"),
        ([(s.store[1:] + "/try1/sandbox.toml", "x")], "nothing that a sandbox can change"),
    )
    for members, words in cases:
        # What comes before is not left either.
        contains(imported(s, archive(s, ("@/first", "1"), *members), status=1), words, f"what is said of {members}")
        nothing_is_left(s)
    equal(os.listdir(secret), ["file"], "what is in the other directory")
    with open(secret + "/file", encoding="utf-8") as file:
        equal(file.read(), "outside", "a file that a link leads to")


def test_devices_are_for_root(t):
    s = Sandboxes(t)
    path = archive(s, ("@/device", tarfile.CHRTYPE, {"devmajor": 1, "devminor": 3}))
    if t.world == "root":
        imported(s, path)
        contains(s.sh("ls -l device; cat device 2>&1 || true", "new"), "1, 3", "the device in the sandbox")
    else:
        contains(imported(s, path, status=1), "root alone", "what is said")
        nothing_is_left(s)


def test_marks_in_archives_are_files_attributes(t):
    """Nobody can bring overlayfs's marks but by .wh. names."""
    s = Sandboxes(t, {"file": "old", "dir": {"inner": "deep"}})
    marks = {f"{head}.overlay.{mark}": value for head in ("user", "trusted")
             for mark, value in (("opaque", "y"), ("redirect", "/etc"), ("metacopy", "x"), ("whiteout", "y"), ("origin", "x"))}
    marks |= {"user.fuseoverlayfs.opaque": "y", "user.containers.override_stat": "4242:4242:04755"}
    imported(s, archive(s, ("@/dir", tarfile.DIRTYPE, {"xattrs": marks}), ("@/file", "", {"xattrs": marks})))
    equal(s.sh("ls dir; cat file; stat -c %u dir", "new"), f"inner\n{os.stat(s.outside).st_uid}\n" if t.world == "user" else "inner\n0\n",
          "what the sandbox shows")
    contains(s.sh("getfattr -h -d -m - file dir", "new"), 'user.overlay.opaque="y"', "the attribute as a user's own")


def test_whiteouts_of_other_programs(t):
    s = Sandboxes(t, {"file": "old", "dir": {"inner": "deep", "other": "deep"}, "gone": {"a": "1"}})
    imported(s, archive(s, ("@/.wh.file", ""), ("@/.wh.nothing", ""), ("@/none/.wh.nothing", ""), ("@/dir/.wh.inner", ""),
                        ("@/.wh..wh.aufs", "x"), ("@/dir/new", "1"), ("@/gone/.wh..wh..opq", ""), ("@/gone/b", "2"), compression="gz"))
    equal(s.sh("find . | sort", "new").split(), [".", "./dir", "./dir/new", "./dir/other", "./gone", "./gone/b"], "what the sandbox shows")
    # The order of a mark and what it is about is not said anywhere.
    imported(s, archive(s, ("@/.wh.dir", ""), ("@/dir", tarfile.DIRTYPE), ("@/dir/anew", "1"), ("@/file", "1"), ("@/.wh.file", ""),
                        ("@/gone", "now a file")), name="second")
    equal(s.sh("find . | sort; cat file gone", "second").split("\n"), [".", "./dir", "./dir/anew", "./file", "./gone", "1now a file"],
          "what the second one shows")


def test_a_redirect_shows_only_the_outside(t):
    s = Sandboxes(t, {"dir": {"inner": "deep"}})
    moved = {"xattrs": {"user.overlay.redirect": "@/dir"}}
    imported(s, archive(s, ("@/moved", tarfile.DIRTYPE, moved), ("@/.wh.dir", "")), "tar")
    equal(s.sh("find . | sort", "new").split(), [".", "./moved", "./moved/inner"], "a moved directory")
    for value in ("/../etc", "etc", "/" + s.store.strip("/")):
        bad = archive(s, ("@/moved", tarfile.DIRTYPE, {"xattrs": {"user.overlay.redirect": value}}))
        imported(s, bad, "tar", status=1, name="bad")
    imported(s, archive(s, ("@/moved", tarfile.DIRTYPE, {"xattrs": {"user.overlay.redirect": "@/nothing"}})), "tar", name="empty")
    equal(s.sh("ls moved", "empty"), "", "what came from a place that is not there")


def test_cut_archives_leave_nothing(t):
    s = Sandboxes(t)
    s.sh("head -c 300000 /dev/urandom > big; echo 1 > small", "try1")
    path = beside(s, "whole.tar")
    for how in ("none", "gzip", "zstd"):
        equal(s.call("export", "--compress", how, "-o", path, "try1").returncode, 0, "export")
        with open(path, "rb") as file:
            whole = file.read()
        # Without the blocks of zeros at the end the last entry is whole.
        last = -(-len(whole.rstrip(b"\0")) // 512) * 512 if how == "none" else len(whole) - 1
        for length in (10, 1000, len(whole) // 2, len(whole) - 5000, last):
            with open(path, "wb") as file:
                file.write(whole[:length])
            done = s.call("import", "new", path)
            equal(done.returncode, 1, f"exit status for {length} bytes with {how}, {done.stderr}")
            equal([name for name in os.listdir(s.store) if name not in ("@layers", "try1")], [], "what is left")
        os.unlink(path)


def test_a_killed_import_leaves_no_sandbox(t):
    s = Sandboxes(t)
    for way in (signal.SIGKILL, signal.SIGTERM):
        process = subprocess.Popen([t.settings.overpass, "import", "new"], env=s.environment(), stdin=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, cwd=s.outside)
        with open(archive(s, ("@/first", "1"), ("@/big", "x" * 3_000_000)), encoding="utf-8") as file:
            process.stdin.write(file.read(2_000_000))
        process.stdin.flush()
        deadline = time.monotonic() + t.settings.seconds(20)
        while not (os.path.isdir(s.store) and any(name.startswith(".new-") for name in os.listdir(s.store))):
            holds(time.monotonic() < deadline, "the import begins")
            time.sleep(0.01)
        process.send_signal(way)
        process.communicate()
        equal(json.loads(s.call("list", "--json").stdout)["sandboxes"], [], "the sandboxes that are listed")
        if way == signal.SIGTERM:
            # It has also put away what the one before it left.
            nothing_is_left(s)
    with open(archive(s, ("@/first", "1")), "rb") as file:
        done = subprocess.run([t.settings.overpass, "import", "new"], env=s.environment(), stdin=file, cwd=s.outside, check=False)
    equal(done.returncode, 0, "an import from standard input")
    equal(s.sh("cat first", "new"), "1", "what it has")


def test_layers_of_a_stack_are_merged_in_order(t):
    s = Sandboxes(t, {"file": "old", "other": "old"})
    s.sh("echo rw > file", "try1")
    stack = beside(s, "one.mstack")
    equal(s.call("export", "--format", "mstack", "-o", stack, "try1").returncode, 0, "export")
    below = os.path.relpath(s.outside, os.readlink(stack + "/layer@0"))
    for number in (2, 10):
        os.makedirs(f"{stack}/layer@{number}/{below}")
        for name in ("file", "other", f"from{number}"):
            with open(f"{stack}/layer@{number}/{below}/{name}", "w", encoding="utf-8") as file:
                file.write(f"layer {number}")
    shutil.rmtree(stack + "/rw/work")
    imported(s, stack, "mstack")
    equal(s.sh("cat file other from2 from10", "new"), "rw\nlayer 10layer 2layer 10", "what the sandbox shows")
    for part, kind in (("layer@x", os.mkdir), ("layer@01", os.mkdir), ("bind@var", os.mkdir), ("layer@3.raw", os.mkdir), ("root", os.mkdir)):
        kind(f"{stack}/{part}")
        contains(imported(s, stack, "mstack", status=1, name="bad"), "no part of a stack that can be a sandbox", f"what is said of {part}")
        os.rmdir(f"{stack}/{part}")
    os.unlink(stack + "/layer@0")
    contains(imported(s, stack, "mstack", status=1, name="bad"), "is not a link", "a stack that brings its own system")


def test_what_a_directory_grants_is_not_taken_over(t):
    s = Sandboxes(t, {"file": "old"})
    elsewhere = t.fresh("elsewhere", {"file": "old"})
    s.sh("echo new > file", "try1", "--rw", elsewhere)
    path = beside(s, "plain")
    equal(s.call("export", "--format", "dir", "-o", path, "try1").returncode, 0, "export")
    imported(s, path, "dir")
    equal(s.sh(f"cat file; echo changed > {elsewhere}/file", "new"), "new\n", "what it shows")
    with open(elsewhere + "/file", encoding="utf-8") as file:
        equal(file.read(), "old", "what another sandbox could write to")


def test_a_sandbox_of_one_directory(t):
    s = Sandboxes(t, {"file": "old"})
    s.sh("echo new > file", "--here", "try1")
    for form, name in (("dir", "plain"), ("mstack", "one.mstack")):
        path = beside(s, name)
        equal(s.call("export", "--format", form, "-o", path, "try1").returncode, 0, f"export {form}")
        imported(s, path, form, name=form)
        equal(s.sh("cat file", form), "new\n", f"what it shows, {form}")


def test_what_was_imported_can_be_applied(t):
    s = Sandboxes(t, {"file": "old", "dir": {"inner": "deep"}, "gone": {"a": "1"}})
    s.sh("echo new > file; mv dir moved; rm -r gone", "try1")
    for form, name in (("oci", "a.tar"), ("tar", "b.tar"), ("dir", "plain"), ("mstack", "one.mstack")):
        equal(s.call("export", "--format", form, "-o", beside(s, name), "try1").returncode, 0, f"export {form}")
        imported(s, beside(s, name), form, name=form)
        equal(s.call("apply", form, "--dry-run").returncode, 0, f"an apply after {form}")
    time.sleep(0.02)
    with open(s.outside + "/file", "w", encoding="utf-8") as file:
        file.write("meanwhile")
    s.outside_is_as_it_should_be()
    for form in ("oci", "tar", "dir", "mstack"):
        equal(s.call("apply", form, "--dry-run").returncode, 1, f"an apply over what was changed outside, {form}")


def test_a_patch_is_what_diff_writes(t):
    s = Sandboxes(t, {"file": "old\n", "dir": {"inner": "deep"}})
    s.sh("echo more >> file; head -c 1000 /dev/urandom > binary; mv dir moved", "try1")
    path = beside(s, "one.patch")
    equal(s.call("export", "--format", "patch", "-o", path, "try1").returncode, 0, "export")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    equal(text, s.call("diff", "--patch", "--no-pager", "try1").stdout, "the patch")
    contains(text, "GIT binary patch", "binary files")
    equal(s.call("export", "--format", "patch", "try1").stdout, text, "on standard output")
    done = s.call("import", "--format", "patch", "new", path)
    equal(done.returncode, 2, "importing it")
    contains(done.stderr, "git apply", "what is said")


def test_calls_that_are_refused(t):
    s = Sandboxes(t)
    s.sh("echo 1 > new", "try1")
    for words, status, said in (
            (("export", "--format", "zip", "try1"), 2, "--format takes no 'zip'"),
            (("export", "--format", "dir", "try1"), 2, "needs a place"),
            (("export", "--format", "dir", "--compress", "zstd", "-o", beside(s, "x"), "try1"), 2, "--compress is for archives"),
            (("export", "--format", "mstack", "-o", beside(s, "x"), "try1"), 2, "ends with .mstack"),
            (("export", "--format", "dir", "-o", s.outside, "try1"), 1, "is there already"),
            (("export", "--format", "dir", "-o", "/nonexistent/x", "try1"), 1, "/nonexistent/x"),
            (("import",), 2, "NAME of a new sandbox"),
            (("import", "--format", "dir", "new"), 2, "no directory is named"),
            (("import", "../new", "/dev/null"), 1, "no sandbox can be called"),
            (("import", "try1", "/dev/null"), 1, "already"),
            (("import", "new", "/nonexistent/x"), 1, "/nonexistent/x"),
            (("import", "new", "/etc/passwd"), 1, "the archive cannot be read"),
            (("import", "--format", "dir", "new", s.outside), 1, "sandbox.toml"),
            (("import", "--format", "dir", "new", f"{s.store}/try1"), 1, "was not written by"),
            (("import", "--format", "mstack", "new", t.fresh("empty")), 1, "has no layer")):
        done = s.call(*words)
        equal(done.returncode, status, f"exit status of {words}, {done.stderr}")
        contains(done.stderr, said, f"what is said to {words}")
    equal(sorted(name for name in os.listdir(s.store) if name != "@layers"), ["try1"], "what is in the store")


def on_terminal(s, *words):
    """What the command says on standard error, which is a terminal."""
    status, said = run_on_terminal([s.t.settings.overpass, *words], streams=("stderr",), env=s.environment(), cwd=s.outside,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    equal(status, 0, f"exit status of {words}, {said!r}")
    return said.decode()


def test_progress_is_for_terminals(t):
    s = Sandboxes(t, {"file": "old"})
    s.sh("mkdir $(seq 300)", "try1")
    path = beside(s, "made.tar")
    contains(on_terminal(s, "export", "-o", path, "try1"), "256 directories written", "what export says")
    contains(on_terminal(s, "import", "one", path), "256 entries read", "what import says")
    contains(on_terminal(s, "rebase", "one"), "256 directories done", "what rebase says")
    for words in (("export", "-o", path, "try1"), ("import", "two", path), ("rebase", "two")):
        equal(s.call(*words).stderr, "", f"what {words} says in a pipe")
