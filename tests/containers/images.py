# SPDX-License-Identifier: MIT
"""Images that buildah and podman make with overpass as their mount_program, next to those made with others.

A Debian root is copied into an empty container, packages are installed and a program is compiled in it, images are made
from images, layer by layer, and run. By root and by an ordinary user, the image must be what it is with fuse-overlayfs
and with the kernel's overlayfs: the same names, types, modes, owners, contents and attributes.
"""
import os
import shutil
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

from debian_root import archive_of, packages    # noqa: E402
from engine import Engine, prepare_world        # noqa: E402
from harness import checks, contains, equal, holds      # noqa: E402

COMPILER = ("tcc", "libc6-dev")
PROGRAM = "#include <stdio.h>\nint main(void) { puts(\"compiled\"); return 0; }\n"
FORGET_TIMES = "rm -rf /var/log/* /var/cache/ldconfig/aux-cache /var/cache/apt/*.bin /var/lib/apt/lists/* /etc/passwd- /etc/shadow- /etc/group- /etc/gshadow-"

# Devices cannot be made in a user namespace; the rest is left out since it is large and like what is there.
LEFT_OUT = " ".join(f"--exclude=./{path}" for path in ("dev/*", "var/log/*", "var/lib/apt/lists/*", "usr/share/locale/*", "usr/share/zoneinfo/*"))
FILL = f"tar --numeric-owner {LEFT_OUT} -xpf {{archive}} -C $root && " \
       "setfattr -n user.kept -v value $root/etc/issue && setcap cap_net_bind_service+ep $root/usr/bin/tac"
INSTALL = f"""
apt-get -q -y install /packages/*.deb
rm -rf /packages
printf '%s' '{PROGRAM}' > /root/hello.c
tcc -o /usr/local/bin/hello /root/hello.c
hello
{FORGET_TIMES}
"""
CHANGE = f"""
rm -rf /usr/share/doc && mkdir /usr/share/doc && echo new > /usr/share/doc/new
mv /usr/share/common-licenses /usr/share/licenses && ln -s licenses /usr/share/common-licenses
cp -p /usr/local/bin/hello /usr/local/bin/hello1 && ln /usr/local/bin/hello1 /usr/local/bin/hello2
chmod 600 /etc/issue && chown 33:33 /etc/issue.net && mkfifo /root/fifo
useradd -m -s /bin/sh tester && su tester -c 'umask 077; echo mine > ~/file'
sed -i 's/^tester:[^:]*:[0-9]*/tester:!:1/' /etc/shadow
{FORGET_TIMES}
"""
CONTAINERFILE = f"""FROM localhost/second
RUN rm /usr/share/doc/new && echo a > /a
COPY copied /copied
RUN mkdir -p /deep/1/2/3 && touch /deep/1/2/3/file && rm /a
RUN rm -rf /deep/1 && dpkg --purge tcc && {FORGET_TIMES}
"""


def make_base(engine, archive, files):
    """The first image; the program that its packages compiled has run."""
    container = engine.buildah("from", "scratch")
    engine.with_root(container, FILL.format(archive=archive))
    engine.buildah("copy", container, files, "/packages")
    contains(engine.in_container(container, INSTALL), "compiled", "what the compiled program prints")
    engine.buildah("commit", "--rm", container, "localhost/base")


def make_others(engine):
    """Two more, each from the one before."""
    container = engine.buildah("from", "localhost/base")
    engine.in_container(container, CHANGE)
    engine.buildah("commit", "--rm", container, "localhost/second")
    context = os.path.join(engine.home, "context")
    os.mkdir(context)
    for name, text in (("Containerfile", CONTAINERFILE), ("copied", "copied\n")):
        with open(f"{context}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    os.chmod(context, 0o755)
    engine.buildah("build", "--layers", "--tag", "localhost/third", context)
    contains(engine.buildah("build", "--layers", "--tag", "localhost/third", context), "Using cache", "the same build again")


def run_containers(engine):
    """What podman does with a container's root: uses it, keeps it, shows its changes, makes an image of it."""
    equal(engine.podman_run("--rm", "localhost/third", "hello2"), "compiled", "what the program prints in a container")
    equal(engine.podman_run("--rm", "--read-only", "localhost/third", "sh", "-c", "echo x > /x || echo refused"), "refused",
          "a write to a read-only root")
    equal(engine.podman_run("--rm", "--user", "tester", "localhost/third", "sh", "-c", "cat ~/file; id -un; touch /etc/issue || echo refused"),
          "mine\ntester\nrefused", "what another user may")
    engine.podman_run("--name", "kept", "localhost/third", "sh", "-c", "echo more >> /etc/issue; rm -rf /home/tester; mkdir /made")
    changes = engine.podman("diff", "kept").split("\n")
    equal([line for line in sorted(changes) if "/etc" not in line or "issue" in line], ["A /made", "C /etc/issue", "C /home", "D /home/tester"],
          "what podman diff says")
    engine.podman("commit", "--quiet", "kept", "localhost/fourth")
    engine.podman("rm", "--force", "kept")
    equal(engine.podman_run("--rm", "localhost/fourth", "sh", "-c", "tail -n 1 /etc/issue; ls -d /made /home/*; stat -c %a /etc/issue"),
          "more\n/made\n600", "what the image of the container has")


def images_by(t, user):
    prepare_world(t)
    archive = t.directory + "/root.tar"
    shutil.copyfile(archive_of(t), archive)
    files = t.fresh("packages")
    for name in os.listdir(packages(t, *COMPILER)):
        shutil.copyfile(os.path.join(packages(t, *COMPILER), name), f"{files}/{name}")
    found = {}
    for system, program in (("overpass", t.settings.overpass), ("fuse-overlayfs", shutil.which("fuse-overlayfs")), ("kernel", None)):
        engine = Engine(t, program, user)
        make_base(engine, archive, files)
        if system != "kernel":
            found[system, "base"] = engine.dump_of("localhost/base")
        # Debian 12's fuse-overlayfs is no truth for what follows: it shows some names again that were removed.
        if system != "fuse-overlayfs":
            make_others(engine)
            found[system, "third"] = engine.dump_of("localhost/third")
        if system == "overpass":
            layers_say_what_was_changed(engine.layers_of("localhost/third"))
            run_containers(engine)
        engine.remove_everything()
    checks.same_lines(found["overpass", "third"], found["kernel", "third"], "the last image next to that of the kernel's overlayfs")
    # Hard links are parted now and then, too.
    ours, theirs = ([without_links(line) for line in found[system, "base"]] for system in ("overpass", "fuse-overlayfs"))
    checks.same_lines(ours, theirs, "the first image next to that of fuse-overlayfs")


def layers_say_what_was_changed(layers):
    """Each is no more than what its commands did."""
    names = [{line.split(" ")[0].rstrip("/") for line in layer} for layer in layers]
    equal(len(layers), 6, "layers of the last image")
    holds({"usr/share/doc/new", "usr/share/licenses", "usr/local/bin/hello2"} <= names[1], "the second has what its commands made")
    equal((".wh.a" in names[4], "a" in names[2], "copied" in names[3]), (True, True, True), "what the commands of the build left")
    equal({name for name in names[3] if not name.startswith(("etc", "dev", "proc", "sys", "run"))}, {"copied"}, "all that COPY left")
    contains(names[5], "deep/.wh.1", "names of the last layer")


def without_links(line):
    return line.split(" links=")[0]
