# SPDX-License-Identifier: MIT
"""`overpass apply` that is killed at a system call that changes something, and what can be told of the outside then."""
import json
import os
import signal
import subprocess

from harness import equal
from harness.sandboxes import Sandboxes

TREE = {"file": "old", "other": "other", "dir": {"inner": "deep", "second": "two"}}
LINKED = {**TREE, "one": "linked", "gone": {"a": "a", "b": {"c": "c"}}}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def journal(s):
    with open(f"{s.store}/name/apply/journal.json", encoding="utf-8") as file:
        return json.load(file)


SCRIPT = ("echo new > file; rm dir/inner; mv dir moved; mkdir made; echo made > made/it; ln -s file link; chmod 700 other; "
          "echo new > one; rm -r gone")


def outcome(s):
    """What can be told of the outside after the changes of SCRIPT: all done, or nothing."""
    def text(name):
        return read(s.outside + "/" + name) if os.path.isfile(s.outside + "/" + name) else None
    left = [name for _, _, names in os.walk(s.outside) for name in names if name.startswith(".overpass-")]
    return (text("file"), sorted(os.listdir(s.outside)), text("made/it"), text("moved/second"), text("one"), text("two"),
            os.stat(s.outside + "/other").st_mode & 0o777, left)


DONE = ("new\n", ["file", "link", "made", "moved", "one", "other", "two"], "made\n", "two", "new\n", "new\n", 0o700, [])
NOTHING = ("old", ["dir", "file", "gone", "one", "other", "two"], None, None, "linked", "linked", 0o644, [])


def prepare_kills(t):
    s = Sandboxes(t, LINKED)
    os.link(s.outside + "/one", s.outside + "/two")
    s.outside_is_as_it_should_be()
    return s


CALLS = "renameat2,renameat,linkat,unlinkat,mkdirat,fsync,syncfs,ftruncate"


def kill(s, step, *words, status=0, calls=CALLS, **variables):
    """Applies, and is killed at a system call that changes something; whether it was. Otherwise it ends with the status."""
    done = subprocess.run(["strace", "-f", "-o", "/dev/null", "-e", f"trace={calls}", "-e", f"inject={calls}:signal=KILL:when={step}",
                           s.t.settings.overpass, "apply", "name", "--yes", *words], env={**s.traced_environment(), **variables}, cwd=s.outside,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=s.t.settings.seconds(60))
    if done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return True
    equal(done.returncode, status, f"the apply that nothing killed: {done.stderr}")
    return False


def steps(t):
    """The numbers of the system calls before which it is killed: in the long form all, otherwise some, others with another seed.
    Names change within the first 30 calls; what comes later tidies up, and is many times as much."""
    for begin, end, every in ((0, 30, t.settings.in_form(brief=5, usual=3, long=1)),
                              (30, 300, t.settings.in_form(brief=25, usual=15, long=1))):
        yield from range(begin + 1 + (t.settings.seed - 1) % every, end + 1, every)
