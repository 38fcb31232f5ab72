# SPDX-License-Identifier: MIT
"""Options narrow what a sandbox shows, and what in it can be written, and where to."""
import json
import os
import socket

from harness import equal, read
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
TREE = {"project": {"src": "code", ".env": "key"}, "cache": {"old": "1"}, "other": "x", "secret": {"key": "k"}}


def test_only_this_directory_can_be_changed_with_here(t):
    s = Sandboxes(t, TREE)
    out = s.sh("echo new > src; echo more > more; echo bad > /usr/bad || echo refused; rm /etc/passwd || echo refused; "
               "echo t > /tmp/t && cat /tmp/t", "--here", "p1", cwd=s.outside + "/project")
    equal(out, "refused\nrefused\nt\n", "what the command saw")
    equal(s.sh("cat src; ls /tmp/t 2>/dev/null || echo gone", "p1", cwd=s.outside + "/project"), "new\ngone\n", "a later run")
    equal(s.call("diff", "p1").stdout, f"A {s.outside[1:]}/project/more\nM {s.outside[1:]}/project/src\n", "the changes")


def test_what_the_project_ignores_is_not_seen_with_here(t):
    s = Sandboxes(t, {"project": {".overpassignore": "# secret\n*.key\n/build/\n!public.key\n", "a.key": "k", "public.key": "p",
                                  "sub": {"build": {}, "b.key": "k"}, "build": {"x": "x"}}})
    project = s.outside + "/project"
    equal(s.sh("ls . sub; echo x > new.key || echo refused", "--here", "p1", cwd=project),
          ".:\npublic.key\nsub\n\nsub:\nbuild\nrefused\n", "what the command saw")
    equal(s.sh("ls sub", "p2", cwd=project), "b.key\nbuild\n", "what is seen without --here")


def test_directory_that_is_written_outside(t):
    s = Sandboxes(t, TREE)
    s.sh("echo 2 > cache/new; echo y > other", "--rw", "cache", "p1")
    equal(read(s.outside + "/cache/new"), b"2\n", "the outside")
    os.unlink(s.outside + "/cache/new")
    equal(read(s.outside + "/other"), b"x", "a file beside it")
    s.outside_is_as_it_should_be()
    s.sh("rm other; mkdir made", "p1")


def test_read_only_path_cannot_be_changed(t):
    s = Sandboxes(t, TREE)
    out = s.sh("for x in 'echo a > project/src' 'touch project/n' 'rm -r project' 'mv project p' 'chmod 600 project'; do "
               "sh -c \"$x\" 2>/dev/null || echo refused; done; cat project/src; echo y > other; cat other",
               "--ro", "project", "p1")
    equal(out, "refused\n" * 5 + "codey\n", "what the command could do")


def test_hidden_path_is_absent_and_cannot_be_made(t):
    s = Sandboxes(t, TREE)
    out = s.sh("ls; cat secret/key 2>/dev/null || echo none; mkdir secret later 2>/dev/null || echo refused",
               "--hide", "secret", "--hide", "later", "p1")
    equal(out, "cache\nother\nproject\nnone\nrefused\n", "what the command saw")


def test_rules_hold_in_the_sandbox(t):
    s = Sandboxes(t, TREE)
    equal(s.sh("ls -A project", "--rule", "hide .env", "p1"), "src\n", "a listing with a pattern")
    equal(s.sh("ls -A project", "--rule", "@secrets", "p2"), "src\n", "a listing with a set")
    path = f"hide {s.outside}/project/src"
    equal(s.sh("ls -A project", "--rule", path, "p3"), ".env\n", "a listing with a path from the root")


def test_refusals_are_logged_outside_with_paths_from_the_root(t):
    s = Sandboxes(t, TREE)
    log = os.path.dirname(s.store) + "/log"
    done = s.run("--log", log, "--hide", "secret", "--ro", "other", "p1", "--", "sh", "-c",
                 f"echo x > other; mkdir secret; echo forged > {log}; cat {log}")
    equal((done.stdout, "rules refused 2 calls" in done.stderr), ("forged\n", True), f"the run: {done.stderr}")
    with open(log, encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    equal([(event["operation"], event["path"], event["error"]) for event in events],
          [("write-open", s.outside + "/other", "EROFS"), ("create", s.outside + "/secret", "EACCES")], "the log")


def test_private_tmp_is_empty_and_vanishes(t):
    s = Sandboxes(t, TREE)
    equal(s.sh("ls -A /tmp; echo x > /tmp/x; ls /tmp", "--tmp=private", "p1"), "x\n", "the first run")
    equal(s.sh("ls -A /tmp", "p1"), "", "the second one")


def test_sandbox_without_network_has_a_loopback_alone(t):
    s = Sandboxes(t, TREE)
    out = s.sh("cat /proc/net/dev | tail -n +3 | cut -d: -f1; cat /sys/class/net/lo/operstate", "--no-net", "p1")
    equal(out.split()[0], "lo", "the interfaces")
    equal(len([word for word in out.split() if word not in ("unknown", "up", "down")]), 1, f"their number: {out}")


def test_socket_of_the_outside_is_reached_where_that_is_asked_for(t):
    s = Sandboxes(t, TREE)
    ask = ("import socket, sys; c = socket.socket(socket.AF_UNIX); c.connect('asked'); print(c.recv(9).decode())")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(s.outside + "/asked")
        s.outside_is_as_it_should_be()
        server.listen()
        server.settimeout(60)
        refused = s.run("--", "python3", "-c", ask)
        equal((refused.returncode, "ConnectionRefusedError" in refused.stderr), (1, True), f"without: {refused}")
        run = s.start("--socket", "asked", "p1", "--", "python3", "-c", ask)
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"answered")
    equal((run.stdout.read(), run.wait()), ("answered\n", 0), "with --socket")


def test_options_of_a_sandbox_that_exists_are_refused(t):
    s = Sandboxes(t, TREE)
    s.sh("true", "p1")
    done = s.run("p1", "--hide", "secret", "--", "true")
    equal((done.returncode, "exists" in done.stderr), (125, True), f"the run: {done.stderr}")


def test_store_is_hidden(t):
    s = Sandboxes(t, TREE)
    script = "ls -d $OVERPASS_STORE 2>/dev/null || echo none; mkdir $OVERPASS_STORE 2>/dev/null || echo refused"
    equal(s.sh(script, "p1"), "none\nrefused\n", "what the command saw")
    done = s.run("--rw", os.path.dirname(s.store), "p2", "--", "true")
    equal((done.returncode, "store" in done.stderr), (125, True), f"opening it: {done.stderr}")
    equal(os.listdir(s.store), ["p1"], "sandboxes that are left")
