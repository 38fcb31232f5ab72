# SPDX-License-Identifier: MIT
"""Random changes of the directory that it is run in: python3 random_tree.py SEED COUNT [keep].

With "keep" no directory gets another name.

A program of its own, so that a test can run it in a sandbox. It uses nothing but the standard library, and
only ever names below the current directory.
"""
import os
import random
import shutil
import sys

NAMES = ["a", "b", "c", "d e", "f\nf", "\udcff"]


class Changes:
    def __init__(self, seed, keeps_directories=False):
        self.random, self.keeps_directories = random.Random(seed), keeps_directories

    def places(self, wanted):
        """What lies below the current directory and is as wanted(path) says, in a fixed order."""
        found = []
        for directory, directories, files in os.walk("."):
            directories.sort()
            found += [os.path.join(directory, name) for name in sorted(directories + files)]
        return [path for path in found if wanted(path)]

    def one(self, wanted):
        found = self.places(wanted)
        return self.random.choice(found) if found else None

    def directory(self):
        return self.one(lambda path: os.path.isdir(path) and not os.path.islink(path)) or "."

    def regular(self):
        return self.one(lambda path: os.path.isfile(path) and not os.path.islink(path))

    def anything(self):
        return self.one(lambda _: True)

    def free(self):
        path = os.path.join(self.directory(), self.random.choice(NAMES) + str(self.random.randrange(4)))
        return None if os.path.lexists(path) else path

    def write(self):
        path = self.regular() if self.random.random() < 0.6 else self.free()
        if path:
            with open(path, self.random.choice(["w", "a"]), encoding="utf-8") as file:
                file.write(str(self.random.random()) * self.random.choice([1, 1, 500]))

    def hole(self):
        path = self.regular()
        if path:
            os.truncate(path, self.random.choice([0, 5, 300_000]))

    def make_directory(self):
        if path := self.free():
            os.mkdir(path)

    def link(self):
        path, other = self.regular(), self.free()
        if path and other:
            os.link(path, other)

    def symlink(self):
        if path := self.free():
            os.symlink(self.random.choice(["a", "/etc/passwd", "../..", "nowhere"]), path)

    def mode(self):
        path = self.one(lambda path: not os.path.islink(path))
        if path:
            os.chmod(path, self.random.choice([0o700, 0o755, 0o750] if os.path.isdir(path) else [0o600, 0o644, 0o755, 0o444]))

    def attribute(self):
        if path := self.regular():
            if os.access(path, os.W_OK):
                os.setxattr(path, "user.test", str(self.random.randrange(9)).encode())

    def times(self):
        """Of a file whose content changes, too: what differs in its times alone counts as the same."""
        if path := self.regular():
            with open(path, "a", encoding="utf-8") as file:
                file.write("later")
            os.utime(path, ns=(10 ** 18, 10 ** 18 + self.random.randrange(9)))

    def movable(self):
        return self.one(lambda path: not self.keeps_directories or os.path.islink(path) or not os.path.isdir(path))

    def remove(self):
        """The path that was removed, if there was one."""
        path = self.anything()
        if path and os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        elif path:
            os.unlink(path)
        return path

    def move(self):
        path, other = self.movable(), self.free()
        if path and other and not (other + "/").startswith(path + "/"):
            os.rename(path, other)

    def replace(self):
        """A file takes the place of another."""
        path, other = self.regular(), self.regular()
        if path and other:
            os.rename(path, other)

    def exchange(self):
        """Two directories or files change names."""
        path, other, between = self.movable(), self.movable(), self.free()
        if not (path and other and between) or any((one + "/").startswith(two + "/") for one, two in
                                                   ((path, other), (other, path), (between, path), (between, other))):
            return
        os.rename(path, between)
        os.rename(other, path)
        os.rename(between, other)

    def anew(self):
        """A directory is removed and made anew, or a file comes in its place, or the reverse."""
        path = self.remove()
        if not path:
            return
        if self.random.random() < 0.5:
            os.mkdir(path)
            with open(path + "/anew", "w", encoding="utf-8") as file:
                file.write("anew")
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write("a file")

    def run(self, count):
        kinds = [self.write, self.write, self.hole, self.make_directory, self.link, self.symlink, self.mode, self.attribute,
                 self.times, self.remove, self.move, self.move, self.replace, self.exchange, self.anew]
        for _ in range(count):
            try:
                self.random.choice(kinds)()
            except PermissionError:
                pass        # a file of mode 0444, as an ordinary user


if __name__ == "__main__":
    Changes(int(sys.argv[1]), sys.argv[3:] == ["keep"]).run(int(sys.argv[2]))
