# SPDX-License-Identifier: MIT
"""`overpass apply`, `undo` and `discard` of a sandbox while it runs."""
import os
import sys

from harness import equal, holds, write
from harness.sandboxes import Running, Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")

TREE = {"file": "old", "other": "other", "dir": {"inner": "deep", "second": "two"}, "gone": {"a": "a"}}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def started(t, line, tree=None):
    s = Sandboxes(t, tree or TREE)
    run = Running(s, "name")
    run.do(line)
    return s, run


def done(s, *words, status=0):
    """What it says on standard error."""
    ended = s.call(*words)
    equal(ended.returncode, status, f"the status of {words}: {ended.stderr}")
    return ended.stderr


def diff(s):
    """What the sandbox changes, by paths from the outside."""
    return [line.replace(s.outside[1:] + "/", "") for line in s.call("diff", "name").stdout.splitlines()]


def test_apply_of_everything(t):
    s, run = started(t, "echo new > file; rm dir/inner; rm -r gone; chmod 700 dir; ln other linked; ln -s file soft; mkdir -p made/below; "
                     "echo deep > made/below/it")
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal(sorted(os.listdir(s.outside)), ["dir", "file", "linked", "made", "other", "soft"], "the outside")
    equal((read(s.outside + "/file"), read(s.outside + "/made/below/it")), ("new\n", "deep\n"), "its files")
    equal((os.listdir(s.outside + "/dir"), os.stat(s.outside + "/dir").st_mode & 0o777), (["second"], 0o700), "the directory that was changed")
    holds(os.path.samefile(s.outside + "/other", s.outside + "/linked"), "both names are of one file")
    equal(diff(s), [], "what the sandbox still changes")
    equal(run.do("cat file; ls dir; ls; cat made/below/it; cat soft; stat -c %h other linked"),
          "new\nsecond\ndir\nfile\nlinked\nmade\nother\nsoft\ndeep\nnew\n2\n2\n", "what is seen afterwards")
    write(s.outside + "/file", "from outside")
    write(s.outside + "/made/below/it", "from outside")
    write(s.outside + "/made/fresh", "fresh")
    s.outside_is_as_it_should_be()
    equal(run.do("sleep 1.2; cat file made/below/it; ls made"), "from outsidefrom outsidebelow\nfresh\n", "what changes outside is seen again")
    run.end()
    equal(s.sh("cat file; ls made", "name"), "from outsidebelow\nfresh\n", "what the next run sees")


def test_work_goes_on_during_an_apply(t):
    s, run = started(t, "mkdir -p made/below; cd made/below; echo one > ../../file; exec 5>> ../../log; echo a >&5; exec 6< ../../file; echo x > it")
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal(read(s.outside + "/log"), "a\n", "the log outside")
    equal(run.do("pwd; ls; cat it; cat <&6; echo b >&5; cat ../../log; echo later > late; ls"),
          f"{s.outside}/made/below\nit\nx\none\na\nb\nit\nlate\n", "what the shell goes on with")
    equal(diff(s), ["M log", "A made/below/late"], "what came after the apply")
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal((read(s.outside + "/log"), read(s.outside + "/made/below/late")), ("a\nb\n", "later\n"), "the outside after the second apply")
    equal(diff(s), [], "what is left")
    equal(run.do("echo c >&5; pwd; cat ../../log"), f"{s.outside}/made/below\na\nb\nc\n", "what is seen after the second apply")
    run.end()
    equal(diff(s), ["M log"], "what is left at the end")
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal(read(s.outside + "/log"), "a\nb\nc\n", "the log at last")


def test_apply_again_and_again(t):
    s, run = started(t, "echo 0 > file")
    for number in range(1, 4):
        done(s, "apply", "name", "--yes")
        equal(read(s.outside + "/file"), f"{number - 1}\n", "the file outside")
        equal(run.do(f"cat file; echo {number} > file; cat file; mkdir made{number}; echo x > made{number}/x"), f"{number - 1}\n{number}\n", "the file inside")
    run.end()
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal(sorted(os.listdir(s.outside)), ["dir", "file", "gone", "made1", "made2", "made3", "other"], "the outside at last")
    equal(read(s.outside + "/file"), "3\n", "the file at last")


def test_what_an_apply_deleted_can_be_made_anew(t):
    s, run = started(t, "rm -r gone; rm file")
    done(s, "apply", "name", s.outside + "/gone", "--yes")
    run.do("mkdir gone; echo again > gone/a")
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal((sorted(os.listdir(s.outside)), read(s.outside + "/gone/a")), (["dir", "gone", "other"], "again\n"), "the outside")
    equal(run.do("echo again > file; cat gone/a file; ls"), "again\nagain\ndir\nfile\ngone\nother\n", "what is seen")
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal(read(s.outside + "/file"), "again\n", "the file outside")
    run.end()


def test_a_conflict_changes_nothing(t):
    s, run = started(t, "echo new > file; echo made > made")
    write(s.outside + "/file", "mine")
    s.outside_is_as_it_should_be()
    holds("was changed outside" in done(s, "apply", "name", "--yes", status=1), "the conflict is told")
    equal(run.do("cat file; echo more > file; cat file"), "new\nmore\n", "what is seen")
    equal(diff(s), ["M file", "A made"], "the changes")
    run.end()
    holds("was changed outside" in done(s, "apply", "name", "--yes", status=1), "the conflict is told when it does not run")


def test_apply_of_a_part(t):
    s, run = started(t, "mkdir made; cd made; echo it > it; echo new > ../file; rm ../dir/inner")
    done(s, "apply", "name", s.outside + "/made", "--yes")
    s.outside_is_as_it_should_be()
    equal(sorted(os.listdir(s.outside)), ["dir", "file", "gone", "made", "other"], "the outside")
    equal(diff(s), ["D dir/inner", "M file"], "what is left")
    equal(run.do("pwd; cat it ../file; ls ../dir; echo more > more; ls"), f"{s.outside}/made\nit\nnew\nsecond\nit\nmore\n", "what is seen")
    done(s, "apply", "name", s.outside + "/file", "--yes")
    s.outside_is_as_it_should_be()
    equal(diff(s), ["D dir/inner", "A made/more"], "what is left then")
    run.do("echo again > ../file")
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal((read(s.outside + "/file"), os.listdir(s.outside + "/dir")), ("again\n", ["second"]), "the outside after the rest")
    equal(run.do("pwd; ls; cat ../file"), f"{s.outside}/made\nit\nmore\nagain\n", "what is seen then")
    run.end()
    equal(diff(s), [], "what is left at the end")


def test_discard_of_everything(t):
    s, run = started(t, "echo new > file; rm dir/inner; rm -r gone; echo file > gone; mkdir made; echo x > made/x; ln other linked; mv dir moved; "
                     "cat moved/second; ls gone; ls made")
    holds("in use" not in done(s, "discard", "name", "--yes"), "nothing is in use")
    equal(run.do("cat file; ls gone; ls dir; ls; stat -c %h other; cat dir/inner"),
          "olda\ninner\nsecond\ndir\nfile\ngone\nother\n1\ndeep", "what is seen")
    equal(diff(s), [], "what is left")
    equal(run.do("cd dir; echo again > inner; cat inner; mkdir ../made; ls ../made"), "again\n", "what can be changed then")
    equal(diff(s), ["M dir/inner", "A made/"], "the changes")
    run.end()
    equal(s.sh("cat dir/inner file", "name"), "again\nold", "what the next run sees")


def test_what_is_in_use_is_not_discarded(t):
    s, run = started(t, "echo new > file; mkdir made; cd made; exec 5>> log; echo a >&5; echo x > x")
    told = done(s, "discard", "name", "--yes")
    for path in ("made/log", "made"):
        holds(f"in use, kept: '{s.outside}/{path}" in told, f"{path} is told: {told}")
    equal(run.do("pwd; ls; cat ../file; echo b >&5; cat log"), f"{s.outside}/made\nlog\nolda\nb\n", "what is seen")
    run.end()
    equal(s.sh("cat made/log file", "name"), "a\nb\nold", "what the next run sees")
    done(s, "discard", "name", "--yes")
    equal(diff(s), [], "what is left")


def test_what_is_mapped_is_not_lost(t):
    program = ("import mmap, os; f = open('mapped', 'r+b'); m = mmap.mmap(f.fileno(), 0); f.close(); m[0:1] = b'1'; print('ready', flush=True); "
               "os.read(0, 1); m[1:2] = b'2'; m.flush(); print(m[0:3], flush=True); os.read(0, 1)")
    s, run = started(t, "echo 000 > mapped")
    run.process.stdin.write(f"{sys.executable} -c \"{program}\"\n")
    run.process.stdin.flush()
    equal(run.process.stdout.readline(), "ready\n", "the program that maps")
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    # What the kernel has not written back remains a change.
    holds(read(s.outside + "/mapped") in ("100\n", "000\n"), "the file outside")
    run.process.stdin.write("\n")
    run.process.stdin.flush()
    equal(run.process.stdout.readline(), "b'120'\n", "the mapping afterwards")
    run.process.stdin.write("\n")
    equal(run.do("cat mapped"), "120\n", "the file in the sandbox")
    equal(diff(s), ["M mapped"], "what came after the apply")
    run.end()
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal(read(s.outside + "/mapped"), "120\n", "the file outside at last")


def test_hard_links(t):
    s = Sandboxes(t, TREE)
    os.link(s.outside + "/file", s.outside + "/dir/linked")
    s.outside_is_as_it_should_be()
    run = Running(s, "name")
    run.do("cat dir/linked; echo new > file; cat dir/linked; echo one > a; ln a b; exec 5>> b")
    ended = s.call("apply", "name", "--yes")
    if ended.returncode != 0:
        holds("when it does not run" in ended.stderr, f"the remedy: {ended.stderr}")
        equal(run.do("cat dir/linked b; stat -c %h a file"), "new\none\n2\n2\n", "what is seen after a refusal")
        equal(read(s.outside + "/file"), "old", "the outside after a refusal")
    else:
        equal(run.do("echo two >&5; cat a dir/linked; stat -c %h a file"), "one\ntwo\nnew\n2\n2\n", "what is seen")
        holds(os.path.samefile(s.outside + "/file", s.outside + "/dir/linked"), "both names are of one file")
    s.outside_is_as_it_should_be()
    run.end()


def test_undo_is_seen_at_once(t):
    s, run = started(t, "echo new > file; rm dir/inner; mkdir made; echo x > made/x")
    before = s.before
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal(run.do("cat file; ls dir made"), "new\ndir:\nsecond\n\nmade:\nx\n", "what is seen after the apply")
    done(s, "undo", "name", "--yes")
    s.before = before
    equal(run.do("cat file; ls dir; ls"), "oldinner\nsecond\ndir\nfile\ngone\nother\n", "what is seen after undo")
    done(s, "undo", "--redo", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal(run.do("cat file; ls dir made"), "new\ndir:\nsecond\n\nmade:\nx\n", "what is seen after redo")
    run.end()


def test_a_fork_keeps_what_is_discarded(t):
    s, run = started(t, "echo new > file; mkdir made; echo x > made/x")
    done(s, "fork", "name", "twin")
    done(s, "discard", "name", "--yes")
    equal(run.do("cat file; ls"), "olddir\nfile\ngone\nother\n", "what the sandbox shows")
    equal(s.sh("cat file made/x", "twin"), "new\nx\n", "what the fork shows")
    run.end()


def test_a_trial_changes_nothing(t):
    s, run = started(t, "echo new > file")
    before = read(f"{s.store}/name/sandbox.toml")
    for command in ("apply", "discard"):
        equal(s.call(command, "name", "--dry-run").stdout, f"M {s.outside[1:]}/file\n", f"what {command} would do")
    equal(read(f"{s.store}/name/sandbox.toml"), before, "the record")
    run.end()
