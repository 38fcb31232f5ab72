# SPDX-License-Identifier: MIT
"""Programs that look closely at their surroundings work in a sandbox as they do outside."""
import os
import subprocess

from harness import contains, equal, only_in
from harness.node_packages import INSTALL, node_packages
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
GIT = "export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b; set -e; "


def repository(directory):
    subprocess.run(["sh", "-c", GIT + "git init -q; git add .; git commit -qm first; git repack -adq"], cwd=directory, check=True)


def test_git_commits_renames_a_directory_and_clones(t):
    s = Sandboxes(t, {"lib": {"deep": {"a": "a", "b": "b"}}, "main": "m"})
    repository(s.outside)
    s.outside_is_as_it_should_be()
    s.sh(GIT + "git mv lib library; echo more >> main; git commit -qam second; git status --porcelain; "
         "git clone -q . ../clone; git -C ../clone log --oneline | wc -l; git fsck --strict; git gc -q", "try1")
    equal(s.sh("git log --format=%s; ls library/deep; git status --porcelain", "try1"), "second\nfirst\na\nb\n", "a later run")
    equal(sorted(os.listdir(s.outside)), [".git", "lib", "main"], "the outside")


def test_ssh_takes_its_configuration_for_safe(t):
    s = Sandboxes(t)
    done = s.run("--", "ssh", "-G", "-F", "/etc/ssh/ssh_config", "example")
    equal((done.returncode, "Bad owner" in done.stderr), (0, False), f"ssh: {done.stderr}")
    contains(done.stdout, "hostname example", "what ssh understood")


def test_compiler_and_what_it_made(t):
    s = Sandboxes(t, {"main.c": "#include <stdio.h>\nint main(void) { return puts(\"made\") < 0; }\n"})
    equal(s.sh("gcc -o main main.c && ./main && make -s main.o CFLAGS=-O2 && ls"), "made\nmain\nmain.c\nmain.o\n", "the compile")


def test_editor_saves_by_its_own_ways(t):
    s = Sandboxes(t)
    s.sh("for way in yes no; do vi -u NONE -es -c \"set backupcopy=$way\" -c 'normal Aer' -c wq file; done; cat file", "try1")
    equal(s.sh("cat file; ls", "try1").splitlines(), ["olderer", "dir", "file"], "the file")


def test_terminal_multiplexer_has_terminals(t):
    s = Sandboxes(t)
    script = ("export SHELL=/bin/sh; tmux -L t -f /dev/null new-session -d 'tty > /tmp/seen; stty size >> /tmp/seen; "
              "tmux -L t wait-for -S done; sleep 1000' && tmux -L t wait-for done; cat /tmp/seen; tmux -L t kill-server")
    seen = s.sh(script, "--tmp=private", "try1").splitlines()
    equal((seen[0].startswith("/dev/pts/"), seen[1]), (True, "24 80"), f"what is seen in it: {seen}")


def test_python_makes_an_environment_and_locks(t):
    s = Sandboxes(t)
    script = ("python3 -c \"import fcntl, sqlite3, tempfile; f = tempfile.NamedTemporaryFile(); fcntl.lockf(f, fcntl.LOCK_EX); "
              "c = sqlite3.connect('db'); c.execute('pragma journal_mode=wal'); c.execute('create table t (x)'); c.commit(); "
              "print(c.execute('select count(*) from t').fetchone())\"")
    equal(s.sh(script, "try1"), "(0,)\n", "what it printed")


def test_npm_installs_in_the_sandbox_alone(t):
    s = Sandboxes(t, node_packages(10))
    equal(s.sh(INSTALL + " > log 2>&1 || cat log; node main.js", "try1"), "45\n", "what the program prints, from all packages")
    equal(s.sh("node main.js; rm -r node_modules/part3; node main.js 2>&1 | grep -c 'Cannot find'; ls node_modules | wc -l",
               "try1"), "45\n1\n9\n", "a later run")
    equal("node_modules" in os.listdir(s.outside), False, "the outside has them")


@only_in("root", why="files of dpkg are root's alone")
def test_packages_are_installed_in_the_sandbox_alone(t):
    s = Sandboxes(t)
    build = ("mkdir -p p/DEBIAN p/usr/share/overpass-test && echo here > p/usr/share/overpass-test/file && printf 'Package: overpass-test\\n"
             "Version: 1\\nArchitecture: all\\nMaintainer: a <a@b>\\nDescription: a test\\n' > p/DEBIAN/control && dpkg-deb -b p p.deb")
    s.sh(build + " && apt-get install -y -qq ./p.deb >&2 && cat /usr/share/overpass-test/file && dpkg -s overpass-test | grep Status",
         "--root", "try1")
    equal(s.sh("cat /usr/share/overpass-test/file", "try1"), "here\n", "a file of the package")
    equal(os.path.exists("/usr/share/overpass-test"), False, "the file outside")
    equal(subprocess.run(["dpkg", "-s", "overpass-test"], capture_output=True, check=False).returncode, 1, "the package outside")
