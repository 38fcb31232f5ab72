# SPDX-License-Identifier: MIT
"""A sandbox as a layer of a container image, put by the rules of OCI over a copy of the outside."""
import hashlib
import os
import random
import shutil
import stat
import subprocess
import tarfile

from harness import contains, equal, holds
from harness.random_changes import remove, tree, walk
from harness.sandbox_steps import inside
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 400
ROUNDS, STEPS = 4, 50


def export(s, name, *options, status=0):
    file = os.path.join(os.path.dirname(s.store), f"{name}.tar")
    done = s.call("export", "-o", file, *options, name)
    equal(done.returncode, status, f"exit status, {done.stderr}")
    return file if status == 0 else done.stderr


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def put_attributes(member, path):
    for key, value in member.pax_headers.items():
        if key.startswith("SCHILY.xattr."):
            os.setxattr(path, key.removeprefix("SCHILY.xattr."), value.encode("utf-8", "surrogateescape"), follow_symlinks=False)
    if not member.issym():
        os.chmod(path, member.mode)


def put(archive, member, top, path):
    """One entry of a layer."""
    above, name = os.path.split(path)
    if name == ".wh..wh..opq":
        for other in os.listdir(above):
            remove(os.path.join(above, other))
    elif name.startswith(".wh."):
        remove(os.path.join(above, name.removeprefix(".wh.")))
    elif member.isdir():
        if os.path.lexists(path) and not stat.S_ISDIR(os.lstat(path).st_mode):
            os.unlink(path)
        os.makedirs(path, exist_ok=True)
        for key in os.listxattr(path):
            os.removexattr(path, key)
        put_attributes(member, path)
    else:
        if os.path.lexists(path):
            remove(path)
        if member.islnk():
            os.link(top + member.linkname, path, follow_symlinks=False)
            return
        if member.issym():
            os.symlink(member.linkname, path)
        else:
            with archive.extractfile(member) as source, open(path, "wb") as copy:
                shutil.copyfileobj(source, copy)
        put_attributes(member, path)


def extracted(t, s, file):
    """The outside with the layer over it."""
    top = t.fresh("extracted")
    place = top + s.outside
    os.makedirs(os.path.dirname(place))
    subprocess.run(["cp", "-a", s.outside, place], check=True)
    with tarfile.open(file) as archive:
        for member in archive:
            holds(not member.name.startswith("/"), f"{member.name} is a relative path")
            if ("/" + member.name + "/").startswith(s.outside + "/"):
                put(archive, member, top + "/", os.path.join(top, member.name))
    return {path: {**what, "content": repr(what["content"]), "xattrs": repr(sorted(what["xattrs"].items())), "owner": None}
            for path, what in walk(place).items()}


def test_layer_over_the_outside_is_what_the_sandbox_shows(t):
    for number in range(ROUNDS):
        seed = f"{t.settings.seed} {number}"
        s = Sandboxes(t, tree(random.Random(seed)))
        for generation in range(2):
            shown = inside(s, "try1", f"{seed} {generation}", STEPS)["tree"]
            expected = {path: {**what, "owner": None} for path, what in shown.items()}
            if generation == 0:
                equal(s.call("snapshot", "try1").returncode, 0, "snapshot")
            equal(extracted(t, s, export(s, "try1")), expected, f"seed {seed!r}, generation {generation}")
        s.call("rm", "try1")


def test_same_changes_make_the_same_bytes(t):
    s = Sandboxes(t, {"a": "1", "dir": {"b": "2"}})
    s.sh("echo x > new; rm a; mv dir moved; touch -d @7 new moved .", "try1")
    equal(s.call("fork", "try1", "copy").returncode, 0, "fork")
    for how in ("none", "gzip", "zstd"):
        first = digest(export(s, "try1", "--compress", how))
        subprocess.run(["touch", "-a", s.outside + "/dir/b"], check=True)
        equal(digest(export(s, "copy", "--compress", how)), first, f"the bytes with {how}")


def test_names_modes_links_and_holes_are_kept(t):
    s = Sandboxes(t, {"a": "1", "gone": "2", "dir": {"b": "2"}})
    s.sh("truncate -s 64M hole; printf end >> hole; ln hole second; mkfifo pipe; ln -s nowhere link; rm gone; rm -r dir; mkdir dir; "
         "setfacl -m m::r a; chmod 4755 hole", "try1")
    file = export(s, "try1", "--compress", "zstd")
    holds(os.path.getsize(file) < 1 << 20, "holes take no space")
    plain = export(s, "try1")
    top = s.outside[1:] + "/"
    with tarfile.open(plain) as archive:
        found = {member.name.removeprefix(top): member for member in archive}
    names = [name for name in found if not s.outside[1:].startswith(name)]
    equal(sorted(names), [".wh.gone", "a", "dir", "dir/.wh..wh..opq", "hole", "link", "pipe", "second"], "names")
    equal((found["hole"].mode & 0o7777, found["hole"].size, found["second"].linkname, found["link"].linkname,
           found["pipe"].isfifo()), (0o4755, (64 << 20) + 3, top + "hole", "nowhere", True), "what is said of them")
    contains(found["a"].pax_headers.get("SCHILY.acl.access", ""), "mask::r", "the ACL")


def test_what_cannot_be_exported_is_refused(t):
    s = Sandboxes(t, {"a": "1"})
    s.sh("echo x > new", "try1")
    equal(s.call("export").returncode, 2, "without a name")
    contains(export(s, "try1", "--compress", "xz", status=2), "--compress takes no 'xz'", "an unknown compression")
    contains(export(s, "none", status=1), "no sandbox is called", "an unknown sandbox")
    done = s.call("export", "-o", "/nonexistent/layer", "try1")
    equal(done.returncode, 1, "a place that is not there")
    contains(done.stderr, "/nonexistent/layer", "what is said")
    run = s.start("busy", "--", "sh", "-c", "echo 1 > one; echo ready; read line")
    equal(run.stdout.readline(), "ready\n", "the command")
    contains(export(s, "busy", status=1), "is running", "one that runs")
