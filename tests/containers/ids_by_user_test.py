# SPDX-License-Identifier: MIT
"""podman --userns=keep-id and other maps: the mount program shows the image's owners as the container's namespace
wants them, instead of a copy of the image with every file given away."""
import os
import shutil
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

from debian_root import archive_of              # noqa: E402
from engine import UID, USER, Engine, prepare_world     # noqa: E402
from harness import equal                       # noqa: E402
from images import FILL                         # noqa: E402

PATIENCE = 900
SYSTEMS = ("overpass",)
LOOK = """id -u
stat -c '%u:%g %n' / /etc/passwd /etc/shadow
mkdir /tmp/made && echo x > /tmp/made/file && stat -c %u:%g /tmp/made/file
touch /etc/passwd 2>&1 | grep -o denied || echo changed
cat /etc/issue > /dev/null && echo read"""


def looks(engine, *arguments):
    return engine.podman_run("--rm", *arguments, "localhost/root", "sh", "-c", LOOK).split("\n")


def test_the_owners_of_an_image_are_those_that_the_containers_map_asks_for(t):
    prepare_world(t)
    archive = t.directory + "/root.tar"
    shutil.copyfile(archive_of(t), archive)
    engine = Engine(t, t.settings.overpass, USER)
    container = engine.buildah("from", "scratch")
    engine.with_root(container, FILL.format(archive=archive))
    engine.buildah("commit", "--rm", container, "localhost/root")
    by_root = ["0", "0:0 /", "0:0 /etc/passwd", "0:42 /etc/shadow", "0:0", "changed", "read"]
    equal(looks(engine), by_root, "as root of the ordinary map")
    by_user = [str(UID), "0:0 /", "0:0 /etc/passwd", "0:42 /etc/shadow", f"{UID}:{UID}", "denied", "read"]
    equal(looks(engine, "--userns", "keep-id"), by_user, "as oneself, with --userns=keep-id")
    mapped = ("--uidmap", "0:100:5000", "--gidmap", "0:100:5000")
    equal(looks(engine, *mapped), by_root, "as root of a map of one's own")
    engine.remove_everything()
