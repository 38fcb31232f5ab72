# SPDX-License-Identifier: MIT
"""podman builds and runs images while the daemons of its unions are killed again and again."""
import os
import shutil
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

from debian_root import archive_of    # noqa: E402
from engine import Engine, USER, prepare_world        # noqa: E402
from harness import equal, holds, write      # noqa: E402
from harness.deaths import Deaths, kill_daemons_below     # noqa: E402

PATIENCE = 900
SYSTEMS = ("overpass",)
FILL = "tar --numeric-owner --exclude=./dev/* --exclude=./usr/share/locale/* --exclude=./usr/share/zoneinfo/* -xpf {archive} -C $root"
# Each step lasts longer than the time between two deaths.
CONTAINERFILE = """FROM localhost/base
RUN for i in 1 2 3 4; do cp -a /usr/share/perl5 /copy$i; sleep 0.5; done; rm -rf /copy1
RUN for i in 2 3 4; do diff -r --no-dereference /usr/share/perl5 /copy$i; mv /copy$i /moved$i; sleep 0.5; done
RUN for i in 1 2 3; do find /usr/share/doc -name copyright -exec sed -i s/GPL$i/gpl/g {} +; dpkg --verify base-files; sleep 0.5; done
RUN rm -rf /moved3 /usr/share/doc && sleep 1.5 && mkdir /usr/share/doc && echo new > /usr/share/doc/new
"""


def images_despite_deaths(t, user):
    prepare_world(t)
    archive = t.directory + "/root.tar"
    shutil.copyfile(archive_of(t), archive)
    engine = Engine(t, t.settings.overpass, user, options="nodev,fsync=0,survive=on")
    container = engine.buildah("from", "scratch")
    with Deaths(kill=lambda: kill_daemons_below(engine.home)) as deaths:
        engine.with_root(container, FILL.format(archive=archive))
        engine.buildah("commit", "--rm", container, "localhost/base")
        context = os.path.join(engine.home, "context")
        os.mkdir(context)
        write(context + "/Containerfile", CONTAINERFILE)
        os.chmod(context, 0o755)
        engine.podman("build", "--layers", "--tag", "localhost/built", context)
        seen = engine.podman_run("--rm", "localhost/built", "sh", "-c", "sleep 1.5; diff -r /moved2 /moved4 && ls -d /moved* /usr/share/doc/* && ! ls -d /copy* 2>/dev/null")
    equal(seen.split(), ["/moved2", "/moved4", "/usr/share/doc/new"], "what the container sees")
    holds(deaths.count >= 4, f"daemons died: {deaths.count}")
    engine.remove_everything()


def test_by_root(t):
    images_despite_deaths(t, None)


def test_by_an_ordinary_user(t):
    images_despite_deaths(t, USER)
