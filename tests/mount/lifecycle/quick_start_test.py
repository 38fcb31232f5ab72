# SPDX-License-Identifier: MIT
"""What overpass-start(7) and overpass-coming-from(7) show works as it stands there: the tests run the examples of the pages."""
import os
import subprocess

from harness import contains, equal, holds, isolation, only_in, pages, read, trees
from harness.checks import Failure
from harness.program_names import in_sbin
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
START, COMING_FROM = "overpass-start.7", "overpass-coming-from.7"


def typed(t, commands, tree):
    """A reader's directory after the commands were typed there, what they printed, and what they left mounted."""
    home = t.fresh("home")
    trees.build(home, {"bin": {}, **tree})
    os.symlink(os.path.abspath(t.settings.overpass), home + "/bin/overpass")
    t.at_end(lambda: [subprocess.run(["umount", "-l", point], check=False) for point in isolation.mounts_below(home)])
    environment = dict(os.environ, PATH=f"{home}/bin:{os.environ['PATH']}", HOME=home)
    done = subprocess.run(["sh", "-ec", commands], cwd=home, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=t.settings.seconds(60), check=False)
    if done.returncode != 0:
        raise Failure(f"{commands} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return home, done.stdout


def test_a_sandbox_shows_what_would_change(t):
    s = Sandboxes(t)
    home = os.path.dirname(s.store)
    trees.build(home, {"bin": {}, "notes": "mine"})
    os.symlink(os.path.abspath(t.settings.overpass), home + "/bin/overpass")
    environment = s.environment(PATH=f"{home}/bin:{os.environ['PATH']}", XDG_CONFIG_HOME=home + "/.config")
    done = subprocess.run(["sh", "-ec", pages.examples(START, "A SANDBOX")], cwd=home, env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=t.settings.seconds(120), check=False)
    equal((done.returncode, done.stderr), (0, ""), "the commands")
    contains(done.stdout, f"M {home[1:]}/notes", "what overpass diff prints")
    equal((read(home + "/notes"), os.listdir(s.store)), (b"mine", []), "the file, and the sandboxes that are left")


def test_a_union_takes_changes(t):
    home, out = typed(t, pages.examples(START, "A UNION"), {"tree": {"notes": "mine"}})
    equal((read(home + "/tree/notes"), read(home + "/upper/notes")), (b"mine", b"changed\n"), "the lower and the upper file")
    contains(out, "M notes", "what overpass diff prints")
    equal(list(isolation.mounts_below(home)), [], "what is left mounted")


@only_in("root", "userns", why="mount -a is root's")
def test_a_line_of_fstab_is_mounted(t):
    in_sbin(t)
    commands = pages.examples(START, "A LINE OF FSTAB").replace("umount merged", "cat merged/notes\numount merged")
    home, out = typed(t, commands, {"tree": {"notes": "mine"}})
    equal((out, list(isolation.mounts_below(home))), ("mine", []), "what the union shows, and what is left mounted")


def test_an_ordinary_user_mounts_likewise(t):
    home, out = typed(t, pages.examples(START, "AN ORDINARY USER"), {"tree": {"notes": "mine"}})
    contains(out, "passthrough:", "what overpass status prints")
    equal(list(isolation.mounts_below(home)), [], "what is left mounted")


def mounts_here(t, line):
    home, out = typed(t, f"{line}\ncat merged/x\noverpass umount merged", {"a": {"x": "of a"}, "b": {"x": "of b"}, "u": {}, "w": {}, "merged": {}})
    equal((out, list(isolation.mounts_below(home))), ("of a", []), f"what {line} shows")


def test_the_lines_for_users_of_fuse_overlayfs_and_mergerfs_mount(t):
    mounts_here(t, pages.examples(COMING_FROM, "FUSE-OVERLAYFS").strip())
    line = pages.examples(COMING_FROM, "MERGERFS").splitlines()[1]
    holds(line.startswith("overpass "), f"the second line: {line}")
    mounts_here(t, line)


@only_in("root", "userns", why="mount(8) mounts for root alone what is not in fstab")
def test_the_line_for_users_of_overlayfs_mounts(t):
    in_sbin(t)
    line = pages.examples(COMING_FROM, "OVERLAYFS").strip()
    holds(line.startswith("mount -t overpass "), f"the line: {line}")
    mounts_here(t, line)


def test_options_that_are_said_to_be_taken_are_taken_and_others_refused(t):
    low, upper, work, point = t.layer({"x": "1"}), t.layer(), t.fresh("work"), t.fresh("mnt")
    t.watch_lower(low)
    base = f"lowerdir={low},upperdir={upper},workdir={work}"

    def status(options):
        return t.status_text("mount", "--dry-run", "-o", f"{base},{options}", point)[0]

    for options in ("squash_to_root", "squash_to_uid=0", "squash_to_gid=0", "uidmapping=0:0:1", "gidmapping=0:0:1", "xattr_permissions=1",
                    "static_nlink", "noxattrs", "noacl", "fsync=0", "volatile", "timeout=1", "threaded=1", "fast_ino=1", "clone_fd",
                    "max_idle_threads=3", "redirect_dir=on", "index=on", "metacopy=on", "nfs_export=on,index=on", "xino=on",
                    "verity=on,metacopy=on", "uuid=on", "userxattr", "userxattr,redirect_dir=on,metacopy=on"):
        equal(status(options), 0, f"status with {options}")
    for options in ("plugins=x", "remount", "nonsense", f"upperdir={upper}"):
        equal(status(options), 2, f"status with {options}")
