# SPDX-License-Identifier: MIT
"""`git status` with `overpass fsmonitor` next to a `git status` that looks at everything, after random changes by
programs and by git."""
import os
import random
import threading
import zlib

from git_tree import WorkTree, make_repository
from harness import equal, holds, syscalls, write
from harness.trees import Dir
from harness.random_changes import NAMES, REFUSED, somewhere, step, tree

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 400

STEPS = 60
FLAGS = ((), ("-uall",), ("-uno",), ("--ignored",), ("-uall", "--ignored"))


def git_steps(source, work):
    """Commands that read the index, change the work tree, write the index, each in another order. Many fail."""
    path = os.path.relpath(somewhere(source, work.path), work.path)
    other = os.path.relpath(somewhere(source, work.path), work.path)
    return source.choice((
        (("add", "-A"),),
        (("add", "--", path),),
        (("add", "--", path), ("rm", "-rqf", "--", path)),
        (("add", "-A"), ("commit", "-qm", "x")),
        (("commit", "-qam", "x"),),
        (("commit", "-qm", "x", "--", path),),
        (("checkout", "-q", "--", path),),
        (("checkout", "-qf", "HEAD~1"),),
        (("checkout", "-qf", "main"),),
        (("checkout", "-q", "-B", "main"),),
        (("reset", "-q"),),
        (("reset", "-q", "--hard"),),
        (("rm", "-rqf", "--", path),),
        (("rm", "-rqf", "--cached", "--", path),),
        (("mv", path, other),),
        (("clean", "-fdq"),),
        (("clean", "-fdqx", "--", path),),
        (("stash", "-q", "-u"), ("stash", "pop", "-q")),
        (("stash", "-q"),),
        (("update-index", "--refresh", "-q"),),
    ))


def ignore(source, work, _):
    directory = somewhere(source, work.path)
    if os.path.isdir(directory) and not os.path.islink(directory):
        write(os.path.join(directory, ".gitignore"), source.choice(NAMES) + "\n")


def come_and_go(source, work, came):
    """Files of which the upper keeps nothing once they have gone. `came` are those that may be there. Returns a new one."""
    if came and source.random() < 0.5:
        path = came.pop(source.randrange(len(came)))
        if os.path.lexists(path) and not os.path.isdir(path):
            os.unlink(path)
        return None
    directory = somewhere(source, work.path)
    if not os.path.isdir(directory) or os.path.islink(directory):
        return None
    came.append(os.path.join(directory, source.choice(("new", "newer", "newest"))))
    if os.path.isdir(came[-1]):
        return None
    write(came[-1], "x")
    return came[-1]


def come_and_go_seen(source, work, came):
    path = come_and_go(source, work, came)
    if path and source.random() < 0.7:
        work.git("add", "-f", "--", path, check=False)


def move(source, work, came):
    """More renames than step() makes: git must not take what is below a name now for what was there before."""
    path, other = somewhere(source, work.path), somewhere(source, work.path)
    try:
        syscalls.renameat2(path, other, source.choice((0, syscalls.RENAME_EXCHANGE)))
    except OSError as error:
        if error.errno not in REFUSED:
            raise


def change_until(is_over, source, work):
    came = []
    while not is_over.is_set():
        source.choice((lambda: step(source, work.path), lambda: move(source, work, came), lambda: come_and_go(source, work, came)))()


def rounds(t, options, below="", untracked_cache=True):
    """How many times git was told of everything, and how many times of paths."""
    told = {True: 0, False: 0}
    for number in range(t.settings.in_form(brief=2, usual=4, long=20)):
        seed = f"{t.settings.seed} fsmonitor {options} {below} {number}"
        source = random.Random(seed)
        lowers = [t.layer({below: Dir(tree(source))} if below else tree(source)) for _ in range(source.randint(1, 2))]
        make_repository(os.path.join(lowers[0], below), commits=3, tracked=lambda path: zlib.crc32(path.encode()) % 4)
        m = t.mount(*lowers, options=options)
        work = WorkTree(t, os.path.join(m.path, below), untracked_cache)
        done, came = [], []
        for _ in range(STEPS):
            for _ in range(source.randint(0, 2)):
                if source.random() < 0.4:
                    step(source, work.path)
                else:
                    source.choice((come_and_go_seen, move, ignore))(source, work, came)
            for command in git_steps(source, work) if source.random() < 0.5 else ():
                work.git(*command, check=False)
                done.append(command)
            flags = source.choice(FLAGS)
            truth = work.true_status(*flags)
            equal(work.status(*flags), truth, f"git status {flags}, seed {seed!r}, after {done[-4:]}")
        for answer in work.take_answers():
            told[answer is None] += 1
        m.umount()
    holds(told[True] and told[False] > told[True], f"told of everything, and of paths: {told}")


def test_random_changes(t):
    rounds(t, ("redirect_dir=on", "metacopy=on"))


def test_random_changes_without_redirects(t):
    rounds(t, ("redirect_dir=off",))


def test_random_changes_below_the_root_of_the_union(t):
    rounds(t, ("redirect_dir=on",), below="a/project")


def test_random_changes_without_the_untracked_cache(t):
    rounds(t, ("redirect_dir=off",), untracked_cache=False)


def test_changes_while_git_looks(t):
    """What git saw in between may be of any moment. Once all is quiet it is right."""
    for number in range(t.settings.in_form(brief=2, usual=4, long=20)):
        seed = f"{t.settings.seed} fsmonitor at once {number}"
        source = random.Random(seed)
        lower = t.layer(tree(source))
        make_repository(lower)
        m = t.mount(lower, options=("redirect_dir=on",))
        work = WorkTree(t, m.path)
        work.status()
        for _ in range(10):
            is_over = threading.Event()
            changes = threading.Thread(target=change_until, args=(is_over, random.Random(source.random()), work))
            changes.start()
            work.git("add", "-A", check=False)      # fails for what goes while it is read
            work.git("status", check=False)
            is_over.set()
            changes.join()
            truth = work.true_status("-uall")
            equal(work.status("-uall"), truth, f"git status, seed {seed!r}")
        m.umount()
