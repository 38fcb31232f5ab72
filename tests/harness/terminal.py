# SPDX-License-Identifier: MIT
"""Programs that find a terminal at some of their standard streams."""
import os
import pty
import subprocess


def run_on_terminal(command, streams=("stdout", "stderr"), **named):
    """The program's exit status, and all that it wrote to the terminal."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, **dict.fromkeys(streams, theirs), **named) as process:
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 65536):
                said += piece
        except OSError:     # the other end is closed
            pass
        os.close(ours)
    return process.returncode, said
