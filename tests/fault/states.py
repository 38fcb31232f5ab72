# SPDX-License-Identifier: MIT
"""The state that a tree shows, in a form that can be compared and named as old or new.

A state is a dict from path to its line of the dump. Times of directories are kept apart: a copy-up
touches its parent directory and puts the time back afterwards, so that a crash between the two leaves
a newer one (docs/architecture.md says so; the kernel's overlayfs does the same).
"""
import dataclasses
import os
import stat

from harness import checks, syscalls


@dataclasses.dataclass
class State:
    lines: dict
    times: dict
    knows_links: bool = True        # False: which names are links of each other is not compared

    def below(self, path):
        """The lines of what is at or below a path."""
        inside = lambda name: name == path or name.startswith(path + "/")        # noqa: E731
        return {name: line for name, line in self.lines.items() if inside(name)}


def state_of(t, path):
    state = State({}, {})
    protected = _protected(path)
    for line in t.dump(path):
        name, kind, *rest = line.split(" ")
        if kind == "dir":
            state.times[name] = next(word for word in rest if word.startswith("mtime="))
            rest = [word for word in rest if not word.startswith("mtime=")]
        state.lines[name] = " ".join([kind, *rest, *protected.get(name, ())])
    return state


def _protected(root):
    """Path -> a word about what chattr(1) protects, where it does."""
    found = {}
    for directory, _, files in os.walk(root):
        for path in [directory, *(f"{directory}/{file}" for file in files)]:
            if not stat.S_ISREG(mode := os.lstat(path).st_mode) and not stat.S_ISDIR(mode):
                continue
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            flags = syscalls.get_flags(fd) & (syscalls.FS_IMMUTABLE_FL | syscalls.FS_APPEND_FL)
            os.close(fd)
            if flags:
                found["." + path[len(root):]] = (f"flags={flags:#x}",)
    return found


def name_of_state(seen, known):
    """Which of the known states (name -> State) was seen; the last one if several are alike.

    Fails if none was seen, and for a directory's time that is from nowhere.
    """
    name = next((name for name in reversed(known) if _alike(seen, known[name])), None)
    if name is None:
        shown = "\n".join(difference(seen, state, name) for name, state in known.items())
        raise checks.Failure(f"the tree is in no known state:\n{shown}")
    for path, time in seen.times.items():
        allowed = {"mtime=new"} | {state.times[path] for state in known.values() if path in state.times}
        checks.holds(time in allowed, f"{time} of the directory {path} is one of {allowed}")
    return name


def _alike(seen, state):
    return (seen if state.knows_links else with_parted_links(seen)).lines == state.lines


def difference(seen, state, name):
    paths = sorted(set(seen.lines) | set(state.lines))
    lines = [f"    {path}: is {seen.lines.get(path, 'absent')}, {name} {state.lines.get(path, 'absent')}"
             for path in paths if seen.lines.get(path) != state.lines.get(path)]
    return "\n".join([f"  compared with the {name} state:", *lines])


def with_parted_links(state):
    """The tree without the information which names are links of each other."""
    return State({name: line.split(" links=")[0] for name, line in state.lines.items()}, state.times, False)
