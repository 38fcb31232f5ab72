# SPDX-License-Identifier: MIT
"""`overpass rules`, bad rules at mount, and rules of named mounts."""
import errno
import json
import os
import subprocess

from harness import contains, equal, refused, write

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
TREE = {".ssh": {"id": "key"}, "src": {"a.c": "x"}, "vault": {"x": "1"}}
RULES = ("rule=hide:.ssh/", "rule=readonly:src/*.c", "rule=readonly:!src/b.c")


def rules(t, *arguments, cwd=None):
    done = subprocess.run([t.settings.overpass, "rules", *arguments], capture_output=True, text=True, cwd=cwd, check=False)
    return done.returncode, done.stdout + done.stderr


def test_rules_of_a_mount_are_told_by_its_daemon(t):
    m = t.mount(t.layer(TREE), options=RULES)
    equal(rules(t, m / ".ssh/id"), (0, f"{m.path}/.ssh/id: hide: the rule 'hide .ssh/' matches '/.ssh'\n"), "a hidden file")
    equal(rules(t, ".ssh", cwd=m.path), (0, ".ssh: hide if it is a directory: the rule 'hide .ssh/' matches '/.ssh'\n"), "an unknown kind")
    equal(rules(t, "src/a.c", "src/b.c", "src", "vault/x", "src/../src/a.c", cwd=m.path)[1].splitlines(), [
        "src/a.c: readonly: the rule 'readonly src/*.c' matches '/src/a.c'",
        "src/b.c: not readonly: the rule 'readonly !src/b.c' matches '/src/b.c'",
        "src: no rule",
        "vault/x: no rule",
        "src/../src/a.c: readonly: the rule 'readonly src/*.c' matches '/src/a.c'"], "several paths")
    document = json.loads(rules(t, "--json", m / "src/a.c")[1])
    equal(document["paths"][0]["reasons"], [{"action": "readonly", "applies": True, "rule": "readonly src/*.c", "where": "",
                                             "matches": "/src/a.c"}], "as JSON")


def test_rules_are_tried_without_a_mount(t):
    file = t.fresh("files") + "/my.rules"
    write(file, "# mine\n@agent\ndeny *.key\n")
    code, text = rules(t, "-o", f"rules={file}", "a.key", "proj/.git/config", "x/")
    equal((code, text.splitlines()), (0, [f"a.key: deny: the rule 'deny *.key' of {file}:3 matches '/a.key'",
                                          "proj/.git/config: readonly: the rule 'readonly **/.git/config' of @agent matches '/proj/.git/config'",
                                          "x/: no rule"]), "the answer")
    contains(rules(t, "-o", f"rules={file}")[1], f"deny *.key  # {file}:3\n", "the list")
    equal(rules(t, "/proc/self/stat")[0], 1, "a path in no union")


def test_bad_rules_are_refused_with_their_place_and_a_remedy(t):
    file = t.fresh("files") + "/my.rules"
    write(file, "hide a\n\nhide [b\n")
    stack = t.stack(t.layer(TREE))
    for option, expected in ((f"rules={file}", f"{file}:3: the rule 'hide [b' is not understood: its '[' has no ']' (write '\\[' for a '[' in a name)"),
                             ("rule=hied:x", "did you mean 'hide'?"), ("rules=@secret", "did you mean '@secrets'?"),
                             ("rule=hide:~/.ssh", "write '.ssh/'"), ("rules=/absent", "No such file"), ("rule=hide", "must be ACTION:PATTERN")):
        done = subprocess.run([t.settings.overpass, "-o", f"lowerdir={stack.lowers[0]},{option}", stack.mountpoint], capture_output=True, text=True, check=False)
        equal(done.returncode, 2, option)
        contains(done.stderr, expected, option)


def test_rules_of_a_file_hold(t):
    file = t.fresh("files") + "/my.rules"
    write(file, "hide .ssh/\nreadonly src/\n")
    m = t.mount(t.layer(TREE), options=(f"rules={file}",))
    os.unlink(file)
    refused(errno.ENOENT, os.stat, m / ".ssh")
    refused(errno.EROFS, os.mkdir, m / "src/new")
