# SPDX-License-Identifier: MIT
"""Which tests a run takes, and in which order: by world, by build, by how long they take."""
import os

from . import runs, worlds

# Folders of the mount suite that builds with sanitizers leave out, and why. All others run there, in the brief form.
OF_THE_TESTS = "it tries the tests themselves"
ONE_THREAD = "a program with one thread"
LEFT_OUT = {
    "ASAN_OPTIONS": {"isolation": OF_THE_TESTS},
    "TSAN_OPTIONS": {
        "isolation": OF_THE_TESTS,
        "broker": "a program with one thread, which with ThreadSanitizer's own may not enter mount namespaces",
        "sandbox": "with ThreadSanitizer's thread no process makes a user namespace",
        "check": ONE_THREAD,
        "diff": ONE_THREAD,
        "bad_input": "mounts that are refused before a thread is started",
        "lifecycle": "how mounts begin and end, which all others do as well",
        "format": "one caller and what is on disk then: the suites model and io have the same calls",
        "nesting": "one caller, and many unions",
        "owners": "one caller, and who owns what",
        "whiteout": "one caller, and what is on disk then",
        "worlds": "one caller, and what it may do",
    },
}


def left_out_folders(environment):
    """The folders of the mount suite that this build leaves out; the variables that its sanitizer reads tell which it is."""
    return {folder for variable, folders in LEFT_OUT.items() if variable in environment for folder in folders}


def takes(item, settings, environment=os.environ):
    """Whether the test's file says something about this world, system and build."""
    suite, folder = item.path.parts[-3:-1]
    return settings.system in getattr(item.module, "SYSTEMS", ("overpass", "kernel")) \
        and settings.world in worlds.of(item.module) \
        and not (suite == "mount" and folder in left_out_folders(environment))


def order(item):
    """Those that must be alone come first, then the files that may take longest: none of them is left for the end."""
    return not getattr(item.module, "ALONE", False), -getattr(item.module, "PATIENCE", runs.FILE_PATIENCE)


def draw_seeds(metafunc):
    """For pytest_generate_tests: a test marked `seeds(brief, usual, long)` is run with so many, as its argument `seed`."""
    marker = metafunc.definition.get_closest_marker("seeds")
    if marker:
        metafunc.parametrize("seed", range(metafunc.config.settings.in_form(*marker.args, **marker.kwargs)))
