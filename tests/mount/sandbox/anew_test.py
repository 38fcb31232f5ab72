# SPDX-License-Identifier: MIT
"""What is mounted at a place later is another file system, and has changes of its own."""
import os

from harness import equal, only_in, read, syscalls, write
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")


@only_in("root", "userns", why="an ordinary user cannot mount")
def test_file_system_that_was_mounted_anew(t):
    s = Sandboxes(t, {"run": {}})
    place = s.outside + "/run"

    def mount(content):
        syscalls.mount("tmpfs", place, "tmpfs")
        write(place + "/pid", content)

    mount("1")
    t.at_end(lambda: os.path.ismount(place) and syscalls.umount(place, syscalls.MNT_DETACH))
    s.sh("echo changed > run/pid; echo other > ../x", "try1")
    equal(f"M {place[1:]}/pid" in s.call("diff", "try1").stdout.splitlines(), True, "the changes of the first one")
    syscalls.umount(place)
    mount("2")
    equal(s.sh("cat run/pid; cat ../x", "try1"), "2other\n", "what the sandbox shows of the second one")
    done = s.call("diff", "try1")
    equal((f"{place[1:]}/pid" in done.stdout, "another file system" in done.stderr), (False, True), f"the changes then: {done}")
    s.sh("echo again > run/pid", "try1")
    equal(f"M {place[1:]}/pid" in s.call("diff", "try1").stdout.splitlines(), True, "the changes of the second one")
    equal(read(place + "/pid"), b"2", "the file outside")


@only_in("root", "userns", why="an ordinary user cannot mount")
def test_place_that_became_a_link_is_left_out(t):
    s = Sandboxes(t, {"later": {}, "target": {"x": "x"}})
    s.sh("rmdir later; ln -s target later", "try1")
    syscalls.mount("tmpfs", s.outside + "/later", "tmpfs")
    t.at_end(lambda: syscalls.umount(s.outside + "/later", syscalls.MNT_DETACH))
    done = s.run("try1", "--", "sh", "-c", "readlink later; ls later/")
    equal((done.stdout, "is left out" in done.stderr), ("target\nx\n", True), f"the run: {done.stderr}")
