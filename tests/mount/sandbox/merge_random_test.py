# SPDX-License-Identifier: MIT
"""Random texts that are changed on both sides in random ways: `overpass apply --merge` does what diff3 does, or leaves all as it was."""
import os
import random
import subprocess

import pytest

from harness import equal, holds, write
from harness.sandboxes import Sandboxes
from merge_test import read

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
FILES = 16


def edited(chance, lines):
    lines = list(lines)
    for _ in range(chance.randrange(4)):
        place, kind = chance.randrange(len(lines) + 1), chance.choice("ard")
        if kind == "a":
            lines.insert(place, chance.choice("uvw"))
        elif place < len(lines):
            lines[place:place + 1] = [chance.choice("xyz")] if kind == "r" else []
    return lines


def text(chance, lines):
    return "\n".join(lines) + ("\n" if lines and chance.random() < 0.8 else "")


def by_diff3(directory, base, outside, sandbox):
    """The merged text; None if both sides have changed the same lines."""
    for name, content in (("base", base), ("outside", outside), ("sandbox", sandbox)):
        write(f"{directory}/{name}", content)
    done = subprocess.run(["diff3", "-m", "-E", "-a", "outside", "base", "sandbox"], cwd=directory, capture_output=True, text=True, check=False)
    holds(done.returncode in (0, 1), f"diff3: {done.stderr}")
    return done.stdout if done.returncode == 0 else None


# How the sandbox gives a text its new content, which is in the directory "new".
WAYS = ("cat new/{0} > {0}", "cp new/{0} {0}", "cp new/{0} t; mv t {0}", "rm {0}; cp new/{0} {0}", "rm {0}; cp new/{0} t; mv t {0}",
        ": > {0}; cat new/{0} >> {0}", "mv {0} t; cp new/{0} {0}; rm t")


@pytest.mark.seeds(brief=3, usual=6, long=60)
def test_random_texts(t, seed):
    chance = random.Random(seed)
    names = [f"f{number}" for number in range(FILES)]
    lines = {name: [chance.choice("abcdef") for _ in range(chance.randrange(12))] for name in names}
    base = {name: text(chance, lines[name]) for name in names}
    outside, inside = ({name: text(chance, edited(chance, lines[name])) for name in names} for _ in range(2))
    s = Sandboxes(t, {**base, "new": inside})
    script = "; ".join(chance.choice(WAYS).format(name) for name in names)
    if chance.random() < 0.5:
        s.sh(script, "--keep-bases", "name")
    else:
        s.sh("; ".join(script.split("; ")[:1]) + "; true", "--keep-bases", "name")
        equal(s.call("snapshot", "name").returncode, 0, "the status of snapshot")
        s.sh(script, "name")
    for name in names:
        if outside[name] != base[name]:
            write(f"{s.outside}/{name}", outside[name])
    expected, overlaps = dict(outside), False
    for name in names:
        merged = by_diff3(t.fresh("texts"), base[name], outside[name], inside[name])
        if inside[name] != base[name] and outside[name] == base[name]:
            merged = inside[name]
        overlaps = overlaps or merged is None
        expected[name] = outside[name] if merged is None else merged
    done = s.call("apply", "name", "--merge", "--yes")
    equal(done.returncode, 1 if overlaps else 0, f"seed {seed}: the status: {done.stderr}")
    equal({name: read(f"{s.outside}/{name}") for name in names}, expected, f"seed {seed}: the outside ({done.stderr})")
    conflicts = [name for name in os.listdir(s.outside) if name.endswith(".overpass-conflict")]
    holds(bool(conflicts) == overlaps, f"seed {seed}: files with both sides: {conflicts}")
    for name in conflicts:
        os.unlink(f"{s.outside}/{name}")
    if s.call("undo", "name", "--list").stdout:
        equal(s.call("undo", "name", "--yes").returncode, 0, f"seed {seed}: the status of undo")
    equal({name: read(f"{s.outside}/{name}") for name in names}, outside, f"seed {seed}: the outside after undo")
    s.outside_is_as_it_should_be()
