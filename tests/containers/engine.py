# SPDX-License-Identifier: MIT
"""buildah and podman with a storage of their own: by root or by an ordinary user, over a file system of one's choice.

Nothing of theirs outside the test's directory is touched: storage, run directory, home and temporary files lie there.
"""
import json
import os
import subprocess
import tarfile

from harness import checks, isolation, syscalls, trees, write
from harness.worlds import give_to, ordinary_account, ordinary_fuse_device

USER, UID, SUBORDINATES = "builder", 12345, (200_000, 65536)
PATIENCE = 300
HERE = os.path.dirname(os.path.abspath(__file__))
ANYTHING = '{"default": [{"type": "insecureAcceptAnything"}]}'
# Without systemd, networks, and rights over limits and control groups; none of them is what is tested here.
PODMAN = ("podman", "--cgroup-manager", "cgroupfs")
RUN = ("run", "--network", "none", "--cgroups", "disabled", "--ulimit", "host")


class Engine:
    """program: what mounts unions (mount_program), or None for the kernel's overlayfs."""

    def __init__(self, t, program, user=None, options="nodev,fsync=0"):
        self.t, self.user = t, user
        self.home = t.fresh("home", {"run": {}, "tmp": {}, ".config": {"containers": {"policy.json": ANYTHING}}})
        write(self.home + "/storage.conf", "\n".join([
            "[storage]", 'driver = "overlay"', f'graphroot = "{self.home}/graph"',
            f'rootless_storage_path = "{self.home}/graph"', f'runroot = "{self.home}/runroot"',
            *(["[storage.options.overlay]", f'mount_program = "{program}"', f'mountopt = "{options}"'] if program else []), ""]))
        write(self.home + "/registries.conf", "")
        if user:
            give_to(self.home, UID)
        os.chmod(self.home + "/run", 0o700)
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": self.home, "LC_ALL": "C.UTF-8", "TMPDIR": self.home + "/tmp",
            "XDG_RUNTIME_DIR": self.home + "/run", "CONTAINERS_STORAGE_CONF": self.home + "/storage.conf",
            "CONTAINERS_REGISTRIES_CONF": self.home + "/registries.conf", "BUILDAH_ISOLATION": "chroot",
            "PYTHONPATH": os.path.dirname(HERE), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(self, *command, allowed=(0,)):
        """Runs it as the engine's user in his home; returns what it printed, without the last line's end."""
        self.t.progress(" ".join(command)[:200])
        identity = {"user": UID, "group": UID, "extra_groups": ()} if self.user else {}
        done = subprocess.run(command, cwd=self.home, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, errors="replace", timeout=self.t.settings.seconds(PATIENCE), check=False, **identity)
        if done.returncode not in allowed:
            raise checks.Failure(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        return done.stdout.rstrip("\n")

    def buildah(self, *arguments):
        return self.run("buildah", *arguments)

    def podman(self, *arguments, allowed=(0,)):
        return self.run(*PODMAN, *arguments, allowed=allowed)

    def podman_run(self, *arguments, allowed=(0,)):
        return self.podman(*RUN, *arguments, allowed=allowed)

    def in_container(self, container, script):
        return self.buildah("run", container, "--", "sh", "-euc", script)

    def with_root(self, container, script):
        """Runs the shell script, with the container's root in $root, as root of the engine's world."""
        text = f'root=$(buildah mount {container}) || exit 1\n{script}\nstatus=$?\nbuildah umount {container} > {self.home}/said; exit $status'
        return self.run(*(("buildah", "unshare") if self.user else ()), "sh", "-uc", text)

    def dump_of(self, image):
        """What a container of the image sees: the lines of harness.dump, but for times."""
        container = self.buildah("from", image)
        code = "import sys; from harness import dump; print('\\n'.join(dump.dump(sys.argv[1], mtime=None)))"
        lines = self.with_root(container, f'python3 -c "{code}" "$root"').split("\n")
        self.buildah("rm", container)
        return lines

    def layers_of(self, image):
        """Of each layer of the image, from below: a line for every entry of its archive, but for times."""
        out = self.home + "/pushed"
        self.buildah("push", "--disable-compression", image, "dir:" + out)
        with open(out + "/manifest.json", encoding="utf-8") as file:
            layers = json.load(file)["layers"]
        listings = [_listing(f"{out}/{layer['digest'].split(':')[1]}") for layer in layers]
        trees.remove(out)
        return listings

    def remove_everything(self):
        """As a user would; then nothing of the engine's is mounted, and no daemon serves a mount any more."""
        self.buildah("rm", "--all")
        self.podman("rmi", "--all", "--force")
        checks.equal(self.podman("images", "--quiet"), "", "images that are left")
        checks.equal([point for point in isolation.mounts_below(self.home) if point.endswith("/merged")], [], "mounts that are left")


def _listing(path):
    lines = []
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member).read() if member.isfile() else b""
            attributes = {key: value for key, value in member.pax_headers.items() if key.startswith("SCHILY.xattr.")}
            lines.append(f"{member.name} {member.type} {member.mode:o} {member.uid}:{member.gid} {member.linkname} "
                         f"{member.size} {hash(content)} {member.devmajor}:{member.devminor} {sorted(attributes.items())}")
    return sorted(lines)


def prepare_world(t):
    """What a machine has that is made for containers: an account with subordinate ids, /dev/fuse for all, cgroups."""
    ordinary_fuse_device(t)
    ordinary_account(t, USER, UID, *SUBORDINATES)
    # Runtimes refuse a mixture of both versions; in this mount namespace there is the second one only.
    if not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        syscalls.mount("none", "/sys/fs/cgroup", "cgroup2")
    os.chmod(t.directory, 0o755)
