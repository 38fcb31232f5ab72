# SPDX-License-Identifier: MIT
"""Programs that confine others to a directory, with a union as that directory: bubblewrap, mmdebstrap, schroot, fstab."""
import os
import subprocess
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

from debian_root import KEYRING, apt_settings, archive_of, codename, packages, sources    # noqa: E402
from engine import SUBORDINATES, UID, USER, prepare_world                                 # noqa: E402
from harness import checks, contains, dump, equal, holds, isolation, systems, syscalls, write  # noqa: E402
from harness.credentials import as_user                                                   # noqa: E402
from harness.worlds import umount                                                         # noqa: E402

PATIENCE = 400
SYSTEMS = ("overpass",)
COMPILER = ("tcc", "libc6-dev")
ROOT = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8"]
COMPILE = "printf 'int puts(const char*); int main(void) { puts(\"compiled\"); return 0; }' > /root/x.c && " \
          "tcc -o /root/x /root/x.c && /root/x"


def unpacked(t, layer, as_whom=""):
    """A Debian root, without devices and what is large and of no use here. as_whom: the beginning of the command."""
    left_out = [f"--exclude=./{path}" for path in ("dev/*", "usr/share/locale/*", "usr/share/doc/*", "var/lib/apt/lists/*")]
    subprocess.run([*as_whom.split(), "tar", *left_out, "-xpf", archive_of(t), "-C", layer], check=True)
    os.chmod(layer, 0o755)
    return layer


def run(t, *command, **popen):
    t.progress(" ".join(command)[:200])
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=t.settings.seconds(300), check=False, **popen)
    if done.returncode != 0:
        raise checks.Failure(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


def kernel_shows_the_same(t, m):
    merged = dump.dump(m.path)
    m.umount()
    checks.same_lines(t.kernel_dump(m), merged, "what kernel overlayfs shows of the same layers")


def confined(t, path, *more):
    return ["bwrap", "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--unshare-net", "--bind", path, "/", "--dev", "/dev", "--proc", "/proc",
            "--tmpfs", "/tmp", "--ro-bind", packages(t, *COMPILER), "/mnt", *more, *ROOT]


def test_root_installs_and_compiles_in_bubblewrap(t):
    m = t.mount(unpacked(t, t.layer()))
    run(t, *confined(t, m.path), "sh", "-c", "apt-get -q -y install /mnt/*.deb")
    contains(run(t, *confined(t, m.path), "sh", "-euc", COMPILE), "compiled", "what the program prints")
    holds(os.path.exists(m.upper + "/usr/bin/tcc"), "the compiler is in the upper layer")
    kernel_shows_the_same(t, m)


def test_an_ordinary_user_works_in_bubblewrap_on_a_union_of_his_own(t):
    """fusermount3 mounts it, in bubblewrap's user namespace he is root."""
    prepare_world(t)
    stack = t.stack(t.layer())
    for path in (*stack.lowers, stack.upper, stack.work, stack.mountpoint):
        os.chown(path, UID, UID)
    os.chmod(t.directory, 0o777)
    archive_for_all = t.directory + "/root.tar"
    write(archive_for_all, open(archive_of(t), "rb").read())
    identity = f"setpriv --reuid {UID} --regid {UID} --clear-groups"
    left_out = ["--exclude=./dev/*", "--exclude=./usr/share/*", "--exclude=./var/lib/apt/lists/*"]
    subprocess.run([*identity.split(), "tar", *left_out, "--no-same-owner", "-xf", archive_for_all, "-C", stack.lowers[0]], check=True)
    t.watch_lower(stack.lowers[0])

    def use():
        m = systems.mount_overpass(t.settings, stack, t.directory + "/log")
        inside = ["bwrap", "--die-with-parent", "--unshare-user", "--uid", "0", "--gid", "0", "--bind", m.path, "/", "--dev", "/dev", "--proc", "/proc", *ROOT]
        told = run(t, *inside, "sh", "-euc", "id -u; sed -i s/Debian/Changed/ /etc/issue; rm -rf /usr/lib/dpkg; mv /var/cache /var/moved; "
                                             "dpkg-query -W libc6 | cut -f1; mkdir /made; stat -c %u /made")
        umount(m)
        return told, checks.made
    told, _ = as_user(UID, use)
    equal(told.split(), ["0", "libc6:amd64" if "libc6:" in told else "libc6", "0"], "what the commands print")
    contains(open(stack.upper + "/etc/issue").read(), "Changed", "the changed file in the upper layer")
    equal(os.stat(stack.upper + "/made").st_uid, UID, "owner of what root of the sandbox made")


def test_mmdebstrap_makes_a_root_on_a_union_in_unshare_mode(t):
    prepare_world(t)
    m = t.mount(t.layer({"target": {}}))
    os.chown(m / "target", UID, UID)
    for path in (t.directory, m.path):
        os.chmod(path, 0o755)
    home = t.fresh("home", {"apt.conf": "\n".join([*apt_settings(), 'Acquire::Retries "3";', ""])})
    os.chown(home, UID, UID)
    command = ["mmdebstrap", "--quiet", "--mode=unshare", "--variant=essential", f"--aptopt={home}/apt.conf", f"--keyring={KEYRING}",
               "--skip=check/empty", codename(), m / "target", "-"]
    done = subprocess.run(command, input="\n".join(sources()) + "\n", text=True, capture_output=True, check=False, user=UID, group=UID,
                          extra_groups=(), env={**os.environ, "HOME": home, "TMPDIR": home, "USER": USER}, cwd=home)
    equal((done.returncode, done.stderr[-2000:] if done.returncode else ""), (0, ""), "mmdebstrap")
    owner = os.stat(m / "target/etc/passwd").st_uid
    equal(owner, SUBORDINATES[0], "owner of what root of the user namespace made")
    contains(run(t, "chroot", m / "target", "/bin/sh", "-c", "dpkg-query -W libc6"), "libc6", "a package of the new root")
    kernel_shows_the_same(t, m)


def install_overpass(t):
    """Where mount(8) finds it, in this private mount namespace."""
    directory = t.fresh("bin")
    os.symlink(t.settings.overpass, directory + "/overpass")
    syscalls.mount(directory, "/usr/local/sbin", None, syscalls.MS_BIND)
    t.at_end(lambda: syscalls.umount("/usr/local/sbin", syscalls.MNT_DETACH))


def test_mount_a_mounts_lines_of_fstab_and_schroot_enters_them(t):
    """One union by its options alone, one with the words that administrators add; then a session of schroot in one."""
    low = unpacked(t, t.layer())
    lines, points = [], []
    for words in ("defaults", "noauto,nofail,user,exec,suid,dev,x-systemd.requires=/,_netdev"):
        stack = t.stack(low)
        t.watch_lower(low)
        points.append(stack.mountpoint)
        lines.append(f"overpass {stack.mountpoint} fuse.overpass {words},{systems.option_text(stack)} 0 0")
    fstab = t.fresh("etc", {"fstab": "\n".join([*lines, ""])}) + "/fstab"
    install_overpass(t)
    try:
        run(t, "mount", "-a", "-T", fstab)
        equal([os.path.ismount(point) for point in points], [True, False], "what mount -a mounts")
        run(t, "mount", "-T", fstab, points[1])
        equal([os.path.ismount(point) for point in points], [True, True], "what is mounted after a mount by name")
        session_of_schroot(t, points[0])
    finally:
        for point in reversed(isolation.mounts_below(t.directory)):
            if point in map(os.path.realpath, points):
                run(t, "umount", point)


def session_of_schroot(t, root):
    configuration = t.fresh("chroots", {"union": "\n".join([
        "[union]", "type=directory", f"directory={root}", "users=root", "root-users=root", "profile=minimal", ""])})
    syscalls.mount(configuration, "/etc/schroot/chroot.d", None, syscalls.MS_BIND)
    t.at_end(lambda: syscalls.umount("/etc/schroot/chroot.d", syscalls.MNT_DETACH))
    told = run(t, "schroot", "--chroot", "union", "--user", "root", "--directory", "/", "--", "sh", "-euc",
               "id -un; dpkg-query -W -f '${Package}\\n' tzdata; rm -rf /usr/share/zoneinfo; echo made > /srv/made; cat /srv/made")
    equal(told.split(), ["root", "tzdata", "made"], "what the commands print")
    holds(not os.path.exists(root + "/usr/share/zoneinfo"), "a directory that was removed in the session is gone")
    equal(run(t, "schroot", "--list", "--all-sessions"), "", "sessions that are left")
