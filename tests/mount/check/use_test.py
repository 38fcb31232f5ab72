# SPDX-License-Identifier: MIT
"""Calls of `overpass check`: what it refuses, and that it changes nothing unless it is asked to."""
import json
import os
import signal
import subprocess

from harness import contains, credentials, equal, holds, mark, only_in, syscalls, worlds, write
from harness.systems import option_text
from harness.terminal import run_on_terminal

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")


def stack_with(t, upper, lower=None):
    return t.stack(t.layer(lower or {"file": "x"}), upper=t.layer(upper))


def check(t, stack, *arguments, **named):
    return t.status_text("check", *arguments, "-o", option_text(stack), **named)


def test_a_check_writes_nothing(t):
    stack = stack_with(t, {"dir": {}, "file": "y"})
    os.mknod(stack.upper + "/useless", 0o020000), os.makedirs(stack.work + "/work/#1")
    before = [t.dump(path, mtime=None) for path in (stack.upper, stack.work, stack.lowers[0])]
    times = [os.stat(path).st_ctime_ns for path in (stack.upper, stack.work + "/work")]
    equal(check(t, stack)[0], 1, "exit status with findings")
    equal([t.dump(path, mtime=None) for path in (stack.upper, stack.work, stack.lowers[0])], before, "the layers")
    equal([os.stat(path).st_ctime_ns for path in (stack.upper, stack.work + "/work")], times, "times of change")


def test_an_upper_on_a_read_only_file_system_is_checked_and_not_repaired(t):
    stack = stack_with(t, {})
    os.mknod(stack.upper + "/useless", 0o020000)
    both = os.path.dirname(stack.upper)
    t.by_root(syscalls.mount, both, both, None, syscalls.MS_BIND)
    t.by_root(syscalls.mount, "none", both, None, syscalls.MS_BIND | syscalls.MS_REMOUNT | syscalls.MS_RDONLY)
    try:
        status, out, _ = check(t, stack)
        equal((status, out.count("[whiteout-unneeded]")), (1, 1), "a check of what cannot be written")
        status, _, err = check(t, stack, "--repair")
        equal(status, 3, "a repair of it")
        contains(err, "cannot be written", "message")
    finally:
        t.by_root(syscalls.umount, both)
    holds(os.path.lexists(stack.upper + "/useless"), "the whiteout is still there")


def test_mounted_layers_are_refused(t):
    for system in ("kernel", "overpass"):
        m = t.mount(t.layer({"file": "x"}), system=system)
        status, out, err = check(t, m.stack)
        equal((status, out), (3, ""), f"a check of what {system} has mounted")
        contains(err, "in use", "message")
        other = t.stack(m.stack.lowers[0])
        equal(check(t, other)[0], 0, "a check of another upper meanwhile")
        other.work = m.work
        equal(check(t, other)[0], 3, "a check with the workdir of the mount")
        m.umount()
        equal(check(t, m.stack)[0], 0, "a check after the unmount")


@only_in("root", "userns", why="an ordinary user makes no namespace of mounts")
def test_an_overlay_mount_of_another_namespace_is_noticed(t):
    t.need("overlayfs")
    stack = t.stack(t.layer({"file": "x"}))
    script = 'mount -t overlay none -o "$1" "$2" && echo ready && read end'
    child = subprocess.Popen(["unshare", "-m", "sh", "-c", script, "sh", option_text(stack), stack.mountpoint],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        equal(child.stdout.readline(), b"ready\n", "the mount in a namespace of its own")
        status, _, err = check(t, stack)
        equal(status, 3, "a check meanwhile")
        contains(err, "in use by the overlay mount", "message")
    finally:
        child.communicate(b"\n")
    equal(check(t, stack)[0], 0, "a check afterwards")


def test_two_checks_at_once_are_refused(t):
    stack = stack_with(t, {})
    lock = os.open(stack.upper, os.O_RDONLY)
    try:
        syscalls.libc.flock(lock, 2)
        status, _, err = check(t, stack)
        equal(status, 3, "a check while the upper is locked")
        contains(err, "another check", "message")
    finally:
        os.close(lock)


def test_wrong_calls_are_reported(t):
    stack = stack_with(t, {})
    layers = f"lowerdir={stack.lowers[0]}"
    for arguments, words in ((("-o", layers), "nothing to check"),
                             (("-o", option_text(stack), stack.mountpoint), "takes no mountpoint"),
                             (("--repare", "-o", option_text(stack)), "--repair"),
                             (("-o", f"{layers},upperdir={stack.upper}"), "workdir"),
                             (("-o", f"upperdir={stack.upper},workdir={stack.work}"), "no lower"),
                             (("-o", option_text(stack) + ",metacopi=on"), "metacopy")):
        status, out, err = t.status_text("check", *arguments)
        equal((status, out, len(err.splitlines())), (2, "", 1), f"check {arguments}")
        contains(err, words, "message")
    status, _, err = t.status_text("check", "-o", f"{layers},upperdir=/nowhere/u,workdir=/nowhere/w")
    equal((status, len(err.splitlines())), (3, 1), "a check of what is not there")


def test_a_named_mount_is_checked(t):
    stack = stack_with(t, {"new": "x"})
    home = t.fresh("home")
    os.makedirs(home + "/overpass")
    write(home + "/overpass/overpass.toml",
          f'[mount.sandbox]\nlower = "{stack.lowers[0]}"\nupper = "{stack.upper}"\nwork = "{stack.work}"\n'
          f'mountpoint = "{stack.mountpoint}"\n')
    environment = dict(os.environ, XDG_CONFIG_HOME=home)
    equal(t.status_text("check", "sandbox", env=environment), (0, "", ""), "overpass check sandbox")
    os.mknod(stack.upper + "/useless", 0o020000)
    status, out, _ = t.status_text("check", "--repair", "sandbox", env=environment)
    equal((status, out.count("\n")), (0, 1), "overpass check --repair sandbox")
    contains(out, "repaired: remove the whiteout [whiteout-unneeded]", "its line")
    equal(t.status_text("check", "sandboxx", env=environment)[0], 3, "a name that is not there")


def test_names_of_any_bytes_make_one_line_and_sound_json(t):
    stack = stack_with(t, {})
    name = b"new\nline\x1b[31m\xff"
    os.mknod(os.fsencode(stack.upper) + b"/" + name, 0o020000)
    status, out, _ = check(t, stack)
    equal((status, out.count("\n")), (1, 1), "lines")
    holds("\x1b" not in out and "\\012" in out and "\\033" in out, f"control characters are written as digits: {out!r}")
    finding, = json.loads(check(t, stack, "--json")[1])["findings"]
    equal(bytes.fromhex(finding["path_hex"]), b"/" + name, "the bytes of the name")


def test_notes_are_shown_when_asked_for_and_do_not_count(t):
    stack = stack_with(t, {"dir": {}})
    os.setxattr(stack.upper + "/dir", mark("opaque"), b"y")
    equal(check(t, stack), (0, "", ""), "without --verbose")
    status, out, _ = check(t, stack, "--verbose")
    equal((status, out.count("[opaque-unneeded]")), (0, 1), "with it")
    equal(json.loads(check(t, stack, "--json")[1])["counts"]["info"], 1, "counted anyway")


def test_a_terminal_shows_progress_and_a_summary(t):
    stack = stack_with(t, {"many": {f"file{i}": "" for i in range(3000)}})
    os.mknod(stack.upper + "/useless", 0o020000)
    status, text = run_on_terminal([t.settings.overpass, "check", "-o", option_text(stack)], stdin=subprocess.DEVNULL)
    equal(status, 1, "exit status")
    for words in (b" names\r", b"names checked: 0 errors, 1 warning", b"1 whiteout-unneeded: --repair can: remove"):
        holds(words in text.replace(b"\x1b[K", b"\r"), f"{words} is in {text!r}")


def test_sigint_ends_a_repair_between_two_steps(t):
    stack = stack_with(t, {})
    for i in range(20000):
        os.mknod(f"{stack.upper}/useless{i:05}", 0o020000)
    child = subprocess.Popen([t.settings.overpass, "check", "--repair", "-o", option_text(stack)],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    first = child.stdout.readline()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=t.settings.seconds(60))
    told = (first + out).count(b"repaired: ")
    equal(child.returncode, 3, "exit status")
    contains(err.decode(), "interrupted", "message")
    equal(20000 - len(os.listdir(stack.upper)), told, "removed and told")
    equal(check(t, stack, "--repair")[0], 0, "the rest by a second call")
    equal(os.listdir(stack.upper), [], "what is left")


@only_in("root", why="it enters that world itself")
def test_root_of_a_user_namespace_checks_its_own_upper(t):
    stack = stack_with(t, {"new": "x"})
    os.mknod(stack.upper + "/useless", 0o020000)
    for path in (*stack.lowers, stack.upper, stack.work):
        worlds.give_to(path, worlds.NOBODY)
    os.chmod(t.directory, 0o755)
    text = option_text(stack)

    def inside():
        done = subprocess.run([t.settings.overpass, "check", "--repair", "-o", text], capture_output=True, check=False)
        return done.returncode, done.stdout.count(b"repaired: remove the whiteout"), done.stderr

    equal(worlds.in_user_namespace(inside, worlds.NOBODY), (0, 1, b""), "the check in the namespace")
    holds(not os.path.lexists(stack.upper + "/useless"), "the whiteout is gone")


@only_in("root", "userns", why="it becomes that user itself")
def test_an_ordinary_user_learns_which_directory_is_unreadable(t):
    stack = stack_with(t, {"mine": {"a": "x"}, "secret": {"b": "x"}})
    worlds.give_to(stack.upper, worlds.NOBODY)
    os.chown(stack.upper + "/secret", 0, 0), os.chmod(stack.upper + "/secret", 0o700)
    worlds.give_to(stack.work, worlds.NOBODY)
    text = option_text(stack)

    def as_user():
        done = subprocess.run([t.settings.overpass, "check", "-o", text], capture_output=True, check=False)
        return done.returncode, done.stdout.count(b"/secret: error: this could not be examined"), done.stderr

    equal(credentials.in_child(as_user, lambda: credentials.become(worlds.NOBODY, worlds.NOBODY)), (1, 1, b""),
          "the check by an ordinary user")


def test_a_large_upper_is_checked(t):
    entries = {f"d{i}": {f"f{j}": "" for j in range(200)} for i in range(50)}
    stack = stack_with(t, entries, {"file": "x"})
    equal(check(t, stack), (0, "", ""), "the check of 10,000 names")
    equal(json.loads(check(t, stack, "--json")[1])["names"], 10050, "names")
