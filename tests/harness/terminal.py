# SPDX-License-Identifier: MIT
"""Programs that find a terminal at some of their standard streams."""
import os
import pty
import subprocess
import termios


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


def answer_on_terminal(command, answers, prompt=b"?]? ", **named):
    """The same for a program that asks: each answer is typed when the terminal shows a prompt for it. After the last one the input ends,
    if the program asks again."""
    ours, theirs = pty.openpty()
    settings = termios.tcgetattr(theirs)
    settings[3] &= ~termios.ECHO
    termios.tcsetattr(theirs, termios.TCSANOW, settings)
    left = [*(answer.encode() + b"\n" for answer in answers), b"\x04"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, **named) as process:
        os.close(theirs)
        said, answered = b"", 0
        try:
            while piece := os.read(ours, 65536):
                said += piece
                while said.count(prompt) > answered:
                    os.write(ours, left[min(answered, len(left) - 1)])
                    answered += 1
        except OSError:     # the other end is closed
            pass
        os.close(ours)
    return process.returncode, said.decode(errors="backslashreplace").replace("\r\n", "\n")
