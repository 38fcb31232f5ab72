# SPDX-License-Identifier: MIT
"""A work tree of git in a union, whose core.fsmonitor is `overpass fsmonitor`."""
import json
import os
import shutil
import subprocess

from harness import holds, write

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*",
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}


def git_in(directory, *arguments, environment=None, check=True):
    """stdout. With `check` git has to succeed and to be silent on stderr."""
    done = subprocess.run(["git", "-C", directory, *arguments], env={**os.environ, **ENVIRONMENT, **(environment or {})},
                          capture_output=True, check=False)
    if check:
        holds(done.returncode == 0, f"git {arguments}: {done.returncode}: {done.stderr.decode()}")
    return done.stdout.decode()


def make_repository(directory, commits=1, tracked=None):
    """What is in `directory` is committed, if `tracked` holds for its path; each further commit adds a line to half of the
    files."""
    git_in(directory, "init", "-q", "-b", "main")
    for number in range(commits):
        for above, directories, files in os.walk(directory):
            if ".git" in directories:
                directories.remove(".git")
            for name in sorted(files)[::2] if number else ():
                path = os.path.join(above, name)
                if not os.path.islink(path):
                    with open(path, "a", encoding="utf-8") as file:
                        file.write(f"{number}\n")
        git_in(directory, "add", "-u" if number else "-A")
        if tracked is not None and not number:
            untracked = [name for name in git_in(directory, "ls-files", "-z").split("\0") if name and not tracked(name)]
            git_in(directory, "rm", "-q", "--cached", "--", *untracked) if untracked else None
        git_in(directory, "commit", "-q", "--allow-empty", "-m", str(number))


class WorkTree:
    """The repository at `path` in a mount. Every answer of the hook is kept in files beside it."""

    def __init__(self, t, path, untracked_cache=True):
        self.path = path
        self.answers = t.fresh("answers")
        hook = os.path.join(t.fresh("hook"), "hook")
        # The answer is whole before git sees any of it; a failure stays one.
        write(hook, f"#!/bin/sh\nout=$(mktemp {self.answers}/XXXXXX) || exit 1\n"
                    f"'{t.settings.overpass}' fsmonitor \"$@\" > $out || exit 1\ncat $out\n")
        os.chmod(hook, 0o755)
        git_in(path, "config", "core.fsmonitor", hook)
        git_in(path, "config", "core.fsmonitorHookVersion", "2")
        git_in(path, "config", "core.untrackedCache", "true" if untracked_cache else "false")
        self.scratch = t.fresh("index")

    def git(self, *arguments, **named):
        return git_in(self.path, *arguments, **named)

    def status(self, *arguments):
        return self.git("status", "--porcelain", *arguments)

    def looks(self, *settings):
        """How many files `git status` looks at, and how many directories it lists, as it says itself."""
        trace = os.path.join(self.scratch, "trace")
        self.git(*settings, "status", environment={"GIT_TRACE2_EVENT": trace})
        counts = {"sum_lstat": 0, "opendir": 0}
        with open(trace, encoding="utf-8") as file:
            for event in map(json.loads, file):
                key = event.get("key", "").rpartition("/")[2]
                if event["event"] == "data" and key in counts:
                    counts[key] += int(event["value"])
        os.unlink(trace)
        return counts["sum_lstat"], counts["opendir"]

    def true_status(self, *arguments):
        """What git says when it looks at everything, by a copy of the index."""
        index = os.path.join(self.scratch, "index")
        # With its time, by which git knows whose stat data it must not trust.
        shutil.copy2(os.path.join(self.path, ".git/index"), index)
        return self.git("-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false", "status", "--porcelain",
                        *arguments, environment={"GIT_INDEX_FILE": index})

    def take_answers(self):
        """Since the last call: for each question the paths; None for everything."""
        found = []
        names = sorted(os.listdir(self.answers), key=lambda name: os.stat(os.path.join(self.answers, name)).st_mtime_ns)
        for name in names:
            with open(os.path.join(self.answers, name), "rb") as file:
                token, *paths = file.read().split(b"\0")
            holds(paths and paths.pop() == b"", f"an answer ends with a NUL: {token} {paths}")
            found.append(None if paths == [b"/"] else sorted(path.decode() for path in paths))
            os.unlink(os.path.join(self.answers, name))
        return found
