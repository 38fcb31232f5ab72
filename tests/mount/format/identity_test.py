# SPDX-License-Identifier: MIT
"""index=on and uuid=: marks that bind upper, lower and workdir to each other, the same as overlayfs's."""
import dataclasses
import errno
import os
import shutil

from harness import contains, equal, holds, mark, refused
from harness.systems import MountFailed

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")
LOWER = {"file": "x", "dir": {"in": "y"}}
INDEX = ("index=on",)


def marks(path, prefix=None):
    prefix = prefix or mark("")
    return {name.removeprefix(prefix): os.getxattr(path, name) for name in os.listxattr(path) if name.startswith(prefix)}


def changed(stack, t, **named):
    return dataclasses.replace(stack, mountpoint=t.fresh("mnt"), **named)


def mount_and_unmount(t, stack, system):
    t.mount_stack(stack, system).umount()
    return marks(stack.upper), marks(stack.work + "/index")


def message_of(t, stack):
    """The message with which overpass refuses the layers."""
    t.watch_lower(stack.lowers[0])
    before = marks(stack.upper)
    try:
        t.mount_stack(stack).umount()
    except MountFailed as failed:
        equal(marks(stack.upper), before, "marks of the refused upper")
        return failed.text
    return holds(False, f"{stack} is refused")


def test_the_marks_are_those_of_overlayfs(t):
    for options in (INDEX, (*INDEX, "uuid=off"), (*INDEX, "uuid=null"), (*INDEX, "userxattr"), ("nfs_export=on",)):
        if "userxattr" in options and t.world != "root":
            continue        # the kernel makes no index then unless it is root's
        prefix = "user.overlay." if "userxattr" in options else mark("")
        stack = t.stack(t.layer(LOWER), t.layer({}), options=options)
        for system in ("overpass", "kernel"):
            t.mount_stack(stack, system).umount()
            seen = marks(stack.upper, prefix), marks(stack.work + "/index", prefix)
            equal((sorted(set(seen[0]) - {"uuid"}), sorted(seen[1])), (["origin"], ["upper"]), f"{system}: marks")
            if system == "overpass":
                first = seen
                for path in (stack.upper, stack.work + "/index"):
                    for name in set(os.listxattr(path)) - {prefix + "uuid"}:
                        os.removexattr(path, name)
        equal(seen, first, f"what the kernel writes with {options}")


def test_either_mounts_what_the_other_has_bound(t):
    for first, second in (("overpass", "kernel"), ("kernel", "overpass")):
        stack = t.stack(t.layer(LOWER), t.layer({}), options=INDEX)
        before = mount_and_unmount(t, stack, first)
        equal(mount_and_unmount(t, stack, second), before, f"marks after {first} and {second}")
        equal(mount_and_unmount(t, stack, first), before, "marks after the first again")


def test_another_lower_is_refused(t):
    for system in ("overpass", "kernel"):
        stack = t.stack(t.layer(LOWER), t.layer({}), options=INDEX)
        mount_and_unmount(t, stack, system)
        swapped = changed(stack, t, lowers=stack.lowers[::-1])
        message = message_of(t, swapped)
        contains(message, "indexed over another lowerdir", f"message after {system}")
        refused(errno.ESTALE, t.mount_stack, swapped, "kernel")
        t.mount_stack(changed(swapped, t, options=())).umount()     # Without the index this is not checked.
        mount_and_unmount(t, stack, "overpass")


def test_a_copied_upper_or_index_is_refused(t):
    for system in ("overpass", "kernel"):
        stack = t.stack(t.layer(LOWER), options=INDEX)
        mount_and_unmount(t, stack, system)
        copy = changed(stack, t, upper=t.fresh("copy"))
        for name, value in marks(stack.upper).items():
            os.setxattr(copy.upper, mark(name), value)
        contains(message_of(t, copy), "belongs to another upperdir", f"message after {system}")
        refused(errno.ESTALE, t.mount_stack, copy, "kernel")
        fresh = changed(copy, t, work=t.fresh("work"))
        mount_and_unmount(t, fresh, "overpass")
        shutil.rmtree(stack.work + "/index")
        mount_and_unmount(t, changed(stack, t), "overpass")


def test_uuid_off_is_another_name_for_the_same_files(t):
    """As with the kernel: origins written with and without it do not match, on the root that is."""
    stack = t.stack(t.layer(LOWER), options=(*INDEX, "uuid=off"))
    mount_and_unmount(t, stack, "overpass")
    equal(marks(stack.upper)["origin"][5:21], bytes(16), "UUID in the origin")
    contains(message_of(t, changed(stack, t, options=INDEX)), "another lowerdir", "message")
    mount_and_unmount(t, stack, "kernel")


def test_the_index_is_off_where_there_are_no_handles(t):
    """A lower on FUSE without handles that outlive it; overlayfs falls back likewise."""
    below = t.mount(t.layer(LOWER))
    stack = t.stack(below.path, options=INDEX)
    m = t.mount_stack(stack)
    equal(m.status()["index"]["active"], False, "index")
    contains(m.status()["index"]["reason"], "gives no file handles", "reason")
    contains(m.daemon.text(), "index=on has no effect: ", "log")
    holds(not os.path.exists(stack.work + "/index"), "no index is made")
    equal(set(marks(stack.upper)) - {"uuid"}, set(), "marks")
    m.umount()


def test_what_a_crash_left_in_the_index_goes(t):
    stack = t.stack(t.layer(LOWER), options=INDEX)
    mount_and_unmount(t, stack, "overpass")
    os.makedirs(stack.work + "/index/#12/below")
    t.mount_stack(stack).umount()
    equal(os.listdir(stack.work + "/index"), [], "the index")


def test_a_new_upper_gets_a_uuid_and_keeps_it(t):
    for first, second in (("overpass", "kernel"), ("kernel", "overpass")):
        stack = t.stack(t.layer(LOWER))
        t.mount_stack(stack, first).umount()
        value = marks(stack.upper)["uuid"]
        equal((len(value), value[6] >> 4, value[8] >> 6), (16, 4, 2), "length, version and variant of the UUID")
        t.mount_stack(stack, second).umount()
        equal(marks(stack.upper)["uuid"], value, f"the UUID of {first} after {second}")


def test_an_upper_that_was_used_without_a_uuid_gets_one_only_on_demand(t):
    stack = t.stack(t.layer(LOWER), options=("uuid=null",))
    m = t.mount_stack(stack)
    os.chmod(m / "file", 0o600)
    m.umount()
    equal(set(marks(stack.upper)), {"impure"}, "marks with uuid=null")
    for system in ("overpass", "kernel"):
        t.mount_stack(changed(stack, t, options=()), system).umount()
        equal(set(marks(stack.upper)), {"impure"}, f"marks with the default of {system}")
    m = t.mount_stack(changed(stack, t, options=()))
    equal((m.status()["uuid"], m.status()["uuid_reason"]), ("null", "the upper directory was used before it had one"), "uuid")
    m.umount()
    m = t.mount_stack(changed(stack, t, options=("uuid=on",)))
    equal((m.status()["uuid"], set(marks(stack.upper))), ("on", {"impure", "uuid"}), "with uuid=on")
    m.umount()


def test_uuid_off_needs_one_file_system(t):
    from harness.loop_images import mount_image
    other = mount_image(t, "tmpfs")
    os.mkdir(f"{other}/lower")
    m = t.mount(t.layer(LOWER), f"{other}/lower", options=("uuid=off",))
    equal(m.status()["uuid"], "null", "uuid")
    contains(m.daemon.text(), "uuid=off has no effect: ", "log")
    m.umount()
