# SPDX-License-Identifier: MIT
"""The harness of the suites under tests/: see docs/testing.md for how a test is written with it."""
from .checks import at_most, contains, equal, holds, refused, same_lines     # noqa: F401
from .features import has, lacking, need                                     # noqa: F401
from .systems import MountFailed, Stack                                      # noqa: F401
from .trees import OLD, WHITEOUT, Dir, File, Link, Node, Symlink, attribute, mark, owned     # noqa: F401


def only(*systems):
    """Marks a test that makes sense on these systems only ("overpass", "kernel")."""
    def mark(function):
        function.systems = systems
        return function
    return mark


def only_in(*worlds, why):
    """Marks a test that can hold in these worlds only ("root", "userns", "user"; harness/worlds.py)."""
    assert why

    def mark(function):
        function.worlds, function.why = worlds, why
        return function
    return mark


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, content, mode="wb"):
    with open(path, mode) as file:
        file.write(content.encode() if isinstance(content, str) else content)
