# SPDX-License-Identifier: MIT
"""Checks of how the sources hang together: which file includes which, what each may use, what is built.

A check is a function of the context that yields one line of text per finding.
"""

import re

import rules

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def _includes(file):
    """Yields (line, quote, header) of every include of a file."""
    for match in _INCLUDE.finditer(file.text):
        yield file.text.count("\n", 0, match.start()) + 1, match.group(1), match.group(2)


def _sources(context):
    return [f for f in context.files if f.is_cpp and f.folder is not None]


def include_direction(context):
    """Folders include each other only along the table MAY_INCLUDE, written from the root of src."""
    for file in _sources(context):
        allowed = rules.MAY_INCLUDE.get(file.folder)
        if allowed is None:
            yield f"{file.path}: folder {file.folder} has no place in MAY_INCLUDE"
            continue
        for line, quote, header in _includes(file):
            folder = header.split("/")[0]
            if quote == "<" or folder == "overpass":
                continue  # third_party_doors decides
            if folder not in rules.MAY_INCLUDE or "/" not in header:
                yield f'{file.path}:{line}: "{header}" is not written from the root of src'
            elif folder != file.folder and folder not in allowed and header not in allowed:
                yield f"{file.path}:{line}: {file.folder} may not include {folder} ({header})"


def room_direction(context):
    """The rooms of a folder include each other only along the table ROOMS."""
    for file in _sources(context):
        rooms = rules.ROOMS.get(file.folder)
        if rooms is None:
            continue
        room = file.path.split("/")[2]
        if room == "meson.build":
            continue
        if room not in rooms:
            yield f"{file.path}: lies in no room of {file.folder} ({', '.join(rooms)})"
            continue
        for line, _, header in _includes(file):
            other = header.split("/")[1] if header.startswith(file.folder + "/") else room
            if other in rooms and rooms.index(other) > rooms.index(room):
                yield f"{file.path}:{line}: {room} may not include {other} ({header})"


def no_circles(context):
    """Units (a header with its source) include each other in one direction, within folders too."""
    units = {}
    for file in _sources(context):
        unit = file.path.removeprefix("src/").rsplit(".", 1)[0]
        included = {header.rsplit(".", 1)[0] for _, quote, header in _includes(file) if quote == '"'}
        units.setdefault(unit, set()).update(included - {unit})
    for circle in _circles(units):
        yield "src: these include each other in a circle: " + " -> ".join(circle + circle[:1])


def _circles(graph):
    """A shortest circle through each node that is in one, each circle once."""
    seen = set()
    for start in sorted(graph):
        previous, queue = {}, [start]
        while queue and start not in previous:
            node = queue.pop(0)
            for other in sorted(graph.get(node, ())):
                if other not in previous:
                    previous[other] = node
                    queue.append(other)
        if start not in previous or start in seen:
            continue
        circle, node = [start], previous[start]
        while node != start:
            circle.append(node)
            node = previous[node]
        seen.update(circle)
        yield circle[:1] + circle[:0:-1]


def third_party_doors(context):
    """Each third-party library, and each public header, is included by its one folder."""
    doors = [(re.compile(pattern), folders) for pattern, folders in rules.DOORS]
    for file in _sources(context):
        for line, _, header in _includes(file):
            for pattern, folders in doors:
                if pattern.match(header):
                    if file.folder not in folders:
                        where = ", ".join(folders) or "tests"
                        yield f"{file.path}:{line}: {header} may be included by {where} only"
                    break


def word_doors(context):
    """errno, printing and throwing happen where the table WORD_DOORS allows them."""
    doors = [(re.compile(pattern), why, places) for pattern, why, places in rules.WORD_DOORS]
    for file in _sources(context):
        inside = file.path.removeprefix("src/")
        for pattern, why, places in doors:
            if inside.startswith(places):
                continue
            for match in pattern.finditer(file.code):
                line = file.code.count("\n", 0, match.start()) + 1
                yield f"{file.path}:{line}: {match.group(0).strip()}: {why}"


def header_guards(context):
    """A header's guard is its path, so that no two can meet."""
    for file in context.files:
        if not file.path.endswith(".h"):
            continue
        name = re.sub(r"^(src|include/overpass|include)/", "", file.path)
        guard = "OVERPASS_" + re.sub(r"\W", "_", name).upper() + "_"
        if not re.search(rf"#ifndef {guard}\n#define {guard}\n", file.text):
            yield f"{file.path}: no guard {guard}"


def namespaces(context):
    """Code of src/<folder> is in overpass::<folder>, vocabulary types of base in overpass."""
    for file in _sources(context):
        only_macros = not re.search(r"^[^#\n]*\w[^\n]*[^\\\n]$", file.code, re.MULTILINE)
        if file.path == "src/main.cpp" or only_macros:
            continue
        wanted = r"overpass(::\w+)?" if file.folder == "base" else f"overpass::{file.folder}"
        if not re.search(rf"\bnamespace {wanted} \{{", file.code):
            yield f"{file.path}: declares nothing in namespace {wanted}"


def no_failure_in_braces(context):
    """No TRY behind other elements of a braced list: gcc 12 leaks those when the failure returns."""
    for file in context.files:
        if not file.path.endswith((".h", ".cpp")):
            continue
        for match in re.finditer(r"\bTRY\(", file.code):
            if _is_later_in_braces(file.code, match.start()):
                line = file.code.count("\n", 0, match.start()) + 1
                yield f"{file.path}:{line}: TRY before the braces, and its value in them"


def _is_later_in_braces(code, position):
    closed, has_comma = 0, False
    while position > 0:
        position -= 1
        character = code[position]
        if character in ")]}":
            closed += 1
        elif closed and character in "([{":
            closed -= 1
        elif not closed:
            if character == ";" or (character == "{" and not has_comma):
                return False
            if character == "{":
                return True
            if character == ",":
                has_comma = True
            elif character in "([":
                has_comma = False
    return False


def everything_is_built(context):
    """Each .cpp of src and of tests/unit is in the meson.build of its folder."""
    builds = {f.path: f.text for f in context.files if f.path.endswith("meson.build")}
    for file in context.files:
        if not file.path.endswith(".cpp") or not file.path.startswith(("src/", "tests/unit/")):
            continue
        folder, name = file.path.rsplit("/", 1)
        shared = any(f"'../{folder.rsplit('/', 1)[-1]}/{name}'" in text for text in builds.values())
        if file.path != "src/main.cpp" and not shared and \
                f"'{name}'" not in builds.get(folder + "/meson.build", ""):
            yield f"{file.path}: not in {folder}/meson.build"
