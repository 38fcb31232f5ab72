# SPDX-License-Identifier: MIT
"""Checks that documents and code say the same: options, lock ranks, man pages; and the formatter.

A check is a function of the context that yields one line of text per finding; it raises Skip when
the tool it needs is not on this machine.
"""

import re
import shutil
import subprocess

import rules


class Skip(Exception):
    """The check cannot be made here; the text says what is missing."""


def _text_of(context, path):
    return next((f.text for f in context.files if f.path == path), None)


def _option_keys(context):
    table = _text_of(context, rules.OPTION_TABLE)
    if table is None:
        return None
    return re.findall(rules.OPTION_KEY, table, re.MULTILINE)


def _man_plain(text):
    """A page with roff's escapes for fonts and minus signs resolved."""
    return re.sub(r"\\f[BIRP]", "", text).replace("\\-", "-").replace("\\_", "_")


def options_in_help(context):
    """Every option of the table is in the output of `overpass mount --help`."""
    keys = _option_keys(context)
    if not keys:
        yield f"{rules.OPTION_TABLE}: no option found by {rules.OPTION_KEY}"
        return
    if context.overpass is None:
        raise Skip("no --overpass given")
    run = subprocess.run([context.overpass, *rules.OPTION_HELP], capture_output=True, text=True)
    for key in keys:
        if not re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", run.stdout):
            yield f"option {key} is not in `overpass {' '.join(rules.OPTION_HELP)}`"


def options_in_man_pages(context):
    """Every option of the table is in each manual page that lists options."""
    for page in rules.OPTION_PAGES:
        text = _text_of(context, page)
        if text is None:
            yield f"{page}: missing"
            continue
        for key in _option_keys(context) or ():
            if not re.search(rf"(?<![\w-]){re.escape(key)}(?![\w-])", _man_plain(text)):
                yield f"{page}: option {key} is not explained"


def _listing(program):
    """The lines of a program's tables, each as a tuple of its fields."""
    run = subprocess.run([program, rules.OPTIONS_LISTING], capture_output=True, text=True, check=True)
    return [tuple(line.split("\t")) for line in run.stdout.splitlines()]


def _lacks(page, name):
    """Whether no line of a page with roff resolved has this option."""
    return not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", page)


def flags_in_man_pages(context):
    """Every command and option of both programs is in its manual page."""
    if context.overpass is None:
        raise Skip("no --overpass given")
    pages = {path: _man_plain(_text_of(context, path) or "")
             for path in (*rules.COMMAND_PAGES.values(), rules.BROKER_PAGE)}
    rows = [(command, rules.COMMAND_PAGES.get(command, rules.COMMAND_PAGES[""]), name, letter)
            for command, name, letter, *_ in _listing(context.overpass) if command != "-o"]
    rows += [("", rules.BROKER_PAGE, name, letter) for _, name, letter, *_ in _listing(context.overpass + "-broker")]
    if len(rows) < 20:
        yield f"only {len(rows)} options are listed by {rules.OPTIONS_LISTING}"
    for command, path, name, letter in rows:
        for word in (name, "" if letter == "-" else "-" + letter, command):
            if word and _lacks(pages[path], word):
                yield f"{path}: {word} of `{command}` is not explained"


def mount_options_in_their_sections(context):
    """Every mount option is in the section of the manual that its group of the help is called by."""
    if context.overpass is None:
        raise Skip("no --overpass given")
    page = _man_plain(_text_of(context, rules.MOUNT_OPTIONS_PAGE) or "")
    sections = {title.strip('"'): text for title, text in re.findall(r"^\.SS ([^\n]+)\n(.*?)(?=^\.S[SH])", page, re.MULTILINE | re.DOTALL)}
    for _, group, name in (row for row in _listing(context.overpass) if row[0] == "-o"):
        if _lacks(sections.get(group, ""), name):
            yield f"{rules.MOUNT_OPTIONS_PAGE}: {name} is not in the section {group}"


def man_pages_are_clean(context):
    """groff formats each manual page without a warning."""
    pages = [f for f in context.files if f.is_man]
    if not pages:
        yield "man: no page"
    if shutil.which("groff") is None:
        raise Skip("groff is not installed")
    for page in pages:
        command = ["groff", "-man", "-ww", "-z", "-Tutf8", "-k"]
        run = subprocess.run(command, input=page.text, capture_output=True, text=True)
        for line in run.stderr.splitlines():
            yield f"{page.path}: {line}"


def lock_ranks_are_explained(context):
    """Every lock rank is named in the newcomer's tour."""
    ranks = re.findall(r"^  (\w+) = \d+,", _text_of(context, rules.LOCK_RANKS) or "", re.MULTILINE)
    page = _text_of(context, rules.LOCK_RANK_PAGE)
    if page is None or not ranks:
        yield f"{rules.LOCK_RANK_PAGE} or the ranks of {rules.LOCK_RANKS} are missing"
        return
    for rank in ranks:
        if not re.search(rf"\b{rank}\b", page):
            yield f"{rules.LOCK_RANK_PAGE}: lock rank {rank} is not named"


def findings_are_explained(context):
    """Every kind of finding of `overpass check` is in its manual page, with its severity."""
    table = re.findall(rules.FINDING_ID, _text_of(context, rules.FINDING_TABLE) or "", re.MULTILINE)
    page = _text_of(context, rules.FINDING_PAGE)
    if page is None or not table:
        yield f"{rules.FINDING_PAGE} or the table in {rules.FINDING_TABLE} is missing"
        return
    for identifier, severity in table:
        if f'{identifier} " ({severity.lower()})"' not in _man_plain(page):
            yield f"{rules.FINDING_PAGE}: {identifier} ({severity.lower()}) is not explained"


def formatting(context):
    """clang-format would change nothing (`ninja -C build clang-format` applies it)."""
    program = shutil.which("clang-format")
    if program is None:
        raise Skip("clang-format is not installed")
    version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
    if not re.search(rf"version {rules.CLANG_FORMAT_MAJOR}\.", version):
        raise Skip(f"clang-format is not version {rules.CLANG_FORMAT_MAJOR}")
    paths = [f.path for f in context.files if f.is_cpp]
    if not paths:
        return
    command = [program, "--dry-run", "-Werror", *paths]
    run = subprocess.run(command, cwd=context.root, capture_output=True, text=True)
    first_of = {}
    for line in run.stderr.splitlines():
        if found := re.match(r"(.+?):(\d+):\d+: error:", line):
            first_of.setdefault(found.group(1), found.group(2))
    for path, line in first_of.items():
        yield f"{path}:{line}: not as clang-format writes it"
