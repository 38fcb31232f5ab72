# SPDX-License-Identifier: MIT
"""The options that the tests add to pytest's own, and the settings that follow from them."""
import os

from .settings import Settings

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def add_to(parser):
    """For pytest_addoption."""
    group = parser.getgroup("overpass")
    group.addoption("--overpass", default=os.environ.get("OVERPASS", os.path.join(TOP, "../build/overpass")), metavar="PATH",
                    help="the program under test (default: build/overpass)")
    group.addoption("--system", default="overpass", choices=("overpass", "kernel", "plain"),
                    help="what the tests mount: kernel overlayfs or a plain directory prove the tests themselves")
    group.addoption("--world", default="root", choices=("root", "userns", "user"),
                    help="user that runs the tests and mounts: root, root of a user namespace, an ordinary user")
    group.addoption("--seed", type=int, help="seed of the random tests")
    group.addoption("--steps", type=int, default=0, help="operations of the model and io tests and of each differential one")
    group.addoption("--step", type=int, default=0, help="only this step of each scenario of the fault suite")
    group.addoption("--scenario", default="", metavar="FILE", help="only this scenario, for tests/differential/scenarios_test.py")
    group.addoption("--long", action="store_true", help="more seeds, steps and kills of the random tests: before a release")
    group.addoption("--full", action="store_true", help="full sizes of the memory tests; all differential combinations")
    group.addoption("--transport", default="", choices=("", "io_uring", "/dev/fuse"), help="how requests come from the kernel")
    group.addoption("--mount-options", default="", metavar="OPTS", help="more options for every overpass mount")
    group.addoption("--scratch", default=os.environ.get("OVERPASS_TESTS_SCRATCH", ""), metavar="DIR",
                    help="directory for layers and mount points (default: an ext4 in memory)")


def settings_from(option):
    """The settings of a run: option holds pytest's options, the environment the rest."""
    settings = Settings.from_environment()
    settings.overpass = os.path.abspath(option.overpass)
    for name in ("system", "world", "steps", "step", "transport", "mount_options", "scratch"):
        setattr(settings, name, getattr(option, name))
    settings.scenario = option.scenario and os.path.abspath(option.scenario)
    settings.scratch_kind = "" if option.scratch else "memory"
    if "TSAN_OPTIONS" in os.environ:
        # Over io_uring one request follows another by way of the kernel, which ThreadSanitizer cannot see.
        settings.transport = settings.transport or "/dev/fuse"
    settings.full = settings.full or option.full
    settings.long = settings.long or option.long
    settings.seed = option.seed if option.seed is not None else settings.seed
    return settings
