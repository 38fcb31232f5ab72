# SPDX-License-Identifier: MIT
"""`overpass apply -p`: what is chosen gets outside, and the rest stays in the sandbox."""
import json
import os
import random
import re
import signal
import stat
import subprocess

import pytest

from apply_random_test import change_inside, exact, grow, picture, shown
from harness import equal, holds, same_lines, write
from harness.sandboxes import Running, Sandboxes
from harness.terminal import answer_on_terminal
from live_apply_test import diff, done, read

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")

LINES = "".join(f"line {number}\n" for number in range(1, 31))
TREE = {"text": LINES, "other": "other\n", "dir": {"inner": "deep\n"}, "gone": {"a": "a\n"}}
EDIT = "sed -i -e 's/line 3$/three/' -e 's/line 15$/fifteen/' -e '28d' text"


def changed(*lines):
    """The text with these lines changed as EDIT does."""
    text = LINES
    for line in lines:
        text = text.replace(f"line {line}\n", {3: "three\n", 15: "fifteen\n", 28: ""}[line])
    return text


def choose(s, *answers, words=(), status=0, **named):
    """What the command says on the terminal."""
    code, said = answer_on_terminal([s.t.settings.overpass, "apply", "name", "-p", *words], answers, cwd=s.outside,
                                    env=s.environment(TERM="dumb", **named))
    equal(code, status, f"the status after {answers}: {said}")
    return said


def prepared(t, script=EDIT):
    s = Sandboxes(t, TREE)
    s.sh(script, "name")
    return s


@pytest.mark.parametrize("answers, lines", (
    ("yyy", (3, 15, 28)), ("yny", (3, 28)), ("nyn", (15,)), ("a", (3, 15, 28)), ("na", (15, 28)), ("yd", (3,)), ("yq", (3,)),
    ("y", (3,)), ("nn?y", (28,)), ("yxny", (3, 28)),
), ids=("all", "first-and-last", "middle", "all-by-a", "a-later", "d", "q", "end-of-input", "help", "unknown-key"))
def test_hunks(t, answers, lines):
    s = prepared(t)
    said = choose(s, *answers)
    s.outside_is_as_it_should_be()
    equal(read(s.outside + "/text"), changed(*lines), "the file outside")
    equal(s.sh("cat text", "name"), changed(3, 15, 28), "the file in the sandbox")
    equal(diff(s), [] if len(lines) == 3 else ["M text"], "what is left")
    holds("@@ -1,6 +1,6 @@\n line 1\n line 2\n-line 3\n+three\n line 4\n" in said, f"the hunk is shown: {said}")
    holds("(1/3) Apply this hunk [y,n,q,a,d,?]?" in said, f"the question: {said}")
    equal("a - apply this and all that is left" in said, "?" in answers or "x" in answers, "the help is shown")


def test_the_rest_is_applied_later(t):
    s = prepared(t)
    choose(s, "y", "n", "n")
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal((read(s.outside + "/text"), diff(s)), (changed(3, 15, 28), []), "the file outside, and what is left")


def test_nothing_is_chosen(t):
    s = prepared(t)
    for answers in (("n", "n", "n"), ("d",), ("q",), ()):
        holds("nothing was chosen" in choose(s, *answers, status=1), f"what is said after {answers}")
    equal(diff(s), ["M text"], "what is left")


def test_a_hunk_is_split(t):
    s = prepared(t, "sed -i -e 's/line 10$/ten/' -e 's/line 13$/thirteen/' text")
    said = choose(s, "s", "n", "y")
    s.outside_is_as_it_should_be()
    equal(read(s.outside + "/text"), LINES.replace("line 13\n", "thirteen\n"), "the file outside")
    holds("(1/1) Apply this hunk [y,n,q,a,d,s,?]?" in said and "(2/2) Apply this hunk [y,n,q,a,d,?]?" in said, f"the questions: {said}")


def test_files(t):
    s = prepared(t, "echo new > other; rm -r gone; mkdir -p made/empty made/full; echo 1 > made/full/one; echo 2 > made/two; ln -s x soft; "
                    "printf 'a\\0b' > dir/inner; chmod 600 text; mv dir moved")
    said = choose(s, "y", "n", "y", "n", "y", "n", "y", "y")
    s.outside_is_as_it_should_be()
    for question in ("deletion of '/gone'", "addition of '/made/empty'", "addition of '/made/full/one'", "addition of '/made/two'",
                     "rename of '/dir' to '/moved'", "addition of '/soft'", "change of '/text'"):
        holds(f"Apply {question}".replace("'/", f"'{s.outside}/") in said, f"{question} is asked: {said}")
    equal(sorted(os.listdir(s.outside)), ["made", "moved", "other", "soft", "text"], "the outside")
    equal((read(s.outside + "/other"), os.listdir(s.outside + "/made"), diff(s)), ("other\n", ["full"], ["A made/empty/", "A made/two", "M other"]), "what is left")
    left = s.sh("ls; ls made made/full; cat other; cat moved/inner | tr '\\0' 0", "name")
    equal(left, "made\nmoved\nother\nsoft\ntext\nmade:\nempty\nfull\ntwo\n\nmade/full:\none\nnew\na0b", "what the sandbox shows")


def test_attributes_by_themselves(t):
    s = prepared(t, EDIT + "; chmod 600 text")
    holds("Apply its new owner, mode and attributes" in choose(s, "n", "y", "n", "n"), "the mode is asked for")
    s.outside_is_as_it_should_be()
    equal((read(s.outside + "/text"), stat.S_IMODE(os.stat(s.outside + "/text").st_mode)), (changed(3), 0o644), "the file outside")
    choose(s, "y", "n", "n")
    s.outside_is_as_it_should_be()
    equal((read(s.outside + "/text"), stat.S_IMODE(os.stat(s.outside + "/text").st_mode)), (changed(3), 0o600), "the file outside then")
    equal(diff(s), ["M text"], "what is left")


def test_a_last_line_without_newline(t):
    s = prepared(t, "printf 'other' > other")
    holds("\\ No newline at end of file" in choose(s, "y"), "it is told")
    s.outside_is_as_it_should_be()
    equal(read(s.outside + "/other"), "other", "the file outside")


def test_a_terminal_is_not_commanded(t):
    s = prepared(t, "printf '\\033]0;title\\007\\n' > other")
    said = choose(s, "n", status=1)
    holds("\033]0" not in said and "+^[]0;title^G" in said, f"what is shown: {said!r}")


def test_a_conflict_changes_nothing(t):
    s = prepared(t)
    write(s.outside + "/text", "mine")
    s.outside_is_as_it_should_be()
    holds("was changed outside" in choose(s, "y", status=1), "the conflict is told")
    equal(diff(s), ["M text"], "what is left")


def test_hunks_into_a_file_that_changed_outside(t):
    """With --force they get into what is there now."""
    s = prepared(t)
    write(s.outside + "/text", LINES.replace("line 8\n", "eight\n"))
    s.outside_is_as_it_should_be()
    choose(s, "s", "y", "n", "n", "n", words=("--force",))
    s.outside_is_as_it_should_be()
    equal(read(s.outside + "/text"), changed(3).replace("line 8\n", "eight\n"), "the file outside")
    equal(s.sh("cat text", "name"), changed(3, 15, 28), "the file in the sandbox")


def test_a_file_that_changes_while_the_user_chooses(t):
    s = prepared(t)
    ours, theirs = os.openpty()
    with subprocess.Popen([s.t.settings.overpass, "apply", "name", "-p", "--force"], stdin=theirs, stdout=theirs, stderr=theirs, cwd=s.outside,
                          env=s.environment(TERM="dumb")) as process:
        os.close(theirs)
        said = b""
        while b"(1/3)" not in said:
            said += os.read(ours, 65536)
        write(s.outside + "/text", "mine\n")
        s.outside_is_as_it_should_be()
        os.write(ours, b"y\nd\n")
        try:
            while piece := os.read(ours, 65536):
                said += piece
        except OSError:
            pass
    os.close(ours)
    equal(process.returncode, 3, f"the status: {said}")
    equal((read(s.outside + "/text"), diff(s)), ("mine\n", ["M text"]), "the file outside, and what is left")


def test_undo_and_again(t):
    s = prepared(t)
    before = s.before
    choose(s, "n", "y", "n")
    done(s, "undo", "name", "--yes")
    s.before = before
    equal(s.sh("cat text", "name"), changed(3, 15, 28), "the file in the sandbox")
    choose(s, "y", "y", "n")
    s.outside_is_as_it_should_be()
    equal(read(s.outside + "/text"), changed(3, 15), "the file outside")
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal((read(s.outside + "/text"), diff(s)), (changed(3, 15, 28), []), "the file outside at last")


def test_named_paths_and_a_trial(t):
    s = prepared(t, EDIT + "; echo new > other; echo new > dir/inner")
    choose(s, "y", words=(s.outside + "/dir", "--dry-run"))
    equal(diff(s), ["M dir/inner", "M other", "M text"], "what is left after a trial")
    choose(s, "y", words=(s.outside + "/dir",))
    s.outside_is_as_it_should_be()
    equal((read(s.outside + "/dir/inner"), diff(s)), ("new\n", ["M other", "M text"]), "the file outside, and what is left")


def test_into_another_directory(t):
    s = prepared(t)
    target = t.fresh("target", TREE)
    choose(s, "y", "n", "n", words=(s.outside, "--to", target))
    equal((read(target + "/text"), diff(s)), (changed(3), ["M text"]), "the file there, and what is left")


def test_while_it_runs(t):
    s = Sandboxes(t, TREE)
    run = Running(s, "name")
    run.do(EDIT + "; echo new > other; rm dir/inner")
    number = run.do("stat -c %i text")
    choose(s, "n", "n", "n", "y", "n")
    s.outside_is_as_it_should_be()
    equal((read(s.outside + "/text"), read(s.outside + "/other")), (changed(15), "other\n"), "the outside")
    equal(run.do("cat text; stat -c %i text"), changed(3, 15, 28) + number, "the file in the sandbox")
    equal(diff(s), ["D dir/inner", "M other", "M text"], "what is left")
    run.do("echo more >> text")
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal((read(s.outside + "/text"), diff(s)), (changed(3, 15, 28) + "more\n", []), "the outside at last")
    run.end()


def test_without_a_terminal(t):
    s = prepared(t)
    said = done(s, "apply", "name", "-p", status=2)
    holds("no terminal" in said and "--yes" in said, f"what is said: {said}")
    said = done(s, "apply", "name", "-p", "--yes", status=2)
    holds("say one of them" in said, f"what is said of -p with --yes: {said}")
    equal(diff(s), ["M text"], "what is left")


def interrupted(s, phase):
    """A part of a file is applied, and the program is killed when the journal has come to the phase."""
    trace = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=renameat2", "-e", f"inject=renameat2:signal=KILL:when={phase}"]
    return answer_on_terminal([*trace, s.t.settings.overpass, "apply", "name", "-p"], ["y", "n", "n"], cwd=s.outside,
                              env=s.traced_environment() | {"TERM": "dumb"})


@pytest.mark.parametrize("way", ("--continue", "--abort"))
@pytest.mark.parametrize("when", range(1, 7))
def test_killed_at_each_rename(t, when, way):
    """Afterwards the file outside is what it was or what was chosen, and the sandbox has the whole."""
    s = prepared(t)
    code, said = interrupted(s, when)
    s.outside_is_as_it_should_be()
    left = os.path.exists(f"{s.store}/name/apply/journal.json")
    if left:
        with open(f"{s.store}/name/apply/journal.json", encoding="utf-8") as file:
            phase = json.load(file)["phase"]
        ended = s.call("apply", "name", way)
        equal(ended.returncode, 3 if (phase, way) == ("published", "--abort") else 0, f"the status of {way} from {phase}: {ended.stderr}")
        if ended.returncode == 3:
            done(s, "apply", "name", "--continue")
        expected = LINES if way == "--abort" and phase != "published" or phase == "preparing" else changed(3)
        equal(read(s.outside + "/text"), expected, f"the file outside after {way} from {phase}")
    else:
        holds(code in (0, -signal.SIGKILL), f"the status: {code}: {said}")
        holds(read(s.outside + "/text") in (LINES, changed(3)), "the file outside")
    s.outside_is_as_it_should_be()
    names = [name for name in os.listdir(s.outside) if name.startswith(".overpass")]
    equal(names, [], "temporary names")
    equal(s.sh("cat text", "name"), changed(3, 15, 28), "the file in the sandbox")
    done(s, "apply", "name", "--yes")
    s.outside_is_as_it_should_be()
    equal((read(s.outside + "/text"), diff(s)), (changed(3, 15, 28), []), "the file outside at last")


def test_git_agrees(t):
    """The hunks are those of git where both take three lines of context."""
    s = prepared(t)
    patch = s.call("diff", "name", "--patch").stdout
    heads = r"@@ -\S+ \S+ @@"
    equal(re.findall(heads, choose(s, "n", "n", "n", status=1)), re.findall(heads, patch), "the heads of the hunks")
    equal(len(re.findall(heads, patch)), 3, "how many hunks there are")


def parted(lines):
    """Names of one file part if not all of them are chosen."""
    return [line.split(" links=")[0] for line in lines]


@pytest.mark.seeds(brief=2, usual=3, long=8)
def test_random_choices(t, seed):
    """Whatever is chosen gets outside, the sandbox goes on showing the same, and the rest is applied afterwards."""
    s = Sandboxes(t)
    grow(s, seed)
    change_inside(s, seed, 30)
    after, before = shown(s, "name"), exact(s.outside)
    source = random.Random(seed)
    for _ in range(3):
        answers = [source.choice("yynn") for _ in range(80)]
        code, said = answer_on_terminal([s.t.settings.overpass, "apply", "name", "-p"], answers, cwd=s.outside, env=s.environment(TERM="dumb"))
        s.outside_is_as_it_should_be()
        same_lines(parted(shown(s, "name")), parted(after), f"what the sandbox shows, after {said}")
        if code == 0 and "takes it back" in said:
            break
        same_lines(exact(s.outside), before, f"the outside after a refusal: {said}")
    is_linked = any(info.st_nlink > 1 for info in (os.lstat(os.path.join(above, name)) for above, _, names in os.walk(s.outside) for name in names))
    done(s, "apply", "name", "--yes", *(["--force"] if is_linked else []))
    same_lines(parted(picture(s.outside)), parted(after), "the outside at last")
    s.outside_is_as_it_should_be()
