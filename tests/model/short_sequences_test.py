# SPDX-License-Identifier: MIT
"""All short sequences of calls on one lower file, compared with the model.

This enumerates what random operations may miss: each order of opening, changing, renaming and reading
with handles that stay open. Every sequence has a file of its own, all share one mount.
"""
import itertools
import os

from harness import OLD, Dir, File, holds
from operations import Real
from random_operations_test import answer
from union_model import FILE, Model, Node

WORLDS = ("root", "userns", "user")
CONTENT = b"0123456789"
# F is the file of the sequence, T another name for it.
ALPHABET = [("open", "h1", "F", "r", 0), ("open", "h2", "F", "w", 0), ("open", "h3", "F", "trunc", 0),
            ("pwrite", "h2", 2, b"W"), ("pread", "h1", 0, 99), ("close", "h1"), ("truncate", "F", 4), ("chmod", "F", 0o600),
            ("rename", "F", "T"), ("rename", "T", "F"), ("unlink", "F"), ("link", "F", "T"), ("open", "h4", "T", "r", 0),
            ("open", "h5", "F", "create", 0o644)]
AFTERWARDS = [("pread", "h1", 0, 99), ("pread", "h2", 0, 99), ("pread", "h3", 0, 99), ("pread", "h4", 0, 99),
              ("read", "F"), ("read", "T"), ("stat", "F")]


def with_names(operation, number):
    return tuple({"F": f"d{number % 97:02}/f{number}", "T": f"d{number % 97:02}/t{number}"}.get(word, word)
                 if isinstance(word, str) else word for word in operation)


def lower_of(sequences):
    """One lower layer, as a tree on disk and as a model."""
    disk, model = {}, {}
    for number in range(len(sequences)):
        name, entry = f"d{number % 97:02}", f"f{number}"
        disk.setdefault(name, Dir())
        disk[name].entries[entry] = File(CONTENT)
        node = Node(FILE, 0o644, CONTENT, OLD)
        node.upper = False
        model.setdefault(name, {})[entry] = node
    root = Node("dir", 0o755, b"", OLD, {name: Node("dir", 0o755, b"", OLD, entries) for name, entries in model.items()})
    for node in (root, *root.entries.values()):
        node.upper = False
    return disk, root


def run_sequence(model, real, number, sequence):
    """The first answer that is wrong, as text, or None."""
    for operation in (*sequence, *AFTERWARDS):
        name, *arguments = with_names(operation, number)
        if name in ("pread", "pwrite", "close") and arguments[0] not in model.handles:
            continue
        if name == "open" and arguments[0] in model.handles:
            continue
        expected = answer(lambda: getattr(model, name)(*arguments))       # noqa: B023
        actual = answer(lambda: real.apply((name, *arguments)))           # noqa: B023
        if not (actual in expected if isinstance(expected, set) else actual == expected):
            return f"{operation} is {actual!r}, expected {expected!r}"
    real.close_all()
    model.handles.clear()
    return None


def check_all(t, length, options=()):
    sequences = list(itertools.product(ALPHABET, repeat=length))
    disk, root = lower_of(sequences)
    m = t.mount(t.layer(disk), options=options)
    model, real = Model([root]), Real(m.path, t.started - 3600)
    wrong = []
    for number, sequence in enumerate(sequences):
        problem = run_sequence(model, real, number, sequence)
        if problem:
            real.close_all()
            model.handles.clear()
            wrong.append(f"{[step[:3] if step[0] == 'open' else step for step in sequence]}: {problem}")
    shown = "\n    ".join(wrong[:15])
    holds(not wrong, f"all {len(sequences)} sequences answer as the model does; {len(wrong)} do not:\n    {shown}")
    holds(os.path.isdir(m.path), "the mount still answers")


def test_every_sequence_of_two_calls_agrees_with_the_model(t):
    check_all(t, 2)


def test_every_sequence_of_three_calls_agrees_with_the_model(t):
    check_all(t, 3)


def test_every_sequence_of_two_calls_with_cached_lower_io_agrees_with_the_model(t):
    check_all(t, 2, ("lower_io=cached",))
