# SPDX-License-Identifier: MIT
"""Checks of the test files that mount: in which worlds they hold (docs/testing.md, "Worlds").

A check is a function of the context that yields one line of text per finding.
"""

import ast

import rules
from source_tree import matches_any


def _constants(tree):
    """What the file's own lines `NAME = value` say, as (line, value), where the value is written out."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            try:
                yield node.targets[0].id, (node.lineno, ast.literal_eval(node.value))
            except ValueError:
                continue


def _marks(tree):
    """The calls @only_in(...) over functions, as (line, worlds)."""
    for node in tree.body:
        for call in getattr(node, "decorator_list", ()):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "only_in":
                yield call.lineno, tuple(ast.literal_eval(argument) for argument in call.args)


def worlds_are_said(context):
    """A test file that mounts names its worlds, and says why where it leaves one out."""
    for file in context.files:
        if not matches_any(file.path, rules.TESTS_OF_ALL_WORLDS):
            continue
        try:
            tree = ast.parse(file.text)
        except SyntaxError:
            continue  # scripts_parse reports it
        said = dict(_constants(tree))
        line, worlds = said.get("WORLDS", (1, ()))
        if not worlds or not set(worlds) <= set(rules.WORLDS):
            yield f"{file.path}:{line}: WORLDS must name worlds of {rules.WORLDS}"
        elif set(worlds) != set(rules.WORLDS) and not said.get("ELSEWHERE", (1, ""))[1]:
            yield f'{file.path}:{line}: ELSEWHERE = "..." must say why worlds are left out'
        elif set(worlds) == set(rules.WORLDS) and "ELSEWHERE" in said:
            yield f"{file.path}:{said['ELSEWHERE'][0]}: no world is left out"
        for line, chosen in _marks(tree):
            if not chosen or not set(chosen) < set(worlds):
                yield f"{file.path}:{line}: only_in must name some of the file's worlds, and not all"
