# SPDX-License-Identifier: MIT
"""One of the unions that are compared: its directories, its mount, and how a call is made on it.

Calls are made so that both systems can do the same: see the table in docs/testing.md.
"""
import os
import shlex

from harness import script_calls            # noqa: F401 (registers the calls)
from harness import syscalls
from harness.credentials import without_capability
from harness.script import Script

WRITERS = ("open", "put", "append", "overwrite", "copy_content")


class Place:
    """An upper and work directory, a mount point, and the system that has it mounted."""

    def __init__(self, directory, name):
        self.layers, self.point = f"{directory}/{name}.layers", f"{directory}/{name}"
        self.upper, self.work = self.layers + "/upper", self.layers + "/work"
        for path in (self.layers, self.upper, self.work, self.point):
            os.mkdir(path, 0o755)
        self.mount, self.script = None, Script(self.point)

    def answer(self, line, is_metacopy=False):
        """Makes the call. is_metacopy: opening may copy the data that an earlier copy-up left below."""
        words = shlex.split(line)
        if words[0] == "open" and words[1] in self.script.handles:
            return "handle in use"          # its close was left out by shortening
        if words[0] == "setacl":
            return self.script.answer(line)
        # Of a file that is passed through to a writer, bits that are set later fall with any user's write. Without this
        # capability they fall everywhere.
        with without_capability(syscalls.CAP_FSETID):
            answer = self.script.answer(line)
        if words[0] in WRITERS:
            self._ask_again(line)
        if is_metacopy:
            self._touch_copied(words)
        if "rename" in words[:3] and answer == "ENOTEMPTY":
            self._touch_parent(words[words.index("rename") + 1])
        return answer

    def _touch_parent(self, path):
        """Ext4 gives the directory a new time if kernel overlayfs asks it for a rename that it then refuses."""
        try:
            os.utime(os.path.dirname(self.script.path(path)))
        except OSError:
            pass

    def _touch_copied(self, words):
        """Gives a file that was opened for writing, and perhaps not written, a new time.

        Kernel overlayfs did so if it copied the data then.
        """
        try:
            if words[0] == "open" and words[1] in self.script.handles:
                os.utime(self.script.handles[words[1]])
            elif words[0] == "copy_content":
                os.utime(self.script.path(words[2]))
        except OSError:
            pass

    def _ask_again(self, line):
        """Opening for writing may part a lower file from its other names; of that the kernel is told afterwards."""
        for name in shlex.split(line):
            try:
                syscalls.statx(self.script.path(name), syscalls.AT_STATX_FORCE_SYNC | syscalls.AT_SYMLINK_NOFOLLOW)
            except OSError:
                pass

    def close_handles(self):
        for fd in self.script.handles.values():
            os.close(fd)
        self.script.handles.clear()

    def give_up(self):
        self.close_handles()
        if self.mount:
            self.mount.give_up()
