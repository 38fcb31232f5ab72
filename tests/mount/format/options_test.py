# SPDX-License-Identifier: MIT
"""The options that choose the on-disk format: what is in force, what is refused, what falls back and says so."""
import errno
import os

from harness import contains, equal, holds, mark, refused, write

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
LOWER = {"dir": {"in": "1", "sub": {"deep": "2"}}, "file": "3"}


def refusal(t, *options, upper=True):
    """The one line with which a mount with these options is refused."""
    stack = t.stack(t.layer(LOWER), upper=upper)
    layers = [f"lowerdir={stack.lowers[0]}"]
    if upper:
        layers += [f"upperdir={stack.upper}", f"workdir={stack.work}"]
    status, out, err = t.status_text("mount", "-o", ",".join([*layers, *options]), stack.mountpoint)
    holds(status != 0, f"{options} are refused: {out}{err}")
    equal(len(err.strip().splitlines()), 1, f"lines of {err!r}")
    if upper:
        equal((os.listdir(stack.upper), os.listxattr(stack.upper)), ([], []), "the upper directory")
    return err


def redirects_of(t):
    """Only root's marks cannot be forged by others: redirects are written and followed by default with these alone."""
    return "on" if t.world == "root" else "nofollow"


def test_the_defaults(t):
    status = t.mount(t.layer(LOWER)).status()
    equal((status["redirect_dir"], status["index"]["active"], status["metacopy"]["active"], status["verity"],
           status["nfs_export"]["active"]), (redirects_of(t), False, False, "off", False), "what is in force")
    equal(status["mark_prefix"], mark(""), "prefix of marks")


def test_the_defaults_with_user_marks(t):
    m = t.mount(t.layer(LOWER), options=("userxattr",))
    status = m.status()
    equal((status["redirect_dir"], status["metacopy"]["active"]), ("nofollow", False), "what is in force")
    contains(status["redirect_dir_reason"], "the owner of a file", "reason")
    refused(errno.EXDEV, os.rename, m / "dir", m / "moved")


def test_every_choice_is_shown(t):
    m = t.mount(t.layer(LOWER), options=("redirect_dir=follow", "index=on", "verity=on", "uuid=null", "nfs_export=on"))
    status = m.status()
    equal((status["redirect_dir"], status["index"]["active"], status["verity"], status["uuid"],
           status["nfs_export"]["active"]), ("follow", True, "on", "null", True), "what is in force")
    equal(status["uuid_reason"], "", "reason")


def test_redirects_are_written_only_when_on(t):
    for option in ("redirect_dir=off", "redirect_dir=follow", "redirect_dir=nofollow"):
        m = t.mount(t.layer(LOWER), options=(option,))
        refused(errno.EXDEV, os.rename, m / "dir", m / "moved")
        m.umount()
    by_default = [()] if t.world == "root" else []
    for options in (*by_default, ("redirect_dir=on",), ("userxattr", "redirect_dir=on"), ("userxattr", "metacopy=on")):
        m = t.mount(t.layer(LOWER), options=options)
        os.rename(m / "dir", m / "moved")
        equal(sorted(os.listdir(m / "moved")), ["in", "sub"], f"names with {options}")
        m = t.remount(m)
        equal(sorted(os.listdir(m / "moved")), ["in", "sub"], f"names with {options} after a remount")
        m.umount()


def test_redirects_are_followed_by_choice(t):
    m = t.mount(t.layer(LOWER), options=("redirect_dir=on",))
    os.rename(m / "dir", m / "moved")
    m.umount()
    off = ["in", "sub"] if t.world == "root" else None      # follows in root's worlds alone, as overlayfs's does
    for option, names in (("redirect_dir=off", off), ("redirect_dir=follow", ["in", "sub"])):
        m.stack.options = (option,)
        m = t.mount_stack(m.stack)
        if names is None:
            refused(errno.EPERM, os.listdir, m / "moved")
        else:
            equal(sorted(os.listdir(m / "moved")), names, option)
        m.umount()
    m.stack.options = ("redirect_dir=nofollow",)
    m = t.mount_stack(m.stack)
    try:
        names = os.listdir(m / "moved")
    except OSError as error:
        names = error.errno
    holds(names in ([], errno.EPERM), f"redirect_dir=nofollow shows nothing of another directory: {names}")


def test_choices_that_exclude_each_other_are_refused(t):
    for other in ("off", "follow", "nofollow"):
        contains(refusal(t, "metacopy=on", f"redirect_dir={other}"),
                 f"metacopy=on and redirect_dir={other} exclude each other", "message")
    contains(refusal(t, "metacopy=on", "nfs_export=on"), "nfs_export=on and metacopy=on exclude", "message")
    contains(refusal(t, "nfs_export=on", "index=off"), "nfs_export=on needs an index", "message")
    contains(refusal(t, "metacopy=on", "redirect_dir=nofollow", upper=None), "exclude each other", "message")
    m = t.mount(t.layer(LOWER), upper=None, options=("metacopy=on", "redirect_dir=follow"))
    equal((m.status()["redirect_dir"], m.status()["metacopy"]["active"]), ("follow", True), "read-only")


def test_choices_that_need_an_upper_say_so(t):
    m = t.mount(t.layer(LOWER), upper=None, options=("index=on", "uuid=on", "nfs_export=on", "volatile"))
    status, log = m.status(), m.daemon.text()
    equal((status["index"]["active"], status["uuid"], status["nfs_export"]["active"]), (False, "null", t.world != "root"), "in force")
    needs_nofollow = ["nfs_export=on"] if t.world == "root" else []     # without an upper, which is the default of others
    for name in ("index=on", "uuid=on", *needs_nofollow):
        contains(log, f"{name} has no effect: ", "log")
    contains(status["index"]["reason"], "without an upper", "reason")


def test_status_lists_what_is_off_and_why(t):
    m = t.mount(t.layer(LOWER))
    text = t.status_text("status", m.path)[1]
    for line in (f"redirect_dir: {redirects_of(t)}", "index: inactive: not asked for\n", "metacopy: inactive: not asked for\n",
                 "verity: off\n", "uuid: on\n", "nfs_export: inactive: not asked for\n"):
        contains(text, line, "status")


def test_options_in_a_file_and_in_fstab_spelling_agree(t):
    lower, upper, work, point = t.layer(LOWER), t.fresh("upper"), t.fresh("work"), t.fresh("mnt")
    t.watch_lower(lower)
    home = t.fresh("home", {"overpass": {"overpass.toml": ""}})
    write(home + "/overpass/overpass.toml", f'[mount.x]\nlower = "{lower}"\nupper = "{upper}"\nwork = "{work}"\n'
          f'mountpoint = "{point}"\nredirect_dir = "follow"\nindex = true\nmetacopy = false\nuuid = "null"\n')
    equal(t.status_text("mount", "x", env=os.environ | {"XDG_CONFIG_HOME": home})[0], 0, "overpass mount x")
    text = t.status_text("status", point)[1]
    for line in ("redirect_dir: follow\n", "index: active\n", "uuid: null\n"):
        contains(text, line, "status")
    equal(t.status_text("umount", point)[0], 0, "overpass umount")


def test_words_that_kernel_overlayfs_and_fstab_have_are_taken(t):
    for options, is_volatile in ((("fsync=auto",), False), (("fsync=volatile",), True), (("seclabel", "user_xattr", "no_remote_lock"), False)):
        m = t.mount(t.layer(LOWER), options=options)
        write(m / "file", "4")
        m.umount()
        equal(os.path.isdir(m.work + "/work/incompat/volatile"), is_volatile, f"the sign of a volatile mount with {options}")


def test_words_that_would_change_owners_or_syncing_are_refused_with_the_remedy(t):
    for option, remedy in (("fsync=strict", "fsync=auto"), ("uid=0", "squash_to_uid"), ("gid=0", "squash_to_gid"),
                           ("X-mount.idmap=b:0:0:1", "uidmapping="), ("user_xattr=off", "noxattrs"),
                           ("rootmode=40000", "leave it out")):
        contains(refusal(t, option), remedy, f"the refusal of {option}")
