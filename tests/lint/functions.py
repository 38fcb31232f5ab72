# SPDX-License-Identifier: MIT
"""Finds functions and counts their lines, in C++ by its braces, in Python by its syntax tree, in shell
by the `name() {` ... `}` form.

The C++ scan is no parser: a block counts as a function when it stands directly in a namespace or a
class and its head is neither a type nor an initializer. A constructor's member initializers with
braces count as tiny functions of their own, which does no harm.
"""

import ast
import re

_CONTAINER = re.compile(r"(^|[\s;{}>])(namespace|class|struct|union|enum|extern)\b(?![^()]*\()")
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)


def _is_container(head):
    if re.search(r"\b(class|struct|union|enum)\b", head) and not head.rstrip().endswith(")"):
        # `struct X f() const {` is a function; a plain type head has no parameter list at its end.
        return "(" not in re.sub(r"\b(alignas|__attribute__|GUARDED_BY|CAPABILITY)\s*\(.*?\)+", "", head)
    return _CONTAINER.search(head) is not None


def _is_data(head):
    """An initializer: `x = {`, `kTable{`, or braces within braces."""
    outside = re.sub(r"\([^()]*\)", "()", head)
    if re.search(r"(?<!operator)(?<![=!<>+\-*/|&^%])=(?!=)", outside) and "[" not in head.split("=")[-1]:
        return True
    return bool(head) and ")" not in head and not re.search(r"\b(noexcept|const|override|final)$", head)


def cpp_functions(file):
    """Yields (line, lines) of each function body of a C++ file, head included."""
    code = _DIRECTIVE.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), file.code)
    line, head, head_line = 1, "", 1
    stack = []  # kind of each open block: container, function, inner; with the line it began on
    for char in code:
        if char == "\n":
            line += 1
        if char == "{":
            inside = stack and stack[-1][0] != "container"
            text = head.strip()
            if inside:
                kind = "inner"
            elif _is_container(text):
                kind = "container"
            else:
                kind = "inner" if _is_data(text) else "function"
            stack.append((kind, head_line if text else line))
            head = ""
        elif char == "}":
            if stack:
                kind, begun = stack.pop()
                if kind == "function":
                    yield begun, line - begun + 1
            head = ""
        elif char == ";":
            head = ""
        else:
            if not head.strip() and not char.isspace():
                head, head_line = "", line
            head += char


def python_functions(file):
    for node in ast.walk(ast.parse(file.text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno - node.lineno + 1


def shell_functions(file):
    begun = None
    for number, text in enumerate(file.lines, 1):
        if re.match(r"^\w+\(\) \{$", text):
            begun = number
        elif text == "}" and begun is not None:
            yield begun, number - begun + 1
            begun = None


def functions_of(file):
    if file.is_cpp:
        return cpp_functions(file)
    if file.is_python:
        return python_functions(file)
    return shell_functions(file) if file.is_shell else ()
