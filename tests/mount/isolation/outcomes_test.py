# SPDX-License-Identifier: MIT
"""The test runner sees each kind of failure, and leaves nothing of the test behind: a pytest run inside a test."""
import glob
import os
import re
import signal
import subprocess
import sys

from harness import equal, holds, isolation
from harness.patience import wait_for

SYSTEMS = ("overpass",)
WORLDS = ("root",)
ELSEWHERE = "it enters the other worlds itself"
TESTS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

SAMPLE = '''
import os, signal, time
from harness import File, equal, lacking, only_in, read, write

WORLDS = ("root", "userns", "user")


def mounted(t):
    m = t.mount(t.layer({"file": File("content", 0o666)}))
    write(m / "new", "new")
    return m


def test_a_claim_holds(t):
    equal(read(mounted(t) / "file"), b"content")

def test_an_assert_holds(t):
    assert read(mounted(t) / "file") == b"content"

def test_an_assert_does_not_hold(t):
    assert read(mounted(t) / "file") == b"other"

def test_nothing_is_claimed(t):
    mounted(t)

def test_something_lacks(t):
    mounted(t)
    lacking("erofs")

@only_in("root", why="only root is root")
def test_root_is_root(t):
    assert os.getuid() == 0

def test_a_lower_is_written(t):
    m = mounted(t)
    write(m.stack.lowers[0] + "/file", "spoilt")
    assert m

def test_a_daemon_dies(t):
    os.kill(mounted(t).pid, signal.SIGKILL)
    assert t

def test_the_process_ends(t):
    mounted(t)
    os._exit(3)

def test_it_hangs(t):
    mounted(t)
    time.sleep(1000)

def test_it_hangs_deaf(t):
    mounted(t)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    time.sleep(1000)

def test_those_after_it_run(t):
    assert mounted(t)
'''

OUTCOMES = {
    "a_claim_holds": "PASSED", "an_assert_holds": "PASSED", "an_assert_does_not_hold": "FAILED", "nothing_is_claimed": "FAILED",
    "something_lacks": "SKIPPED", "root_is_root": "PASSED", "a_lower_is_written": "FAILED", "a_daemon_dies": "FAILED",
    "the_process_ends": "FAILED", "it_hangs": "FAILED", "it_hangs_deaf": "FAILED", "those_after_it_run": "PASSED",
}


def begin(t, directory, *arguments, **named):
    """A pytest with the options of these tests on the sample."""
    with open(directory + "/sample_test.py", "w", encoding="utf-8") as file:
        file.write(SAMPLE)
    os.chmod(directory, 0o755)
    os.mkdir(directory + "/scratch")
    os.chmod(directory + "/scratch", 0o755)
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-c", TESTS + "/../pytest.ini", "--rootdir", directory, "-v",
               f"--overpass={t.settings.overpass}", f"--scratch={directory}/scratch", *arguments, directory]
    return subprocess.Popen(command, env=os.environ | {"OVERPASS_TESTS_SLOW": "0.1"}, stdin=subprocess.DEVNULL,
                            stderr=subprocess.STDOUT, text=True, **named)


def daemons(directory):
    """The processes that work below a directory."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as file:
                if f"upperdir={directory}/".encode() in file.read():
                    found.append(path)
        except OSError:
            continue
    return found


def outcomes(t, *arguments):
    directory = t.fresh("run")
    output = begin(t, directory, f"--timeout={t.settings.seconds(2)}", *arguments, stdout=subprocess.PIPE).communicate()[0]
    equal((daemons(directory), isolation.mounts_below(directory), os.listdir(directory + "/scratch")), ([], [], []), "what is left")
    holds("after the file's last test" not in output, "the file's process has ended well")
    return dict(re.findall(r"::test_(\w+) ([A-Z]+)", output)), output


def test_each_outcome_is_told_from_the_others(t):
    found, output = outcomes(t)
    equal(found, OUTCOMES, "outcomes")
    for text in ("assert b'content' == b'other'", "the test claims nothing", "was written to", "overpass ended with status -9",
                 "its process ended with status 3", "Failed: Timeout", "took too long and was ended", "erofs on a loop device"):
        holds(text in output, f"the report says {text!r}")


def test_an_ordinary_user_has_the_same_outcomes_where_a_test_can_hold(t):
    found, output = outcomes(t, "--world=user", "-k", "not hangs")
    expected = {name: outcome for name, outcome in OUTCOMES.items() if "hangs" not in name}
    equal(found, expected | {"root_is_root": "ELSEWHERE"}, "outcomes")
    holds("1 elsewhere" in output, "the last line counts it")


def test_nothing_is_left_when_pytest_is_killed(t):
    for world in ("root", "userns", "user"):
        directory = t.fresh("run")
        process = begin(t, directory, f"--world={world}", "-k", "deaf", stdout=subprocess.DEVNULL)
        wait_for(t, lambda where=directory: daemons(where) or process.poll() is not None, "the daemon")
        holds(process.poll() is None, "the test hangs")
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_for(t, lambda where=directory: not daemons(where), "the end of the daemon")
