# SPDX-License-Identifier: MIT
"""Hostile commands try to reach the store of the sandboxes; stores and names that are not what they should be are refused.

Each test runs as the caller, and as root inside (--root). The directory outside is compared at its end (harness/sandboxes.py).
"""
import os

from harness import dump, equal, holds, hostile, mark, only_in, read, syscalls, write
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 300

# Whether another sandbox's file is found below some directories.
SEARCH = """
def search(name, *tops):
    for top in tops:
        for directory, below, files in os.walk(top):
            if marker in files:
                told(name, f"done: {directory}")
    outcomes.setdefault(name, "nothing")
"""


def other_sandbox(s):
    """One with changes. The name of a file in it, by which it is recognized."""
    marker = "kept-by" + s.store.replace("/", "-")
    s.sh(f"echo secret > {marker}", "other")
    return marker


def test_store_is_reached_by_no_path(t):
    for kind in hostile.kinds(t):
        s = Sandboxes(t)
        marker = other_sandbox(s)
        home, bound = os.path.dirname(s.store), t.fresh("bound")
        os.symlink(s.store, s.outside + "/link")
        os.symlink(f"{s.store}/other/sandbox.toml", s.outside + "/file-link")
        os.link(f"{s.store}/other/sandbox.toml", home + "/hard-link")
        s.before = dump.checksum(s.outside)
        t.by_root(syscalls.mount, os.path.dirname(home), bound, None, syscalls.MS_BIND)
        inside = t.fresh("inside")
        t.by_root(syscalls.mount, s.store + "/other", inside, None, syscalls.MS_BIND)
        before = dump.checksum(s.store + "/other")
        found = hostile.outcomes(s, SEARCH + """
search("walk", home, bound, inside, outside)
for path in (store, store + "/other", store + "/other/sandbox.toml", store + "/hostile/control", "link", "link/other", "file-link",
             f"{bound}/{os.path.basename(home)}/store", inside + "/sandbox.toml", inside + "/1"):
    attempt(f"stat {path}", os.stat, path)
    attempt(f"open {path}", os.open, path, os.O_RDONLY)
    attempt(f"make {path}", os.mkdir, path)
    attempt(f"create {path}", os.open, path, os.O_WRONLY | os.O_CREAT, 0o600)
    attempt(f"rename to {path}", os.rename, "file", path)
    attempt(f"link to {path}", os.link, "file", path)
    attempt(f"remove {path}", os.unlink, path) if "link" not in path else None
    one = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    attempt(f"connect to {path}", one.connect, path)
""", *kind, values={"home": home, "bound": bound, "inside": inside, "outside": s.outside, "store": s.store,
                              "marker": marker})
        equal(found.pop("walk"), "nothing", "what was found below the directories")
        hostile.all_refused(found, f"stat {s.store}", f"open {s.store}/other/sandbox.toml", f"connect to {s.store}/hostile/control",
                            but=("rename to file-link", "rename to link"))
        equal(dump.checksum(s.store + "/other"), before, "another sandbox")
        for point in (inside, bound):
            t.by_root(syscalls.umount, point)


def test_store_stays_hidden_when_what_is_above_it_is_renamed(t):
    for kind in hostile.kinds(t):
        s = Sandboxes(t)
        marker = other_sandbox(s)
        above = os.path.dirname(os.path.dirname(s.store))
        script = SEARCH + """
def tried(function, *arguments):
    try:
        function(*arguments)
    except OSError:
        pass
tried(os.rename, home, home + "-moved")
tried(os.rename, above, above + "-moved")
tried(os.rename, os.path.dirname(above), os.path.dirname(above) + "-moved")
subprocess.run(["cp", "-al", home, home + "-linked"], stderr=subprocess.DEVNULL)
if become_root_of_own_namespace():
    tried(mount, os.path.dirname(home), "/mnt", None, MS_BIND | MS_REC)
search("walk", os.path.dirname(os.path.dirname(above)), "/mnt")
"""
        for _ in range(2):      # Also what a later run is shown.
            found = hostile.outcomes(s, script, *kind, values={"home": os.path.dirname(s.store), "above": above, "marker": marker})
            kind = ()
            equal(found, {"walk": "nothing"}, "what the command found")


def test_mounts_below_a_renamed_directory_stay_covered(t):
    """What is mounted below a directory that was renamed is not shown, later, by the union that has the directory."""
    secret = t.fresh("secret", {"key": "secret"})
    for kind in hostile.kinds(t):
        s = Sandboxes(t, {"file": "old", "above": {"point": {"below": "x"}, "more": "y"}})
        t.by_root(syscalls.mount, secret, s.outside + "/above/point", None, syscalls.MS_BIND)
        found = hostile.outcomes(s, """
attempt("rename", os.rename, "above", "moved")
attempt("change", lambda: open(("moved" if os.path.exists("moved") else "above") + "/point/key", "w").write("changed"))
""", *kind)
        equal(found["change"], "done", "changing what is mounted, in the sandbox")
        later = hostile.outcomes(s, """
for name in ("moved", "above"):
    try:
        with open(f"{name}/point/key", encoding="ascii") as file:
            told(name, file.read())
    except OSError as error:
        told(name, errno.errorcode[error.errno])
""")
        equal("secret" in later.values(), False, f"whether a later run sees the mount uncovered: {later} after {found}")
        equal(read(secret + "/key"), b"secret", "the file outside")
        t.by_root(syscalls.umount, s.outside + "/above/point")


def test_links_in_place_of_mountpoints_lead_nowhere(t):
    """One run puts a link where the outside mounts something before the next one."""
    precious = t.fresh("precious", {"file": "precious"})
    for kind in hostile.kinds(t):
        s = Sandboxes(t, {"file": "old", "a": {"point": {}}, "b": {"point": {}}, "c": {"point": {}}})
        store = os.path.relpath(s.store, s.outside + "/b")
        found = hostile.outcomes(s, """
for name, target in (("a/point", precious), ("b/point", store), ("c/point", "../../../../../../../../../../../../etc")):
    os.rmdir(name)
    os.symlink(target, name)
told("linked", "yes")
""", *kind, values={"precious": precious, "store": store})
        equal(found, {"linked": "yes"}, "the first run")
        device = t.fresh("device", {"mounted": "x"})
        for name in "abc":
            t.by_root(syscalls.mount, device, f"{s.outside}/{name}/point", None, syscalls.MS_BIND)
        listing = sorted(os.listdir(s.store + "/hostile"))
        done = s.run("hostile", "--", "sh", "-c", "for x in a b c; do echo bad > $x/point/hostile; done; ls /etc/passwd")
        equal((done.returncode, done.stdout), (0, "/etc/passwd\n"), f"the second run: {done.stderr}")
        holds(set(listing) <= set(os.listdir(s.store + "/hostile")), "the sandbox's directory is whole")
        equal(os.path.exists(s.store + "/hostile/hostile"), False, "whether the link led into the store")
        equal(os.listdir(device), ["mounted"], "what is mounted outside")
        for name in "abc":
            t.by_root(syscalls.umount, f"{s.outside}/{name}/point")
    equal(os.listdir(precious), ["file"], "what the link named")


def test_marks_that_commands_make_mean_nothing(t):
    """A redirect in the upper would show what the sandbox hides. To a command it is an attribute like others."""
    names = [mark(name) for name in ("redirect", "opaque", "metacopy", "origin", "whiteout", "impure")]
    for kind in hostile.kinds(t):
        s = Sandboxes(t, {"file": "old", "secret": {"key": "k"}, "dir": {"inner": "x"}})
        found = hostile.outcomes(s, """
os.mkdir("made")
for path in ("made", "dir", "file"):
    for name in names:
        attempt(f"set {name} of {path}", os.setxattr, path, name, redirect.encode())
""", *kind, "--hide", s.outside + "/secret", values={"names": names, "redirect": s.outside + "/secret"})
        equal(f"set {names[0]} of made" in found, True, f"marks were tried: {found}")
        shown = s.sh("ls secret made dir 2>/dev/null; cat file", "hostile")
        equal(shown, "dir:\ninner\n\nmade:\nold", "what a later run sees")
        listed = s.call("diff", "hostile", ".").stdout.splitlines()
        equal([line for line in listed if line.startswith(("R", "D"))], [], "what diff says")


def test_set_id_programs_and_devices_made_inside_are_out_of_reach(t):
    for kind in hostile.kinds(t):
        s = Sandboxes(t)
        s.run(*kind, "set", "--", "sh", "-c", "cp /bin/sh shell; chmod 6755 shell; chmod 777 . ..; mknod zero c 1 5; exit 0")
        copy = s.changed("set", s.outside + "/shell")
        equal(os.stat(copy).st_mode & 0o7777, 0o6755, "the mode of the copy")
        equal((os.stat(s.store).st_mode & 0o777, os.stat(s.store + "/set").st_mode & 0o777), (0o700, 0o700), "what leads to it")
        equal(os.path.exists(os.path.dirname(copy) + "/zero"), False, "whether a device was made")


def test_stores_of_others_are_refused(t):
    for change in (lambda path: os.chmod(path, 0o777), lambda path: os.chmod(path, 0o770),
                   lambda path: t.by_root(os.chown, path, 12345, 12345)):
        for name in ("", "/mine"):
            s = Sandboxes(t)
            s.sh("true", "mine")
            change(s.store + name)
            done = s.run("mine", "--", "true")
            equal((done.returncode, "another user" in done.stderr or "cannot be" in done.stderr), (125, True),
                  f"a run in a store of others ({name}): {done.stderr}")


def test_names_that_lead_elsewhere_are_refused(t):
    s = Sandboxes(t)
    precious = t.fresh("precious", {"file": "precious"})
    s.sh("true", "mine")
    os.symlink(precious, s.store + "/linked")
    os.symlink(s.store + "/mine", s.store + "/again")
    write(s.store + "/plain", "x")
    before = sorted(os.listdir(s.store))
    for name in ("..", ".", "", "a/b", "../x", "/etc", "@last-2", "@x", "-x", ".hidden", "linked", "again", "plain", "x" * 65, "a\nb"):
        done = s.run("--keep", name, "--", "true")
        equal(done.returncode in (125, 126, 127, 1), True, f"a run with {name!r}: {done.returncode} {done.stderr}")
        holds(s.call("rm", name).returncode != 0, f"removing {name!r} is refused")
        equal(sorted(one for one in os.listdir(s.store) if not one.startswith("@")), before, f"the store after {name!r}")
    equal(os.listdir(precious), ["file"], "what the link names")
    os.symlink(precious, s.store + "/@last") if not os.path.lexists(s.store + "/@last") else None
    s.run("true")
    equal(os.listdir(precious), ["file"], "what @last names")


def test_full_store_harms_nothing_outside(t):
    s = Sandboxes(t)
    os.mkdir(s.store, 0o700)
    t.by_root(syscalls.mount, "tmpfs", s.store, "tmpfs", 0, f"size=4m,mode=700,uid={os.getuid()},gid={os.getgid()}")
    if t.world != "root":
        t.by_root(os.chown, s.store, *_owner(t))
    found = hostile.outcomes(s, """
piece = bytes(1 << 16)
def fill():
    with open("large", "wb", buffering=0) as file:
        for _ in range(200):
            file.write(piece)
attempt("fill", fill)
attempt("copy up", lambda: open("dir/inner", "ab").write(b"x" * 100000))
for _ in range(3):
    attempt("overwrite", lambda: open("file", "wb").write(piece * 4))
""", name="full")
    equal(found["fill"], "ENOSPC", "filling the store")
    equal(s.sh("rm -f large; echo again > again; cat dir/inner again", "full")[-6:], "again\n", "a later run")
    s.wait_for_end()
    t.by_root(syscalls.umount, s.store, syscalls.MNT_DETACH)


def _owner(t):
    return {"userns": (100_000, 100_000), "user": (65534, 65534)}[t.world]
