# SPDX-License-Identifier: MIT
"""The claims of a test, and its needs.

A claim is a plain `assert`, or one of these functions, which say more when they fail. Both are counted (`made`), so that a
test that claims nothing can be refused.
"""
import errno as errno_module

made = 0


class Failure(AssertionError):
    """A claim did not hold."""


class Lacking(Exception):
    """The kernel under the tests lacks a feature that the test is about."""


def count():
    """One more claim was made."""
    global made
    made += 1


def holds(condition, sentence):
    __tracebackhide__ = True
    count()
    if not condition:
        raise Failure(f"does not hold: {sentence}")


def equal(actual, expected, what="value"):
    __tracebackhide__ = True
    count()
    if actual != expected:
        raise Failure(f"{what}:\n    is       {_shown(actual)}\n    expected {_shown(expected)}")


def same_lines(actual, expected, what="dump"):
    """Compares two lists of lines and shows only the lines that differ."""
    __tracebackhide__ = True
    count()
    if actual == expected:
        return
    import difflib
    lines = difflib.unified_diff(list(expected), list(actual), "expected", "is", lineterm="", n=1)
    raise Failure(f"{what} differs:\n" + "\n".join("    " + line for line in list(lines)[:60]))


def contains(text, part, what="text"):
    __tracebackhide__ = True
    count()
    if part not in text:
        raise Failure(f"{what} lacks {_shown(part)}:\n    {_shown(text)}")


def at_most(actual, limit, what="value"):
    __tracebackhide__ = True
    count()
    if not actual <= limit:
        raise Failure(f"{what}: is {actual}, allowed are {limit}")


def refused(expected_errno, call, *arguments, **named):
    """The call must fail with this errno (a number, or several in a tuple)."""
    __tracebackhide__ = True
    count()
    allowed = expected_errno if isinstance(expected_errno, tuple) else (expected_errno,)
    try:
        result = call(*arguments, **named)
    except OSError as error:
        if error.errno not in allowed:
            names = "/".join(name_of(number) for number in allowed)
            raise Failure(f"refused with {name_of(error.errno)} instead of {names}") from error
        return
    names = "/".join(name_of(number) for number in allowed)
    raise Failure(f"should be refused with {names}, but returned {_shown(result)}")


def name_of(number):
    names = {errno_module.EOPNOTSUPP: "EOPNOTSUPP", errno_module.EAGAIN: "EAGAIN"}      # of two names the usual one
    return names.get(number) or errno_module.errorcode.get(number, f"errno {number}")


def _shown(value):
    text = repr(value)
    return text if len(text) < 2000 else text[:2000] + f"... ({len(text)} characters)"
