# SPDX-License-Identifier: MIT
"""`overpass diff`: which lines it prints for what was done, live and unmounted, and the calls that it refuses."""
import json
import os
import subprocess

from harness import contains, equal, holds, write
from harness.daemon import need_no_sanitizer
from harness.systems import option_text
from harness.terminal import run_on_terminal
from harness.traced import LIBRARY
from harness.trees import Symlink

SYSTEMS = ("overpass", "kernel")
WORLDS = ("root", "userns", "user")

LOWER = {
    "dir": {"file": "one", "sub": {"deep": "two"}},
    "gone": {"a": "1", "b": "2"},
    "again": {"old": "3", "kept": "4"},
    "file": "five",
    "name": "six",
    "link": Symlink("file"),
}


def lines(t, *arguments, status=0):
    got, out, err = t.status_text("diff", *arguments)
    equal((got, err), (status, ""), "exit status and messages")
    return out.splitlines()


def change(root):
    write(root + "/new", "new")
    with open(root + "/dir/file", "a") as file:
        file.write("more")
    os.chmod(root + "/name", 0o600)
    os.unlink(root + "/link")
    os.mkdir(root + "/link")
    for name in ("a", "b"):
        os.unlink(f"{root}/gone/{name}")
    os.rmdir(root + "/gone")
    for name in ("old", "kept"):
        os.unlink(f"{root}/again/{name}")
    os.rmdir(root + "/again")
    os.mkdir(root + "/again")
    write(root + "/again/kept", "4")
    write(root + "/evil\x1b[31m", "")
    with open(root + "/file", "r+") as file:
        file.write("five")


EXPECTED = ["D again/old", "D gone/", "M dir/file", 'A "evil\\033[31m"', "T link/", "M name", "A new"]


def test_lines_of_a_live_mount_and_of_its_layers(t):
    m = t.mount(t.layer(LOWER))
    change(m.path)
    equal(lines(t, "-o", option_text(m.stack)), EXPECTED, "lines of the layers while they are mounted")
    if m.system == "overpass":
        equal(lines(t, m.path), EXPECTED, "lines of the mount")
        equal(lines(t, m.path + "/again"), ["D again/old"], "lines of a path in the mount")
    m.umount()
    layers = ("-o", option_text(m.stack))
    equal(lines(t, *layers), EXPECTED, "lines of the layers afterwards")
    equal(lines(t, *layers, "dir"), ["M dir/file"], "lines below a path")
    equal(lines(t, *layers, "[gn]*"), ["D gone/", "M name", "A new"], "lines of a glob")
    equal(lines(t, *layers, "--exclude", "[a-f]*"), ["D gone/", "T link/", "M name", "A new"], "without a glob")
    equal(lines(t, *layers, "--exit-code", status=1), EXPECTED, "lines with an exit status")
    equal(lines(t, *layers, "none", "--exit-code"), [], "no lines, and so 0")


def test_a_lower_that_the_mount_covers_is_read_beneath_it(t):
    lower = t.layer({"file": "one", "same": "x", "sub": {"deep": ""}})
    m = t.mount_stack(t.stack(lower, mountpoint=lower), "overpass")
    try:
        write(m / "file", "two")
        os.unlink(m / "sub/deep")
        status, out, err = t.status_text("diff", m.path)
        if t.world == "user":
            equal((status, out), (3, ""), "exit status where nothing can be cloned")
            contains(err, "covered by the union itself", "message")
        else:
            equal((status, out), (0, "D sub/deep\nM file\n"), "lines")
    finally:
        m.umount()


def test_what_the_kernel_has_not_written_back_is_seen(t):
    m = t.mount_stack(t.stack(t.layer({"file": "old"}), options=("writeback=on", "passthrough=off")), "overpass")
    with open(m / "file", "w", encoding="utf-8") as file:
        file.write("new text")
        file.flush()
        status, out, err = t.status_text("diff", "-u", m.path)
        equal((status, err), (0, ""), "exit status and messages")
        contains(out, "+new text", "the patch")


def on_terminal(t, stack, *arguments, **environment):
    """What a terminal gets of the lines of the layers."""
    variables = {**os.environ, "TERM": "xterm", **environment}
    status, out = run_on_terminal([t.settings.overpass, "diff", *arguments, "-o", option_text(stack)],
                                  streams=("stdin", "stdout", "stderr"), env=variables)
    equal(status, 0, "exit status")
    return out.decode().replace("\r\n", "\n")


def test_a_terminal_gets_colours_through_a_pager(t):
    stack = t.stack(t.layer({"a": "1"}), upper=t.layer({"b": "2"}))
    coloured = "\033[32mA b\033[m\n"
    equal(on_terminal(t, stack, PAGER="sed s/^/paged:/"), "paged:" + coloured, "through a pager")
    equal(on_terminal(t, stack, "--no-pager", PAGER="sed s/^/paged:/"), coloured, "without it")
    equal(on_terminal(t, stack, "--color=never", PAGER="cat"), "A b\n", "without colours")
    equal(on_terminal(t, stack, PAGER="/nonexistent/pager")[-len(coloured):], coloured, "with a pager that is not there")
    equal(on_terminal(t, stack, TERM="dumb", PAGER=""), "A b\n", "on a terminal without colours")
    equal(t.status_text("diff", "--color=always", "-o", option_text(stack))[1], coloured, "colours in a pipe on request")


def test_the_number_of_system_calls_is_that_of_changes_and_not_of_the_lower(t):
    def calls(names):
        lower = t.layer({f"file{number}": "" for number in range(names)})
        stack = t.stack(lower, upper=t.layer({"file1": "changed", "new": ""}))
        log = t.fresh("calls") + "/log"
        command = ["strace", "-f", "-qq", "-o", log, t.settings.overpass, "diff", "-o", option_text(stack)]
        done = subprocess.run(command, capture_output=True, check=True)
        equal(done.stdout, b"M file1\nA new\n", "lines")
        with open(log, encoding="utf-8", errors="replace") as file:
            return sum(1 for line in file if "(" in line and not any(name + "(" in line for name in LIBRARY))

    need_no_sanitizer(t.settings, "it makes calls of its own")
    few, many = calls(3), calls(3000)
    holds(many <= few, f"{few} calls over three files, {many} over three thousand")
    holds(few <= 230, f"{few} calls for two changes")


def test_nul_separated_output_is_raw(t):
    stack = t.stack(t.layer({"a": "1"}), upper=t.layer({"b\n": "2"}))
    equal(t.status_text("diff", "-z", "-o", option_text(stack))[1], "A\0b\n\0", "output with -z")
    equal(t.status_text("diff", "-z", "--name-only", "-o", option_text(stack))[1], "b\n\0", "names with -z")


def test_json_says_what_differs(t):
    m = t.mount(t.layer(LOWER))
    change(m.path)
    m.umount()
    document = json.loads(t.status_text("diff", "--json", "-o", option_text(m.stack))[1])
    equal((document["format"], document["complete"]), (1, True), "format")
    by_path = {change["path"]: change for change in document["changes"]}
    equal(by_path["name"]["differs"], ["mode"], "of a changed mode")
    equal(by_path["name"]["after"]["mode"], "0600", "the mode")
    equal(by_path["dir/file"]["differs"], ["content"], "of changed content")
    equal(by_path["link"]["kind"], "type-changed", "of another type")
    equal(document["counts"], {"deleted": 2, "renamed": 0, "added": 2, "modified": 2, "type-changed": 1}, "counts")


def test_what_cannot_be_looked_at_is_refused(t):
    for arguments, status, message in (
        ((), 2, "no union is named"),
        (("/",), 3, "not of overpass"),
        (("-o", "lowerdir=/usr"), 2, "without an upper directory"),
        (("-o", "lowerdir=/usr,upperdir=/nonexistent"), 3, "No such file"),
        (("--color=blue", "/"), 2, "auto, always or never"),
    ):
        got, out, err = t.status_text("diff", *arguments)
        equal((got, out), (status, ""), f"exit status of diff {arguments}")
        contains(err, message, "message")


def test_which_names_the_layer(t):
    m = t.mount(t.layer({"both": {"top": ""}}), t.layer({"both": {"low": ""}, "low": ""}))
    write(m.path + "/both/new", "")
    upper, (top, low) = m.stack.upper, m.stack.lowers

    def which(*paths):
        return t.status_text("which", "-o", option_text(m.stack), *paths)

    equal(which("both")[1], f"upper {upper}/both\nlower {top}/both\nlower {low}/both\n", "a merged directory")
    equal(which("low", "both/new")[1], f"lower {low}/low\nupper {upper}/both/new\n", "files")
    status, out, err = which("none")
    equal((status, out), (1, ""), "a name that is not there")
    contains(err, "shows no 'none'", "message")
    if m.system == "overpass":
        equal(t.status_text("which", m.path + "/low")[1], f"lower {low}/low\n", "a path in the mount")
