# SPDX-License-Identifier: MIT
"""The project's files as the checks see them: which exist, their text, and C++ without its prose."""

import fnmatch
import os
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import rules


def matches_any(path, patterns):
    """Whether `path`, relative to the project, fits one of the shell patterns by path or by name."""
    name = os.path.basename(path)
    return any(fnmatch.fnmatch(path, p) or fnmatch.fnmatch(name, p) for p in patterns)


@dataclass
class SourceFile:
    """One text file of the project. `path` is relative to its root, with forward slashes."""

    path: str
    text: str

    @cached_property
    def lines(self):
        return self.text.split("\n")

    @property
    def is_cpp(self):
        return self.path.endswith(rules.CPP_SUFFIXES)

    @property
    def is_man(self):
        return self.path.startswith("man/") and self.path.endswith(rules.MAN_SUFFIXES)

    @property
    def is_python(self):
        return self.path.endswith(".py") or self._shebang_names("python")

    @property
    def is_shell(self):
        return self.path.endswith(".sh") or self._shebang_names("sh")

    def _shebang_names(self, program):
        first = self.lines[0]
        return first.startswith("#!") and re.search(rf"\b(ba)?{program}\d*(\s|$)", first) is not None

    @cached_property
    def code(self):
        """The C++ text with comments and literals blanked out, line for line."""
        return blank_prose(self.text)

    @property
    def folder(self):
        """The folder of src/ this file is in, its own name for src/main.cpp, else None."""
        parts = self.path.split("/")
        return parts[1] if parts[0] == "src" and len(parts) > 1 else None


def _is_ours(root, folder):
    """Whether a folder holds sources: not a build directory, whatever its name, and not skipped."""
    is_build = (Path(root) / folder / "meson-private").exists()
    return not is_build and not matches_any(folder, rules.SKIPPED_FOLDERS)


def read_tree(root):
    """Every text file below `root` that is part of the project, in a stable order."""
    files = []
    for directory, folders, names in os.walk(root):
        base = os.path.relpath(directory, root)
        base = "" if base == "." else base + "/"
        folders[:] = sorted(f for f in folders if _is_ours(root, base + f))
        for name in sorted(names):
            path = Path(directory) / name
            # In a worktree .git is a file.
            if path.is_symlink() or not path.is_file() or name == ".git":
                continue
            data = path.read_bytes()
            if b"\0" not in data:
                files.append(SourceFile(base + name, data.decode("utf-8", "replace")))
    return files


_PROSE = re.compile(
    r"""
      //[^\n]*                                   # line comment
    | /\*.*?\*/                                  # block comment
    | R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"       # raw string
    | "(?:\\.|[^"\\\n])*"                        # string
    | (?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'        # character, not a digit separator
    """,
    re.DOTALL | re.VERBOSE,
)


def blank_prose(text):
    """Replaces comments and the inside of literals by spaces; line breaks stay where they were."""

    def blank(match):
        found = match.group(0)
        inside = re.sub(r"[^\n]", " ", found)
        return inside if found[0] == "/" else '"' + inside[1:-1] + '"'

    return _PROSE.sub(blank, text)
