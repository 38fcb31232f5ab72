# SPDX-License-Identifier: MIT
"""The sets that come with overpass, and what rules cost in requests."""
import errno
import os
import subprocess

from harness import equal, refused, write

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
GIT = ("git", "-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "safe.directory=*")


def git(directory, *arguments):
    done = subprocess.run([*GIT, *arguments], cwd=directory, capture_output=True, text=True, check=False,
                          env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"})
    return done.returncode, done.stdout + done.stderr


def test_secrets_are_hidden_wherever_they_are(t):
    names = [".ssh/id_ed25519", ".gnupg/trustdb.gpg", ".aws/credentials", ".config/gcloud/x", ".config/gh/hosts.yml", ".env",
             ".env.local", ".netrc", ".git-credentials", "tls/server.key", "id_rsa", ".docker/config.json", ".cargo/credentials.toml"]
    shown = [".env.example", ".config/git/config", "id_rsa.pub", "tls/server.pem", ".docker/other", "src/env.c"]
    lower = t.fresh("layer")
    for home in ("home/me/", "proj/", ""):
        for name in names + shown:
            os.makedirs(os.path.dirname(f"{lower}/{home}{name}"), exist_ok=True)
            write(f"{lower}/{home}{name}", "x")
    m = t.mount(lower, options=("rules=@secrets",))
    for home in ("home/me/", "proj/", ""):
        for name in names:
            refused(errno.ENOENT, os.stat, f"{m.path}/{home}{name}")
        equal([name for name in shown if not os.path.exists(f"{m.path}/{home}{name}")], [], "what is missing and should be shown")


def test_git_commits_in_a_union_with_the_set_for_agents(t):
    lower = t.fresh("layer")
    git(lower, "init", "-q", "proj")
    write(lower + "/proj/a", "1")
    git(lower + "/proj", "add", "."), git(lower + "/proj", "commit", "-qm", "one")
    m = t.mount(lower, options=("rules=@agent",))
    write(m / "proj/b", "2")
    equal(git(m / "proj", "add", "."), (0, ""), "git add")
    equal(git(m / "proj", "commit", "-qm", "two"), (0, ""), "git commit")
    equal(git(m / "proj", "log", "--format=%s")[1].split(), ["two", "one"], "git log")
    equal(git(m / "proj", "checkout", "-qb", "other")[0], 0, "git checkout")
    equal(git(m / "proj", "config", "core.fsmonitor", "evil")[0] != 0, True, "whether git config fails")
    refused(errno.EROFS, os.open, m / "proj/.git/hooks/post-commit", os.O_CREAT | os.O_WRONLY)
    equal(git(m.path, "init", "-q", "new")[0] != 0, True, "whether git init fails")


def test_rules_cost_no_request(t):
    tree = {f"d{i}": {f"f{j}": "x" for j in range(5)} for i in range(5)}
    rules = t.fresh("rules") + "/many"
    write(rules, "".join(f"hide *x{i}\nreadonly **/y{i}/z\ndeny /a/b{i}/**\n" for i in range(34)))
    counts = []
    for options in ((), (f"rules={rules}",)):
        m = t.mount(t.layer(tree), options=options)
        with m.requests() as counted:
            for directory, _, files in os.walk(m.path):
                for name in files:
                    os.stat(f"{directory}/{name}")
        counts.append(counted.counts)
        m.umount()
    equal(counts[1], counts[0], "requests with 102 rules")
