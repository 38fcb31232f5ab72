# SPDX-License-Identifier: MIT
"""What this machine's apt knows of Debian, so that roots can be made from the same sources. Nothing here names a host."""
import platform
import subprocess

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
FIELDS = "$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)"
UNKNOWN_ORIGIN = "$(ORIGIN)"        # apt says so of sources whose lists it has not fetched
POCKETS = ("", "-updates", "-security")


class NoSource(Exception):
    """This machine's apt has no source of Debian."""


def codename():
    """Of this machine's own suite."""
    return platform.freedesktop_os_release()["VERSION_CODENAME"]


def sources(suite=None):
    """Lines for a sources.list: Debian's main component of a suite, binary and source packages.

    Of another suite than the machine's the addresses are those of the machine's own.
    """
    own = codename()
    suite = suite or own
    wanted = {own + pocket: suite + pocket for pocket in POCKETS}
    listing = subprocess.run(["apt-get", "indextargets", "--format", FIELDS], check=True, capture_output=True,
                             text=True).stdout
    lines = []
    for line in sorted(set(listing.splitlines())):
        address, release, component, origin = line.split(" ", 3)
        if release in wanted and component == "main" and origin in ("Debian", UNKNOWN_ORIGIN, ""):
            lines += [f"{kind} [signed-by={KEYRING}] {address} {wanted[release]} {component}" for kind in ("deb", "deb-src")]
    if not any(f" {suite} " in line for line in lines):
        raise NoSource(f"this machine's apt has no source for Debian {own} main")
    return lines


def settings():
    """How this machine's apt reaches its sources, as lines of an apt.conf."""
    text = subprocess.run(["apt-config", "dump", "Acquire"], check=True, capture_output=True, text=True).stdout
    return [line for line in text.splitlines() if not line.endswith(' "";')]
