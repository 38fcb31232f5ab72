# SPDX-License-Identifier: MIT
"""`overpass fsmonitor`: what it tells git, when it tells git to look at everything, and when it refuses."""
import contextlib
import os
import shutil
import subprocess

from git_tree import WorkTree, make_repository
from harness import contains, equal, holds, only_in, write
from harness.trees import Dir

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")

TREE = {"README": "r\n", "src": {"a.c": "a\n", "b.c": "b\n", "lib": {"x.c": "x\n"}}, "doc": {"d.txt": "d\n"}}


def repository(t, tree=None, commits=1, **named):
    lower = t.layer(tree or TREE)
    make_repository(lower, commits)
    m = t.mount(lower, **named)
    work = WorkTree(t, m.path)
    work.status()           # the first token
    work.status()
    work.take_answers()
    return m, work


@contextlib.contextmanager
def bound(source, target):
    subprocess.run(["mount", "--bind", source, target], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", target], check=True)


def answer(t, directory, token="", version="2"):
    """The exit status, the token and the paths, and what stands on standard error."""
    done = subprocess.run([t.settings.overpass, "fsmonitor", version, token], cwd=directory, capture_output=True, check=False)
    token, *paths = done.stdout.split(b"\0") if done.stdout else (b"",)
    return done.returncode, token.decode(), [path.decode() for path in paths[:-1]], done.stderr.decode()


def told(t, directory, token):
    """The paths for one who has `token`, and the next token."""
    status, token, paths, err = answer(t, directory, token)
    equal((status, err), (0, ""), "exit status and messages")
    return sorted(paths), token


def first_token(t, directory):
    paths, token = told(t, directory, "")
    equal(paths, ["/"], "what is told without a token")
    return token


def test_git_looks_at_what_the_upper_has_and_at_nothing_else(t):
    m, work = repository(t)
    write(m / "src/a.c", "changed\n")
    write(m / "new", "n\n")
    os.unlink(m / "doc/d.txt")
    equal(work.status(), " D doc/d.txt\n M src/a.c\n?? new\n", "git status")
    equal(work.take_answers(), [["doc/d.txt", "new", "src/a.c"]], "what git was told")
    equal(work.status(), " D doc/d.txt\n M src/a.c\n?? new\n", "git status again")
    equal(work.take_answers(), [["doc/d.txt", "new", "src/a.c"]], "what git was told again")


def test_git_looks_at_no_more_files_in_a_larger_tree(t):
    m, work = repository(t, {f"d{number}": {f"f{file}": "x\n" for file in range(20)} for number in range(20)})
    write(m / "d3/f7", "changed\n")
    write(m / "d5/new", "n\n")
    work.status()
    files, directories = work.looks()
    holds(files == 1, f"git looks at the one that is in the upper, not at {files}")
    holds(directories <= 3, f"git lists the directories that are in the upper, not {directories}")
    files, _ = work.looks("-c", "core.fsmonitor=false")
    holds(files >= 400, f"without the hook git looks at all of them: {files}")


def test_a_tracked_file_that_came_and_went_is_missed_by_nobody(t):
    m, work = repository(t)
    write(m / "src/new.c", "n\n")
    work.git("add", "src/new.c")
    equal(work.status(), "A  src/new.c\n", "git status")
    os.unlink(m / "src/new.c")
    equal(os.listdir(m.upper + "/src"), [], "what the upper has of it")
    equal(work.status(), "AD src/new.c\n", "git status")
    work.git("reset", "-q")
    equal(work.status(), "", "git status")


def test_a_file_that_git_made_after_it_asked_and_that_went_before_it_asked_again(t):
    m, work = repository(t)
    patch = "--- /dev/null\n+++ b/src/new.c\n@@ -0,0 +1 @@\n+n\n"
    name = t.fresh("patch") + "/patch"
    write(name, "diff --git a/src/new.c b/src/new.c\nnew file mode 100644\n" + patch)
    work.git("apply", "--index", name)
    os.unlink(m / "src/new.c")
    equal(work.status(), "AD src/new.c\n", "git status")


def test_an_untracked_file_that_went_is_shown_no_longer(t):
    m, work = repository(t)
    write(m / "src/lib/new", "n\n")
    equal(work.status("-unormal"), "?? src/lib/new\n", "git status")
    os.unlink(m / "src/lib/new")
    equal(work.status("-unormal"), "", "git status")


def test_git_looks_at_everything_once_after_a_directory_was_renamed(t):
    m, work = repository(t, options=("redirect_dir=on",))
    os.rename(m / "src", m / "source")
    contains(work.status(), " D src/a.c\n")
    equal(work.take_answers(), [None], "what git was told")
    work.git("add", "-A")
    contains(work.status(), "R  src/lib/x.c -> source/lib/x.c\n")
    holds(None not in work.take_answers(), "git is told of paths again")


def test_directories_that_change_places(t):
    m, work = repository(t, {"a": {"sub": {"x": "1\n"}}, "b": {"sub": {"x": "2\n", "y": "3\n"}}}, options=("redirect_dir=on",))
    os.rename(m / "a", m / "c")
    os.rename(m / "b", m / "a")
    os.rename(m / "c", m / "b")
    equal(work.status("-uall"), " M a/sub/x\n M b/sub/x\n D b/sub/y\n?? a/sub/y\n", "git status")


def test_a_directory_that_was_removed_and_made_again(t):
    m, work = repository(t)
    shutil.rmtree(m / "src")
    work.status()
    os.mkdir(m / "src")
    write(m / "src/a.c", "a\n")
    equal(work.status(), " D src/b.c\n D src/lib/x.c\n", "git status")
    os.unlink(m / "src/a.c")
    equal(work.status(), " D src/a.c\n D src/b.c\n D src/lib/x.c\n", "git status")


def test_a_file_that_became_a_directory_and_a_directory_that_became_a_file(t):
    m, work = repository(t)
    os.unlink(m / "README")
    os.mkdir(m / "README")
    write(m / "README/x", "x\n")
    shutil.rmtree(m / "doc")
    write(m / "doc", "d\n")
    equal(work.status(), work.true_status(), "git status")
    contains(work.status(), " D README\n D doc/d.txt\n")


def test_the_token_of_another_mount_is_worth_nothing(t):
    m, work = repository(t)
    token = first_token(t, m.path)
    equal(told(t, m.path, token), (["any"], token), "what is told with it: the upper has nothing but .git")
    stack = m.stack
    m.umount()
    write(m.upper + "/src-made-elsewhere", "x\n")
    again = t.mount_stack(stack)
    equal(told(t, again.path, token)[0], ["/"], "what is told with the token of the former mount")
    equal(WorkTree(t, again.path).status(), "?? src-made-elsewhere\n", "git status")


def test_the_token_of_another_work_tree_is_worth_nothing(t):
    m = t.mount(t.layer({"one": Dir(TREE), "two": Dir(TREE)}))
    token = first_token(t, m / "one")
    equal(told(t, m / "two", token)[0], ["/"], "what is told of another directory")
    os.rename(m / "one/README", m / "one/readme")
    equal(told(t, m / "one", token)[0], ["README", "readme"], "what is told of the same")


def test_the_token_of_a_directory_that_was_replaced_is_worth_nothing(t):
    m = t.mount(t.layer({}))
    os.mkdir(m / "tree")
    token = first_token(t, m / "tree")
    os.rmdir(m / "tree")
    os.mkdir(m / "tree")
    equal(told(t, m / "tree", token)[0], ["/"], "what is told")


def test_foreign_tokens(t):
    m = t.mount(t.layer(TREE))
    token = first_token(t, m.path)
    mount, number, ino, top = token.removeprefix("overpass-1:").split(":", 3)
    for other in ("", "1732867200000000000", "builtin:fake", "overpass-1:", f"overpass-1:{mount}:{number}:{ino}",
                  f"overpass-1:{mount}:-1:{ino}:{top}", f"overpass-1:{mount}:{int(number) + 1}:{ino}:{top}",
                  f"overpass-1:{mount}:99999999999999999999:{ino}:{top}", f"overpass-1:0:{number}:{ino}:{top}",
                  f"overpass-1:{mount}:{number}:0:{top}", f"overpass-1:{mount}:{number}:{ino}:{top}x", token.upper()):
        paths, given = told(t, m.path, other)
        equal((paths, given), (["/"], token), f"what is told with {other!r}")


def test_names_of_all_kinds(t):
    m = t.mount(t.layer(TREE))
    token = first_token(t, m.path)
    for name in ("line\nbreak", "quo\"te", "blank ", "-dash", "ünïcödé"):
        write(m / name, "x")
    write(os.fsencode(m.path) + b"/src/\xff\xfe", "x")
    done = subprocess.run([t.settings.overpass, "fsmonitor", "2", token], cwd=m.path, capture_output=True, check=True)
    equal(sorted(done.stdout.split(b"\0")[1:-1]), sorted([b"line\nbreak", b"quo\"te", b"blank ", b"-dash", "ünïcödé".encode(),
                                                         b"src/\xff\xfe"]), "what is told")


def test_more_removals_than_are_remembered(t):
    m = t.mount(t.layer(TREE))
    os.mkdir(m / "many")
    token = first_token(t, m.path)
    for number in range(100):
        write(m / f"many/{number:0200}", "")
    for number in range(100):
        os.unlink(m / f"many/{number:0200}")
    holds(len(told(t, m.path, token)[0]) >= 100, "all names are told")
    for number in range(400):
        write(m / f"many/{number:0200}", "")
        os.unlink(m / f"many/{number:0200}")
    paths, token = told(t, m.path, token)
    equal(paths, ["/"], "what is told once names are forgotten")
    equal(told(t, m.path, token)[0], ["any", "many/any"], "what is told after that")


def test_what_comes_and_goes_below_git_directories_is_not_remembered(t):
    m = t.mount(t.layer({".git": {}, "sub": {".git": {}}}))
    token = first_token(t, m.path)
    for name in (".git/x", "sub/.git/x"):
        write(m / name, "")
        os.unlink(m / name)
    equal(told(t, m.path, token), (["any", "sub/any"], token), "what is told")


def test_a_work_tree_below_a_git_directory(t):
    m = t.mount(t.layer({".git": {"tree": Dir(TREE)}}))
    token = first_token(t, m / ".git/tree")
    equal(told(t, m / ".git/tree", token), (["/"], token), "what is told")


def test_hard_links_with_an_index(t):
    lower = t.layer({"a": "1\n"})
    os.link(lower + "/a", lower + "/b")
    make_repository(lower)
    m = t.mount(lower, options=("index=on",))
    work = WorkTree(t, m.path)
    work.status(), work.status()
    write(m / "a", "2\n")
    equal(work.status(), " M a\n M b\n", "git status")
    equal(set(work.take_answers()), {None}, "git looks at everything")


def test_a_union_without_an_upper(t):
    lower = t.layer(TREE)
    m = t.mount(lower, upper=None)
    token = first_token(t, m / "src")
    equal(told(t, m / "src", token), ([], token), "what is told")


def test_a_directory_that_the_upper_has_not(t):
    m = t.mount(t.layer(TREE))
    write(m / "README", "new\n")
    token = first_token(t, m / "src")
    equal(told(t, m / "src", token), ([], token), "what is told of it")


@only_in("root", "userns", why="an ordinary user makes no bind mounts")
def test_what_is_mounted_below_is_looked_at_by_git(t):
    m, work = repository(t)
    elsewhere = t.fresh("elsewhere", {"a.c": "mounted\n"})
    with bound(elsewhere, m / "src"):
        contains(work.status(), " M src/a.c\n")
        contains(work.status(), " M src/a.c\n")
    equal(work.status(), "", "git status after it has gone")
    equal(set(work.take_answers()), {None}, "what git was told")


@only_in("root", "userns", why="an ordinary user makes no bind mounts")
def test_a_part_of_a_union_that_is_mounted_elsewhere_is_refused(t):
    m = t.mount(t.layer(TREE))
    part = t.fresh("part")
    with bound(m / "src", part):
        status, _, paths, err = answer(t, part)
    equal((status, paths), (1, []), "exit status and paths")
    contains(err, "shows a part of a union")


@only_in("root", "userns", why="an ordinary user mounts nothing over the own mount")
def test_a_union_that_is_covered_by_another_one_is_refused(t):
    m = t.mount(t.layer(TREE))
    here = os.open(m.path, os.O_RDONLY | os.O_DIRECTORY)
    other = t.mount(t.layer({}))
    with bound(other.path, m.path):
        status, _, paths, err = answer(t, f"/proc/self/fd/{here}")
    os.close(here)
    equal((status, paths), (1, []), "exit status and paths")
    contains(err, "another mount covers the union")


def test_outside_of_a_union_git_looks_at_everything(t):
    plain = t.fresh("plain", TREE)
    status, _, paths, err = answer(t, plain)
    equal((status, paths), (1, []), "exit status and paths")
    contains(err, "lies in no union of overpass")
    make_repository(plain)
    work = WorkTree(t, plain)
    work.status()
    write(plain + "/README", "new\n")
    os.unlink(plain + "/src/b.c")
    equal(work.status(), " M README\n D src/b.c\n", "git status")


def test_wrong_calls(t):
    m = t.mount(t.layer(TREE))
    status, _, _, err = answer(t, m.path, version="1")
    equal(status, 1, "exit status for version 1")
    contains(err, "core.fsmonitorHookVersion 2")
    status, _, err = t.status_text("fsmonitor", "2")
    equal(status, 2, "exit status without a token")
    contains(err, "VERSION and TOKEN")


def test_version_1_of_the_protocol_leads_git_to_version_2(t):
    m, work = repository(t)
    work.git("config", "--unset", "core.fsmonitorHookVersion")
    write(m / "README", "new\n")
    equal(work.status(), " M README\n", "git status")
    equal(work.take_answers(), [["README"]], "what git was told")
