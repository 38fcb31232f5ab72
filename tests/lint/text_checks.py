# SPDX-License-Identifier: MIT
"""Checks of any file by itself: licence line, length, whitespace, forbidden words, syntax of scripts.

A check is a function of the context that yields one line of text per finding.
"""

import re
import subprocess

import rules
from functions import functions_of
from source_tree import matches_any


def spdx_line(context):
    """Every file says its licence in its first line (after a #! line)."""
    for file in context.files:
        if matches_any(file.path, rules.WITHOUT_SPDX):
            continue
        first = file.lines[1] if file.text.startswith("#!") and len(file.lines) > 1 else file.lines[0]
        if "SPDX-License-Identifier: MIT" not in first:
            yield f"{file.path}:1: no SPDX-License-Identifier: MIT line"


def file_length(context):
    """No file of code has 500 lines."""
    for file in context.files:
        count = file.text.count("\n")
        if count > rules.MAX_FILE_LINES and not matches_any(file.path, rules.UNBOUNDED):
            yield f"{file.path}: {count} lines, at most {rules.MAX_FILE_LINES}"


def function_length(context):
    """No function has 60 lines."""
    for file in context.files:
        try:
            found = list(functions_of(file))
        except SyntaxError:
            continue  # scripts_parse reports it
        for line, count in found:
            if count > rules.MAX_FUNCTION_LINES:
                yield f"{file.path}:{line}: function of {count} lines, at most {rules.MAX_FUNCTION_LINES}"


def whitespace(context):
    """No trailing blanks, no tabs but in man pages, one newline at the end."""
    for file in context.files:
        if matches_any(file.path, rules.WHITESPACE_EXEMPT) or not file.text:
            continue
        for number, line in enumerate(file.lines, 1):
            if line != line.rstrip():
                yield f"{file.path}:{number}: blanks or a carriage return at the end of the line"
            if "\t" in line and not file.is_man:
                yield f"{file.path}:{number}: a tab"
        if not file.text.endswith("\n") or file.text.endswith("\n\n"):
            yield f"{file.path}: must end in exactly one newline"


def forbidden_words(context):
    """Nothing is left for later in the text."""
    pattern = re.compile(r"\b(" + "|".join(rules.FORBIDDEN_WORDS) + r")\b")
    for file in context.files:
        for number, line in enumerate(file.lines, 1):
            if found := pattern.search(line):
                yield f"{file.path}:{number}: {found.group(0)}"


def scripts_parse(context):
    """Each Python and shell script is at least syntactically right."""
    for file in context.files:
        if file.is_python:
            try:
                compile(file.text, file.path, "exec")
            except SyntaxError as error:
                yield f"{file.path}:{error.lineno}: {error.msg}"
        elif file.is_shell:
            run = subprocess.run(["bash", "-n"], input=file.text, text=True, capture_output=True)
            if run.returncode != 0:
                yield f"{file.path}: {run.stderr.strip()}"
