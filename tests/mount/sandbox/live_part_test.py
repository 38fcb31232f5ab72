# SPDX-License-Identifier: MIT
"""Parts of what a sandbox changes are discarded or applied while it runs, and directories that it has renamed."""
import os
import subprocess
import time

import pytest

from harness import caches, equal, holds, write
from harness.sandboxes import Running
from live_apply_test import diff, done, read, started

SYSTEMS = ("overpass",)
PATIENCE = 300
WORLDS = ("root", "userns", "user")


def layers_of(s):
    """How many frozen layers the sandbox has."""
    return sum(line.count('"') // 2 + line.count("'") // 2 for line in read(f"{s.store}/name/sandbox.toml").splitlines() if line.startswith("layers = "))


def test_discard_of_a_part(t):
    s, run = started(t, "echo new > file; echo new > other; rm dir/inner; rm -r gone; mkdir -p made/below; echo x > made/below/x; echo y > made/y; cat made/y")
    dropped, number = caches.drops(), run.do("stat -c %i other made made/y")
    done(s, "discard", "name", s.outside + "/file", s.outside + "/gone", s.outside + "/made/below", "--yes")
    equal(run.do("cat file; ls gone; ls made; cat other made/y; ls"), "olda\ny\nnew\ny\ndir\nfile\ngone\nmade\nother\n", "what is seen")
    numbers = run.do("stat -c %i other made made/y")
    if caches.drops() == dropped:       # by another test: what the kernel forgot may have the number of its new layer
        equal(numbers, number, "the numbers of what stays")
    equal(diff(s), ["D dir/inner", "A made/", "A made/y", "M other"], "what is left")
    done(s, "discard", "name", s.outside + "/dir", s.outside + "/made/y", "--yes")
    equal(run.do("cat dir/inner; ls"), "deepdir\nfile\ngone\nother\n", "what is seen then")
    equal(diff(s), ["M other"], "what is left then")
    run.do("echo again > file; mkdir made; echo z > made/z")
    equal(diff(s), ["M file", "A made/", "A made/z", "M other"], "what came since")
    run.end()
    equal(s.sh("cat file other made/z dir/inner", "name"), "again\nnew\nz\ndeep", "what the next run sees")
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal((read(s.outside + "/file"), read(s.outside + "/other")), ("again\n", "new\n"), "the outside at last")


def test_work_goes_on_during_a_discard(t):
    s, run = started(t, "mkdir work; cd work; echo kept > kept; echo gone > gone; exec 5>> log; echo a >&5; exec 6< kept; echo x > ../file; cat gone")
    done(s, "discard", "name", s.outside + "/work/gone", s.outside + "/file", "--yes")
    equal(run.do("pwd; ls; cat <&6; echo b >&5; cat log kept ../file; echo later > late; ls"),
          f"{s.outside}/work\nkept\nlog\nkept\na\nb\nkept\noldkept\nlate\nlog\n", "what the shell goes on with")
    equal(diff(s), ["A work/", "A work/kept", "A work/late", "A work/log"], "what is left")
    run.end()


def test_what_a_part_has_open_for_writing_is_kept(t):
    s, run = started(t, "mkdir work; exec 5>> work/log; echo a >&5; echo x > work/x; exec 6>> file; echo more >&6")
    told = done(s, "discard", "name", s.outside + "/work", s.outside + "/file", "--yes")
    for path in ("work/log", "file"):
        holds(f"in use, kept: '{s.outside}/{path}" in told, f"{path} is told: {told}")
    equal(run.do("echo b >&5; echo yet >&6; ls work; cat work/log file"), "log\na\nb\noldmore\nyet\n", "what is seen")
    run.end()
    equal(s.sh("cat work/log file", "name"), "a\nb\noldmore\nyet\n", "what the next run sees")


def test_discard_below_an_opaque_directory(t):
    s, run = started(t, "rm -r dir gone; mkdir dir; echo mine > dir/inner; mkdir gone; mkdir gone/sub; ls dir gone")
    equal(diff(s), ["D dir/second", "D gone/a", "M dir/inner", "A gone/sub/"], "the changes")
    done(s, "discard", "name", s.outside + "/dir/second", s.outside + "/gone/a", "--yes")
    equal(run.do("cat dir/second dir/inner gone/a; ls dir gone"), "twomine\nadir:\ninner\nsecond\n\ngone:\na\nsub\n", "what is seen")
    equal(diff(s), ["M dir/inner", "A gone/sub/"], "what is left")
    done(s, "discard", "name", s.outside + "/dir", "--yes")
    equal(run.do("cat dir/inner; ls dir"), "deepinner\nsecond\n", "what is seen then")
    run.end()
    equal(s.sh("cat dir/inner; ls gone", "name"), "deepa\nsub\n", "what the next run sees")


def test_parts_leave_no_layers(t):
    s, run = started(t, "echo new > file; echo new > other; rm -r gone")
    done(s, "apply", "name", s.outside + "/file", "--yes")
    equal((diff(s), layers_of(s)), (["D gone/", "M other"], 1), "what is left")
    done(s, "discard", "name", s.outside + "/gone", "--yes")
    done(s, "apply", "name", s.outside + "/other", "--yes")
    s.outside_is_as_it_should_be()
    equal((diff(s), layers_of(s)), ([], 0), "what is left at last")
    write(s.outside + "/file", "from outside")
    s.outside_is_as_it_should_be()
    equal(run.do("sleep 1.2; cat file other; ls"), "from outsidenew\ndir\nfile\ngone\nother\n", "what is seen")
    run.end()


def test_a_layer_that_is_emptied_goes(t):
    s, run = started(t, "echo new > file; mkdir -p made/below; echo x > made/below/x")
    done(s, "apply", "name", s.outside + "/file", "--yes")
    s.outside_is_as_it_should_be()
    run.do("echo new > other")
    done(s, "discard", "name", s.outside + "/made", "--yes")
    equal((diff(s), layers_of(s)), (["M other"], 1), "what is left")
    run.do("echo again > other; rm dir/inner")
    done(s, "apply", "name", s.outside + "/other", "--yes")
    s.outside_is_as_it_should_be()
    equal((diff(s), layers_of(s), run.do("cat file other; ls dir made 2>&1 | grep -c such")), (["D dir/inner"], 1, "new\nagain\n1\n"), "what is left then")
    run.end()


def test_what_was_applied_shows_the_outside(t):
    """The frozen layer has no copy of it any more."""
    s, run = started(t, "echo new > file; echo new > other; rm -r dir; mkdir dir; echo x > dir/inner")
    done(s, "apply", "name", s.outside + "/file", s.outside + "/dir/inner", "--yes")
    write(s.outside + "/file", "from outside")
    write(s.outside + "/dir/inner", "from outside")
    s.outside_is_as_it_should_be()
    equal(run.do("sleep 1.2; cat file dir/inner other; ls dir"), "from outsidefrom outsidenew\ninner\n", "what is seen")
    equal(diff(s), ["D dir/second", "M other"], "what is left")
    run.end()
    done(s, "undo", "name", "--yes", status=1)


def test_renamed_directory(t):
    s, run = started(t, "mv dir moved; cd moved; echo more > third; echo new > inner; exec 5< second; mkdir ../gone/deep; mv ../gone ../went")
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal(sorted(os.listdir(s.outside)), ["file", "moved", "other", "went"], "the outside")
    equal(run.do("pwd; ls; cat inner second third <&5; ls ../went; echo yet > inner; cat inner"),
          f"{s.outside}/moved\ninner\nsecond\nthird\nnew\ntwomore\na\ndeep\nyet\n", "what is seen")
    equal((diff(s), layers_of(s)), (["M moved/inner"], 0), "what is left")
    run.do("mv ../moved ../dir")
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal((sorted(os.listdir(s.outside)), read(s.outside + "/dir/inner")), (["dir", "file", "other", "went"], "yet\n"), "the outside at last")
    equal(run.do("cat second inner; cat ../dir/third"), "twoyet\nmore\n", "what is seen at last")
    run.end()


def test_a_renamed_directory_is_there_all_the_time(t):
    s, run = started(t, "mv dir moved; mkdir -p gone/sub/deep; mv gone/a gone/sub/deep/a; mv gone went; "
                     "(while cat moved/inner moved/second went/sub/deep/a > seen; do test \"$(cat seen)\" = deeptwoa || break; done; echo failed > failed) & ")
    time.sleep(0.3)
    done(s, "apply", "name", s.outside + "/moved", s.outside + "/went", "--yes")
    s.outside_is_as_it_should_be()
    time.sleep(0.3)
    equal(run.do("ls; kill $!"), "file\nmoved\nother\nseen\nwent\n", "what is seen")
    run.end()


def test_a_part_of_what_a_snapshot_has(t):
    s, run = started(t, "echo one > file; echo one > other")
    done(s, "snapshot", "name", "first")
    run.do("echo two > file; echo x > fresh")
    done(s, "discard", "name", s.outside + "/fresh", "--yes")
    said = done(s, "discard", "name", s.outside + "/file", "--yes", status=3)
    holds("snapshots" in said and "squash --thaw" in said, f"what discard says: {said}")
    equal(run.do("cat file other; ls"), "two\none\ndir\nfile\ngone\nother\n", "what is seen")
    done(s, "apply", "name", s.outside + "/file", "--yes")
    s.outside_is_as_it_should_be()
    equal(diff(s), ["M other"], "what is left")
    run.end()
    done(s, "rollback", "name", "first", status=0)
    equal(s.sh("cat file other", "name"), "one\none\n", "what the snapshot shows")


def test_a_fork_keeps_a_part_that_is_discarded(t):
    s, run = started(t, "echo new > file; echo new > other")
    done(s, "fork", "name", "twin")
    run.do("echo x > fresh")
    done(s, "discard", "name", s.outside + "/file", "--yes", status=3)
    done(s, "discard", "name", s.outside + "/fresh", "--yes")
    equal(run.do("cat file; ls"), "new\ndir\nfile\ngone\nother\n", "what the sandbox shows")
    equal(s.sh("cat file other; ls", "twin"), "new\nnew\ndir\nfile\ngone\nother\n", "what the fork shows")
    run.end()


def test_hard_links_across_a_part(t):
    s, run = started(t, "echo one > a; ln a dir/b; echo x > file; cat a dir/b")
    done(s, "discard", "name", s.outside + "/dir/b", "--yes")
    equal(run.do("cat a; ls dir; echo two > a; cat a; stat -c %h a"), "one\ninner\nsecond\ntwo\n1\n", "what is seen")
    run.end()


def test_a_part_of_a_sandbox_that_ended(t):
    """Frozen layers that a live command has left are no obstacle."""
    s, run = started(t, "echo new > file; echo new > other; rm -r dir; mkdir dir")
    done(s, "apply", "name", s.outside + "/file", "--yes")
    s.outside_is_as_it_should_be()
    run.do("echo later > other; echo x > fresh")
    run.end()
    done(s, "discard", "name", s.outside + "/other", s.outside + "/dir/inner", "--yes")
    equal(diff(s), ["D dir/second", "A fresh"], "what is left")
    equal(s.sh("cat other dir/inner; ls dir", "name"), "otherdeepinner\n", "what the next run sees")


def test_discard_of_a_renamed_directory(t):
    s, run = started(t, "mv dir moved; echo more > moved/third; echo new > file; ls moved")
    done(s, "discard", "name", s.outside + "/moved", "--yes")
    equal(run.do("ls; ls dir; cat file dir/inner"), "dir\nfile\ngone\nother\ninner\nsecond\nnew\ndeep", "what is seen")
    equal(diff(s), ["M file"], "what is left")
    run.end()


def test_what_layers_hid_stays_hidden(t):
    """A name goes from all layers, whatever is above it in the others."""
    s, run = started(t, "mkdir made; echo a > made/a; echo b > made/b; echo c > dir/c; echo d > gone/d; echo x > file")
    done(s, "apply", "name", s.outside + "/file", "--yes")
    s.outside_is_as_it_should_be()
    run.do("rm made/a; rm -r dir; rm -r gone; mkdir gone; echo e > gone/e; echo y > other")
    done(s, "apply", "name", s.outside + "/other", "--yes")
    s.outside_is_as_it_should_be()
    equal((run.do("ls; ls made gone"), layers_of(s)), ("file\ngone\nmade\nother\ngone:\ne\n\nmade:\nb\n", 2), "what is seen before")
    done(s, "discard", "name", s.outside + "/made", s.outside + "/dir", s.outside + "/gone", "--yes")
    equal(run.do("ls; ls dir gone"), "dir\nfile\ngone\nother\ndir:\ninner\nsecond\n\ngone:\na\n", "what is seen")
    equal(diff(s), [], "what is left")
    run.end()
    equal(s.sh("ls; ls dir gone", "name"), "dir\nfile\ngone\nother\ndir:\ninner\nsecond\n\ngone:\na\n", "what the next run sees")


@pytest.mark.parametrize("ends", (False, True), ids=("goes-on", "has-ended"))
@pytest.mark.parametrize("way", ("--continue", "--abort"))
@pytest.mark.seeds(brief=3, usual=6, long=16)
def test_a_killed_apply_of_a_renamed_directory(t, seed, way, ends):
    """The sandbox shows all of it at each moment, and afterwards whichever way it ends, also if it does not run any more."""
    when = 2 + seed * 16 // t.settings.in_form(3, 6, 16)
    s, run = started(t, "mv dir moved; cd moved; echo new > ../file; echo x > ../fresh")
    words = [s.t.settings.overpass, "apply", "name", s.outside + "/moved", s.outside + "/file", "--yes"]
    trace = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=renameat2", "-e", f"inject=renameat2:signal=KILL:when={when}"]
    subprocess.run([*trace, *words], cwd=s.outside, env=s.traced_environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    s.outside_is_as_it_should_be()
    look, shown = "ls; cat inner second ../file ../fresh", "inner\nsecond\ndeeptwonew\nx\n"
    equal(run.do(look), shown, "what is shown when it has been killed")
    if ends:
        run.end()
    if os.path.exists(f"{s.store}/name/apply/journal.json"):
        ended = s.call("apply", "name", way, "--yes")
        if ended.returncode == 3 and way == "--abort":
            done(s, "apply", "name", "--continue")      # All has been applied.
        else:
            equal(ended.returncode, 0, f"the status of {way}: {ended.stderr}")
        s.outside_is_as_it_should_be()
        equal(s.sh("cd moved; " + look, "name") if ends else run.do(look), shown, f"what is shown after {way}")
    done(s, "apply", "name", "--yes", status=0)
    s.outside_is_as_it_should_be()
    equal((sorted(os.listdir(s.outside)), sorted(os.listdir(s.outside + "/moved")), read(s.outside + "/file")),
          (["file", "fresh", "gone", "moved", "other"], ["inner", "second"], "new\n"), "the outside at last")
    equal(s.sh("cd moved; " + look, "name") if ends else run.do(look), shown, "what is shown at last")
    if not ends:
        equal(run.do("pwd"), f"{s.outside}/moved\n", "the working directory")
        run.end()


@pytest.mark.seeds(brief=3, usual=8, long=8)
def test_a_killed_discard_of_a_part(t, seed):
    """What it has not taken out is taken out by the next one."""
    when = 1 + seed * 8 // t.settings.in_form(3, 8, 8)
    s, run = started(t, "mkdir made; cd made; echo a > a; echo b > b; echo new > ../file; rm -r ../dir; mkdir ../dir")
    words = [s.t.settings.overpass, "discard", "name", s.outside + "/file", s.outside + "/made/a", s.outside + "/dir/inner", "--yes"]
    trace = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=renameat2", "-e", f"inject=renameat2:signal=KILL:when={when}"]
    subprocess.run([*trace, *words], cwd=s.outside, env=s.traced_environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False)
    equal(run.do("cat b; ls ../gone"), "b\na\n", "what is shown of the rest when it has been killed")
    s.call(*words[1:])
    equal(run.do("pwd; ls . ../dir; cat ../file"), f"{s.outside}/made\n.:\nb\n\n../dir:\ninner\nold", "what is shown afterwards")
    equal(diff(s), ["D dir/second", "A made/", "A made/b"], "what is left")
    run.end()
    equal([name for name in os.listdir(f"{s.store}/name") if name.isdigit() and not os.path.isdir(f"{s.store}/name/{name}/upper")], [], "directories that nothing needs")


def test_a_part_of_a_fork_that_has_not_run(t):
    """Its layers are its own once the other sandbox is gone."""
    s, run = started(t, "echo new > file; echo new > other; rm -r dir; mkdir dir")
    done(s, "apply", "name", s.outside + "/file", "--yes")
    s.outside_is_as_it_should_be()
    done(s, "fork", "name", "twin")
    run.end()
    done(s, "rm", "name")
    done(s, "discard", "twin", s.outside + "/dir/inner", "--yes")
    equal(s.sh("cat dir/inner other file; ls dir", "twin"), "deepnew\nnew\ninner\n", "what the fork shows")
