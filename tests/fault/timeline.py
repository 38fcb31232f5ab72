# SPDX-License-Identifier: MIT
"""The states that each name of a tree may show after a power loss, given the changes, the syncs and their times.

While the operations run, `changed` notes the lines of the tree after each, with the position in the
recorder's log before it; `synced` notes what a finished fsync(2) promised. Afterwards `judge` compares
the tree of some moment: each name shows a version that had been begun by then and is not older than
what was synced; and the names that one operation changed show all of it or nothing.
"""
import collections
import dataclasses

from harness import checks

ABSENT = "absent"


@dataclasses.dataclass
class Version:
    line: str
    begun: int              # position before its operation
    operation: int          # number of that


class Timeline:
    def __init__(self, lines):
        self.versions = collections.defaultdict(lambda: [Version(ABSENT, 0, 0)])
        for path, line in lines.items():
            self.versions[path] = [Version(line, 0, 0)]
        self.promises = []                  # (position, path, index of the oldest version still allowed)
        self.operations = ["start"]
        self.groups = []                    # for each operation, the paths it changed

    def changed(self, name, begun, lines):
        """An operation has ended, and the tree is `lines` now."""
        self.operations.append(name)
        paths = [path for path in {*self.versions, *lines} if self.versions[path][-1].line != lines.get(path, ABSENT)]
        for path in paths:
            self.versions[path].append(Version(lines.get(path, ABSENT), begun, len(self.operations) - 1))
        self.groups.append((len(self.operations) - 1, paths))

    def file_synced(self, path, position):
        """fsync of a file: its content, attributes and name."""
        self.promises.append((position, path, len(self.versions[path]) - 1))

    def directory_synced(self, directory, position):
        """fsync of a directory: which names it has."""
        for path, versions in self.versions.items():
            if path.rpartition("/")[0] != directory:
                continue
            oldest = len(versions) - 1
            while oldest and (versions[oldest - 1].line == ABSENT) == (versions[-1].line == ABSENT):
                oldest -= 1
            self.promises.append((position, path, oldest))

    def judge(self, lines, durable, begun):
        """`durable`: what had ended before this position is on disk. `begun`: what began before this may be."""
        oldest = collections.defaultdict(int)
        for position, path, index in self.promises:
            if position <= durable:
                oldest[path] = max(oldest[path], index)
        seen = {path: self._seen(path, lines.get(path, ABSENT), oldest[path], begun) for path in {*self.versions, *lines}}
        for operation, paths in self.groups:
            self._whole_or_not_at_all(operation, paths, seen)

    def _seen(self, path, line, oldest, begun):
        """The indices of the versions that the line may be."""
        versions = self.versions[path]
        found = [index for index in range(oldest, len(versions))
                 if versions[index].line == line and (versions[index].begun < begun or index == 0)]
        expected = [f"{version.line} (since {self.operations[version.operation]})"
                    for version in versions[oldest:] if version.begun < begun or version.operation == 0]
        checks.holds(found, f"{path} is {line}\n    allowed: " + "\n             ".join(expected))
        return found

    def _whole_or_not_at_all(self, operation, paths, seen):
        """Some name surely shows this operation or a later one, and another surely an earlier one: a half."""
        after, before = [], []
        for path in paths:
            index = next(at for at, version in enumerate(self.versions[path]) if version.operation == operation)
            if all(found >= index for found in seen[path]):
                after.append(path)
            if all(found < index for found in seen[path]):
                before.append(path)
        checks.holds(not (after and before), f"{self.operations[operation]} is seen at {after} and not at {before}")
