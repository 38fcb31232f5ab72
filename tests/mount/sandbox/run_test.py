# SPDX-License-Identifier: MIT
"""A command in a sandbox runs as outside; what it changes stays in the sandbox."""
import os
import signal

from harness import equal, only_in, read, write
from harness.checks import Failure
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")


def parent_of(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return int(file.read().rsplit(")", 1)[1].split()[1])


def test_changes_stay_in_the_sandbox(t):
    s = Sandboxes(t)
    out = s.sh("cat file; echo new > file; mkdir made; rm -r dir; cat file; ls", "try1")
    equal(out, "oldnew\nfile\nmade\n", "what the command saw")
    equal(sorted(os.listdir(s.outside)), ["dir", "file"], "the outside")
    equal(read(s.changed("try1", s.outside + "/file")), b"new\n", "the copy in the sandbox")
    equal(s.sh("cat file; ls", "try1"), "new\nfile\nmade\n", "what a later run sees")


def test_exit_status_is_that_of_the_command(t):
    s = Sandboxes(t)
    for script, status in (("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137), ("kill -TERM $$", 143)):
        s.sh(script, status=status)
    equal(s.run("/nothing/here").returncode, 127, "status without such a program")
    equal(s.run("./file").returncode, 126, "status of a file that is no program")


def test_directory_environment_and_streams_are_those_of_the_caller(t):
    s = Sandboxes(t)
    done = s.run("--", "sh", "-c", "pwd; echo $HOME; cat; echo told >&2", input="given", cwd=s.outside + "/dir")
    equal(done.stdout, f"{s.outside}/dir\n{os.path.dirname(s.store)}\ngiven", "standard output")
    equal(done.stderr, "told\n", "standard error")
    equal(s.sh("echo $OVERPASS_SANDBOX", "named"), "named\n", "the name of the sandbox")


def test_user_is_the_caller_and_files_look_like_his(t):
    s = Sandboxes(t)
    equal(s.sh("id -u; id -g"), f"{os.geteuid()}\n{os.getegid()}\n", "ids inside")
    equal(s.sh("stat -c %u:%g file"), f"{os.geteuid()}:{os.getegid()}\n", "the owner of a file")
    equal(s.sh("stat -c %a /tmp"), f"{os.stat('/tmp').st_mode & 0o7777:o}\n", "the mode of /tmp")


def test_directory_of_another_user_keeps_its_sticky_bit(t):
    s = Sandboxes(t)
    equal(s.sh("touch /tmp/new; stat -c %a /tmp", "try1"), f"{os.stat('/tmp').st_mode & 0o7777:o}\n", "the mode of /tmp")
    equal(s.call("diff", "try1").stdout, "A tmp/new\n", "the changes")


def test_options_of_root_make_the_caller_root_inside(t):
    s = Sandboxes(t)
    equal(s.sh("id -u; touch made; stat -c %u made", "--root"), "0\n0\n", "ids inside")


def test_unnamed_run_is_the_last_one_and_removes_the_former(t):
    s = Sandboxes(t)
    s.sh("echo 1 > one")
    s.sh("echo 2 > two; ls one", status=2)
    equal(sorted(os.listdir(s.changed("@last", s.outside))), ["two"], "what the last run changed")


def test_second_run_joins_and_the_sandbox_ends_with_the_last(t):
    s = Sandboxes(t)
    first = s.start("shared", "--", "sh", "-c", "echo ready; read line; cat file; ps -o args= -C sleep; read end")
    equal(first.stdout.readline(), "ready\n", "the first run")
    s.sh("echo joined > file; sleep 1000 >&- 2>&- & exit 0", "shared")
    other = s.start("shared", "--", "sh", "-c", "echo in; read line; cat file")
    equal(other.stdout.readline(), "in\n", "the second run")
    first.stdin.write("go\n")
    first.stdin.flush()
    equal(first.stdout.readline(), "joined\n", "what the other changed")
    equal(first.stdout.readline(), "sleep 1000\n", "a process that the other left")
    first.stdin.close()
    equal(first.wait(), 1, "the first run, whose read fails at the end")
    other.stdin.write("go\n")
    other.stdin.close()
    equal(other.stdout.read(), "joined\n", "the second run after the end of the first")
    equal(other.wait(), 0, "its status")
    s.wait_for_end()


def test_several_that_begin_at_once_are_in_one_sandbox(t):
    s = Sandboxes(t)
    runs = [s.start("shared", "--", "sh", "-c", "echo $$ >> pids; read line; wc -l < pids") for _ in range(4)]
    while s.sh("cat pids 2>/dev/null | wc -l", "shared").strip() != "4":
        pass
    for run in runs:
        run.stdin.close()
    equal([run.stdout.read() for run in runs], ["4\n"] * 4, "what each saw")
    equal([run.wait() for run in runs], [0] * 4, "the statuses")


def test_programs_outside_see_and_change_a_running_sandbox(t):
    s = Sandboxes(t)
    equal(s.call("path", "none").returncode, 1, "without such a sandbox")
    run = s.start("seen", "--", "sh", "-c", "echo new > file; echo ready; read line; cat made")
    equal(run.stdout.readline(), "ready\n", "the command")
    path = s.call("path", "seen").stdout.strip()
    equal(read(path + s.outside + "/file"), b"new\n", "what is seen from outside")
    write(path + s.outside + "/made", "from outside\n")
    run.stdin.close()
    equal((run.stdout.read(), run.wait()), ("from outside\n", 0), "what the command saw of that")
    s.wait_for_end()
    done = s.call("path", "seen")
    equal((done.returncode, "does not run" in done.stderr), (1, True), f"after its end: {done.stderr}")


def test_sandbox_in_a_sandbox_is_refused_in_plain_words(t):
    s = Sandboxes(t)
    done = s.run("--", t.settings.overpass, "run", "true")
    equal((done.returncode, "in a sandbox no other one" in done.stderr), (125, True), f"the run: {done.stderr}")


def test_signals_reach_the_command(t):
    s = Sandboxes(t)
    run = s.start("--", "sh", "-c", "trap 'echo got; exit 9' TERM; echo ready; while :; do sleep 0.05; done")
    equal(run.stdout.readline(), "ready\n", "the command")
    run.send_signal(signal.SIGTERM)
    equal(run.stdout.read(), "got\n", "what the command did")
    equal(run.wait(), 9, "its status")


def test_nothing_is_left_when_the_run_is_killed(t):
    s = Sandboxes(t)
    run = s.start("killed", "--", "sh", "-c", "echo kept > file; sleep 1000 >&- 2>&- & echo ready; sleep 1000")
    equal(run.stdout.readline(), "ready\n", "the command")
    run.kill()
    run.wait()
    s.wait_for_end()
    equal(s.sh("cat file", "killed"), "kept\n", "what it had changed")


def test_keeper_that_is_killed_takes_the_sandbox_with_it(t):
    s = Sandboxes(t)
    run = s.start("killed", "--", "sh", "-c", "echo kept > file; echo ready; sleep 1000")
    equal(run.stdout.readline(), "ready\n", "the command")
    # Of the processes outside, it is the child of the run.
    [keeper] = [pid for pid in s.keepers() if parent_of(pid) == run.pid]
    os.kill(keeper, signal.SIGKILL)
    if run.wait() == 0:
        raise Failure("the run ended well")
    s.wait_for_end()
    equal(s.sh("cat file", "killed"), "kept\n", "what it had changed")


def test_one_that_runs_is_not_removed_and_another_is(t):
    s = Sandboxes(t)
    run = s.start("busy", "--", "sh", "-c", "echo ready; read line")
    equal(run.stdout.readline(), "ready\n", "the command")
    refused = s.call("rm", "busy")
    equal((refused.returncode, "is running" in refused.stderr), (1, True), "removing it")
    run.stdin.close()
    run.wait()
    s.wait_for_end()
    equal(s.call("rm", "busy").returncode, 0, "removing it then")
    equal(os.listdir(s.store), [], "the store")
    equal(s.call("rm", "busy").returncode, 1, "removing what is not there")


def test_changes_are_discarded_on_demand(t):
    s = Sandboxes(t)
    s.sh("echo x > file", "gone", "--discard")
    equal(os.listdir(s.store), [], "the store")


def test_file_that_is_standard_input_cannot_be_written(t):
    s = Sandboxes(t)
    write(s.outside + "/../given", "first\nsecond\n")
    with open(s.outside + "/../given", encoding="ascii") as file:
        done = s.run("--", "sh", "-c", "read a; read b; echo $a $b; echo bad > /proc/self/fd/0 || echo refused; "
                     "exec 3<>/proc/self/fd/0 || echo again", stdin=file)
    equal(done.stdout.splitlines()[:2], ["first second", "refused"], "what the command did")
    equal(read(s.outside + "/../given"), b"first\nsecond\n", "the file")


def test_directory_as_standard_stream_is_refused(t):
    s = Sandboxes(t)
    directory = os.open(s.outside, os.O_RDONLY | os.O_DIRECTORY)
    done = s.run("true", stdin=directory)
    os.close(directory)
    equal((done.returncode, "is a directory" in done.stderr), (125, True), "the run")


@only_in("userns", why="only root of a namespace may forbid others below it")
def test_where_no_namespace_can_be_made_the_run_says_so_and_leaves_nothing(t):
    s = Sandboxes(t)
    with open("/proc/sys/user/max_user_namespaces", encoding="ascii") as file:
        before = file.read()
    t.at_end(lambda: write("/proc/sys/user/max_user_namespaces", before))
    write("/proc/sys/user/max_user_namespaces", "0\n")
    done = s.run("try1", "--", "true")
    equal((done.returncode, "user.max_user_namespaces" in done.stderr), (125, True), f"the run: {done.stderr}")
    equal(os.listdir(s.store), [], "the store")
