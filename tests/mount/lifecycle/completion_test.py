# SPDX-License-Identifier: MIT
"""Completion of command lines by real shells, with the scripts that `overpass completion` prints."""
import os
import shutil
import subprocess

from harness import contains, equal, write

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)

# Calls the function of the script as readline does: the words as bash cuts them, and the last one to be completed.
BASH = r"""
eval "$("$1" completion bash)"
program=$1 line=$2; shift 2
COMP_WORDS=("$program" "$@") COMP_LINE=$line COMP_POINT=${#line} COMP_CWORD=$#
_overpass "$program"
printf '%s\n' "${COMPREPLY[@]}"
"""


def by_bash(t, *words, env=None):
    """What bash offers for the last of these words."""
    line = " ".join(["overpass", *words])
    run = subprocess.run(["bash", "-c", BASH, "bash", t.settings.overpass, line, *words], env=env,
                         capture_output=True, text=True, check=True)
    equal(run.stderr, "", "messages of bash")
    return sorted(run.stdout.split())


def test_bash_completes_commands_options_and_values(t):
    equal(by_bash(t, "sta"), ["status"], "a command")
    equal(by_bash(t, "mount", "--lo"), ["--lower"], "an option")
    equal(by_bash(t, "umount", "-"), ["--help", "--lazy"], "all options")
    equal(by_bash(t, "completion", ""), ["bash", "fish", "zsh"], "shells")
    equal(by_bash(t, "mount", "-o", "ro,ind"), ["ro,index="], "a mount option")
    # bash cuts words at '=' and ':'.
    equal(by_bash(t, "mount", "-o", "ro,index", "="), ["off", "on"], "values of a mount option")


def test_bash_completes_paths_behind_what_stands_before_them(t):
    home = t.fresh("home")
    os.makedirs(home + "/lower one")
    os.makedirs(home + "/upper")
    write(home + "/upperfile", "")
    equal(by_bash(t, "mount", "--upper", home + "/up"), [home + "/upper"], "a directory, and no file")
    equal(by_bash(t, "mount", "--upper", "=", home + "/up"), [home + "/upper"], "behind an equals sign")
    equal(by_bash(t, "mount", "-o", "lowerdir", "=", "/a", ":", home + "/up"), [home + "/upper"], "behind a colon")


def test_bash_completes_names_of_mounts(t):
    home = t.fresh("home")
    os.makedirs(home + "/overpass")
    write(home + "/overpass/overpass.toml", '[mount.sandbox]\nlower = "/usr"\n')
    environment = dict(os.environ, XDG_CONFIG_HOME=home)
    for command in ("mount", "umount", "status", "check"):
        equal(by_bash(t, command, "sandb", env=environment), ["sandbox"], f"overpass {command}")


def test_mountpoints_are_offered_to_umount(t):
    m = t.mount(t.layer({"file": "content"}))
    contains("\n".join(by_bash(t, "umount", os.path.dirname(m.path) + "/")), m.path, "what umount is offered")


def test_zsh_and_fish_read_their_scripts(t):
    for shell in ("zsh", "fish"):
        status, script, err = t.status_text("completion", shell)
        equal((status, err), (0, ""), f"overpass completion {shell}")
        if shutil.which(shell):
            file = t.fresh(shell) + "/script"
            write(file, script)
            run = subprocess.run([shell, "-n", file], capture_output=True, text=True, check=False)
            equal((run.returncode, run.stderr), (0, ""), f"what {shell} says of the script")
