# SPDX-License-Identifier: MIT
"""Reads what strace has written of one thread (`-ff -y`), and says what of the domain each call on a union has tried."""
import re

from domain import ALIASES, DOMAINS, EARLIER, NO_FLAG

CALL = re.compile(r"^(\w+)\((.*)\)\s+= (-?\d+|0x[0-9a-f]+|\?)(.*)$")
STRING = re.compile(r'"(?:\\.|[^"\\])*"(?:\.\.\.)?')
PATH = re.compile(r'"((?:/|\\.|[^"\\])*)"|<(/[^>]*)>')
ANSWER = re.compile(r"\{[^{}]*\}")      # the structures that a call has filled
ANSWERING = {"newfstatat", "fstat", "statx", "statfs", "fstatfs", "getdents64"}
WORD = re.compile(r"\b[A-Z][A-Z0-9_]*[A-Z0-9]\b")
MODE = re.compile(r"^(?:[A-Z_|]+\|)?0([0-7]{1,5})$")
SMALLEST_POWER = 9       # a block of the smallest disks
SPECIAL_BITS = {"S_ISUID": 0o4000, "S_ISGID": 0o2000, "S_ISVTX": 0o1000}


def calls_in(lines, is_union):
    """Yields (name, arguments without strings, result) of each call that names a path or descriptor for which is_union(path)."""
    for line in lines:
        match = CALL.match(line)
        if not match:
            continue
        name, text, result, rest = match.groups()
        if any(is_union(path or shown) for path, shown in PATH.findall(text)):
            yield name, _without_paths(text), rest.split()[0] if result == "-1" else "ok"


def _without_paths(text):
    return re.sub(r"(\w)<[^>]*>", r"\1", STRING.sub('""', text))


def tried_by(name, text, result):
    """Yields (call, kind, value): kinds are flag, size, result."""
    call, implied = ALIASES.get(name, (name, ""))
    domain = DOMAINS.get(call)
    if domain is None:
        yield call, "result", result
        return
    yield call, "result", result
    words = set(implied.split()) | set(WORD.findall(ANSWER.sub("", text) if call in ANSWERING else text))
    arguments = _split(text)
    words |= _mode_bits(arguments)
    flags = [flag for flag in domain.flags if flag in words]
    if not flags and NO_FLAG in domain.flags:
        flags = [NO_FLAG]
    for flag in flags:
        yield call, "flag", flag
    if domain.size is not None:
        number = _number(arguments, domain.size - EARLIER.get(name, 0))
        if number is not None:
            yield call, "size", size_class(number)


def size_class(number):
    """0, 1, "negative", "small", or powers of two with what lies above each: 4096 is "2^12", 5000 is "2^12+"."""
    if number < 0:
        return "negative"
    if number < 2:
        return str(number)
    if number < 1 << SMALLEST_POWER:
        return "small"
    power = number.bit_length() - 1
    return f"2^{power}" if number == 1 << power else f"2^{power}+"


def _mode_bits(arguments):
    """The special bits of an octal mode, which is the last argument that looks like one."""
    for argument in reversed(arguments):
        mode = MODE.match(argument)
        if mode:
            return {name for name, bit in SPECIAL_BITS.items() if int(mode[1], 8) & bit}
    return set()


def _number(arguments, index):
    if index >= len(arguments):
        return None
    match = re.match(r"^-?\d+", arguments[index])
    return int(match[0]) if match else None


def _split(text):
    """The arguments, divided at commas outside of brackets and comments."""
    parts, depth, begin = [], 0, 0
    for index, character in enumerate(text):
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append(text[begin:index].strip())
            begin = index + 1
    return [*parts, text[begin:].strip()]
