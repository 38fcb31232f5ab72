# SPDX-License-Identifier: MIT
"""What is exported and imported again is the same sandbox, whatever was changed in it."""
import json
import os
import shutil

from harness import equal
from harness.sandbox_steps import inside

from random_snapshots_test import compare, done, is_alike, seeded

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
PATIENCE = 600
STEPS = 50
# What says that a directory was moved. Others have all that is in it, and its links to files elsewhere are cut.
EXACT = ("tar", "dir")
FORMATS = ("oci", *EXACT, "mstack")


def place(s, name, form):
    return os.path.join(os.path.dirname(s.store), f"{name}.{form}")


def carried(s, name, form, new):
    """Exports the sandbox and imports it under another name."""
    path = place(s, name, form)
    options = ("--compress", "zstd") if form == "tar" else ()
    done(s, "export", "--format", form, "-o", path, *options, name)
    done(s, "import", "--format", form, new, path)
    shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)


def changes(s, name):
    return json.loads(done(s, "diff", name, "--json"))["changes"]


def rounds(t, links):
    for number, seed, _, s, original in seeded(t, links, t.settings.in_form(brief=2, usual=2, long=8)):
        before = inside(s, "box", seed, STEPS, links)
        if number % 2:
            done(s, "snapshot", "box")
            before = inside(s, "box", f"{seed} later", STEPS // 2, links)
        for form in EXACT if links else FORMATS:
            t.progress(f"{number} {form}")
            about = f"seed {seed!r}, format {form}"
            carried(s, "box", form, form)
            # The export itself may give names to files that only the index led to.
            listed = changes(s, "box")
            now = changes(s, form)
            if form in EXACT:
                equal(now, listed, f"the changes, {about}")
            after = inside(s, form)
            is_alike(after, before, about)
            compare(s, form, original, after["tree"], about=about)
            carried(s, form, form, f"{form}2")
            equal(changes(s, f"{form}2"), changes(s, form), f"the changes of a second import, {about}")
        made = EXACT if links else FORMATS
        done(s, "rm", "original", "box", *made, *(f"{form}2" for form in made))


def test_an_imported_sandbox_shows_and_changes_the_same(t):
    rounds(t, False)


def test_with_hard_links(t):
    rounds(t, True)
