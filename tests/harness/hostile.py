# SPDX-License-Identifier: MIT
"""Hostile commands: Python programs that try to get out of a sandbox, and what became of each attempt."""
import inspect
import json

from . import checks, hostile_calls

CALLS = inspect.getsource(hostile_calls)


def kinds(t):
    """The options with which a hostile command is run: as the caller, and as root inside if he is not root anyway."""
    return ((), ("--root",)) if t.world == "user" else ((),)


def command(body, **values):
    """The words of a command that runs `body`, in which each of `values` is a variable."""
    head = "".join(f"{name} = {value!r}\n" for name, value in values.items())
    return ["/usr/bin/python3", "-c", f"{CALLS}\n{head}\n{body}\nreport()\n"]


def outcomes(s, body, *options, name="hostile", values=None, **named):
    """{attempt: "done" or the name of an error} of a command in the sandbox `name`."""
    done = s.run(*options, name, "--", *command(body, **(values or {})), **named)
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, json.JSONDecodeError):
        raise checks.Failure(f"the command said nothing: status {done.returncode}\n{done.stdout}\n{done.stderr}") from None


def all_refused(found, *expected, but=()):
    """No attempt was done, except for those in `but`; those in `expected` were made. A name may stand for the beginnings
    of names."""
    for one in expected:
        checks.holds(any(name.startswith(one) for name in found), f"{one!r} was tried, with {str(found)[:2000]}")
    succeeded = [name for name, outcome in found.items() if outcome == "done" and not name.startswith(tuple(but) or ("\0",))]
    checks.equal(succeeded[:40], [], "what a hostile command could do")


def everywhere(t, make, body, *expected, but=(), options=(), **named):
    """Runs it in a fresh sandbox for each kind of command. make() gives the Sandboxes."""
    for kind in kinds(t):
        s = make()
        all_refused(outcomes(s, body, *kind, *options, **named), *expected, but=but)
        # What is outside is compared at the end of the test (sandboxes.py).
