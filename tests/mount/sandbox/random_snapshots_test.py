# SPDX-License-Identifier: MIT
"""Random changes in sandboxes and commands between them that must change nothing that is seen.

Kernel overlayfs must read the frozen layers alike. What `overpass diff` says of a sandbox with frozen layers is compared with two full walks.
"""
import json
import os
import random
import subprocess
import tomllib

from harness import equal, features, same_lines, syscalls
from harness.random_changes import carried_out, tree
from harness.sandbox_steps import inside, seen
from harness.sandboxes import Sandboxes

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 600
STEPS, ROUNDS = 40, 5


def done(s, *words):
    ended = s.call(*words)
    equal(ended.returncode, 0, f"exit status of {words}, {ended.stderr}")
    return ended.stdout


def is_alike(now, before, about):
    same_lines(now["lines"], before["lines"], about)
    equal(now["nlinks"], before["nlinks"], f"link counts, {about}")


def compare(s, name, before, after, *options, about):
    """What diff says must lead from the one tree to the other."""
    top = s.outside[1:] + "/"
    listed = [change for change in json.loads(done(s, "diff", name, "--json", *options))["changes"]
              if (change.get("path") or change["old_path"]).startswith(top)]
    for change in listed:
        for key in ("path", "old_path"):
            if key in change:
                change[key] = change[key].removeprefix(top)
    listing = "\n".join(json.dumps(change) for change in listed)
    equal(carried_out(before, after, listed), after, f"what the changes lead to, {about}\n{listing}")


def quiet_command(s, source, number):
    """One that changes nothing that is seen. The name of the sandbox to go on with."""
    name = f"box{number}"
    kind = source.choice(("snapshot", "snapshot", "fork", "rollback", "vacuum", "squash", "squash", "thaw"))
    if kind == "rollback":
        done(s, "snapshot", name)
        s.sh("rm -rf ./* || true", name)
    words = {"fork": ("fork", name, f"box{number + 1}"), "thaw": ("squash", "--thaw", name)}
    done(s, *words.get(kind, (kind, name)))
    return kind, number + 1 if kind == "fork" else number


def kernel_sees(t, s, name):
    """What kernel overlayfs shows of the outside through the frozen layers of a sandbox without other changes."""
    at = s.outside
    while not os.path.ismount(at):
        at = os.path.dirname(at)
    with open(f"{s.store}/{name}/sandbox.toml", "rb") as file:
        ids, = [one.get("layers", []) for one in tomllib.load(file)["file_system"] if one["at"] == at]
    if not ids:
        return seen(s.outside)
    # The store lies in the outside, and the kernel takes no lower that lies in another.
    copies, place = t.fresh("copies"), t.fresh("kernel")
    syscalls.mount("tmpfs", copies, "tmpfs", 0, "")
    try:
        for one in ids:
            subprocess.run(["cp", "-a", "--preserve=all", f"{s.store}/@layers/{one}", copies], check=True)
        lowers = ":".join([f"{copies}/{one}/upper" for one in ids] + [at])
        syscalls.mount("overlay", place, "overlay", 0, f"lowerdir={lowers},redirect_dir=follow")
        try:
            return seen(os.path.join(place, os.path.relpath(s.outside, at)))
        finally:
            syscalls.umount(place)
    finally:
        syscalls.umount(copies)


def link_some(source, s):
    """Gives files of the outside more names."""
    files = sorted(os.path.join(above, name) for above, _, names in os.walk(s.outside) for name in names
                   if not os.path.islink(os.path.join(above, name)))
    for number in range(4 if files else 0):
        path = source.choice(files)
        os.link(path, os.path.join(os.path.dirname(source.choice(files)), source.choice((f"link{number}", "e"))) + str(number))
    s.outside_is_as_it_should_be()


def seeded(t, links, seeds):
    """For each seed: its number, its text, what is drawn from it, sandboxes over a tree of it, and what the tree is."""
    for number in range(seeds):
        seed = f"{t.settings.seed} {links} {number}"
        source = random.Random(seed)
        s = Sandboxes(t, tree(source))
        if links:
            link_some(source, s)
        yield number, seed, source, s, inside(s, "original")["tree"]


def rounds(t, links):
    for number, seed, source, s, original in seeded(t, links, t.settings.in_form(brief=1, usual=2, long=6)):
        box = 0
        for generation in range(ROUNDS):
            t.progress(f"{number}.{generation}")
            about = f"seed {seed!r}, generation {generation}"
            before = inside(s, f"box{box}", f"{seed} {generation}", STEPS, links)
            kind, box = quiet_command(s, source, box)
            after = inside(s, f"box{box}")
            is_alike(after, before, f"{about}, after {kind}")
            if t.world == "root" and features.has("overlayfs") and kind not in ("fork", "vacuum", "thaw"):
                is_alike(kernel_sees(t, s, f"box{box}"), before, f"{about}, on kernel overlayfs")
            if not links:      # what only the index shows is not among the changes
                compare(s, f"box{box}", original, after["tree"], about=about)
                done(s, "snapshot", f"box{box}", f"g{generation}")
                later = inside(s, f"box{box}", f"{seed} {generation} later", STEPS, links)
                compare(s, f"box{box}", after["tree"], later["tree"], "--since", f"g{generation}", about=about)
        s.call("rm", "original", *(f"box{i}" for i in range(box + 1)))
        equal(json.loads(done(s, "list", "--json"))["sandboxes"], [], "sandboxes that are left")


def test_nothing_that_is_seen_changes(t):
    rounds(t, True)


def test_changes_are_those_of_all_layers(t):
    rounds(t, False)
