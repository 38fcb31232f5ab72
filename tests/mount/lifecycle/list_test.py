# SPDX-License-Identifier: MIT
"""`overpass list`, mounts made of templates, and directories made on demand."""
import json
import os

from harness import contains, equal, holds, isolation, write

WORLDS = ("root", "userns", "user")
SYSTEMS = ("overpass",)


def configured(t, text):
    """Environment with this configuration file."""
    home = t.fresh("home")
    os.makedirs(home + "/overpass")
    write(home + "/overpass/overpass.toml", text)
    return dict(os.environ, XDG_CONFIG_HOME=home)


def mounts_listed(t, environment):
    status, out, err = t.status_text("list", "--json", env=environment)
    equal((status, err), (0, ""), "overpass list --json")
    document = json.loads(out)
    equal(document["format"], 1, "the format of the document")
    return {mount["mountpoint"]: mount for mount in document["mounts"]}


def test_one_template_makes_several_mounts_with_their_directories(t):
    low, place = t.layer({"file": "content"}), t.fresh("chroots")
    t.watch_lower(low)
    environment = configured(t, f"""
[mount."build@"]
lower = "{low}"
upper = "{place}/%i/upper"
work = "{place}/%i/work"
mountpoint = "{place}/%i/root"
make_dirs = true
[mount."build@b"]
base = "build@"
fsname = "%n"
""")
    for name in ("build@a", "build@b"):
        equal(t.status_text("mount", name, env=environment), (0, "", ""), f"overpass mount {name}")
    write(place + "/a/root/new", "12345")
    equal(os.listdir(place + "/a/upper"), ["new"], "the upper of one instance")
    equal(os.listdir(place + "/b/upper"), [], "the upper of the other")
    equal(os.stat(place + "/a/work").st_mode & 0o777, 0o700, "the mode of the workdir")
    equal(os.stat(place + "/a/upper").st_mode & 0o777, 0o755, "the mode of the upper")

    listed = mounts_listed(t, environment)
    one, other = listed[place + "/a/root"], listed[place + "/b/root"]
    equal((one["name"], one["state"], one["changes"]), ("build@a", "running", 1), "what is listed of one")
    equal((other["name"], other["changes"]), ("build@b", 0), "what is listed of the other")
    equal(one["upper"], place + "/a/upper", "the upper that is listed")
    holds(one["age_seconds"] >= 0 and one["pid"] > 0, "age and process are listed")
    holds(one["size_bytes"] > 0, "the size is listed")
    status, out, _ = t.status_text("list", env=environment)
    equal((status, out.split("\n")[0].split()), (0, ["NAME", "MOUNTPOINT", "STATE", "AGE", "CHANGES", "SIZE"]), "the head of the table")
    contains(out, "build@a", "the table")

    equal(t.status_text("status", "build@a", env=environment)[0], 0, "overpass status by name")
    equal(t.status_text("umount", "build@a", "build@b", env=environment), (0, "", ""), "overpass umount by names")
    equal(t.status_text("check", "build@a", env=environment)[0], 0, "overpass check by name")
    holds(place + "/a/root" not in isolation.mount_points(), "nothing is mounted any more")


def test_a_missing_lower_is_not_made_and_leaves_nothing_behind(t):
    place = t.fresh("place")
    status, _, err = t.status_text("mount", "-o", "make_dirs", "--lower", place + "/low", "--upper", place + "/upper",
                                   "--work", place + "/work", place + "/root")
    holds(status != 0, "the mount is refused")
    contains(err, place + "/low", "message")
    equal(os.listdir(place), [], "what was made")


def test_a_mount_without_name_or_upper_is_listed(t):
    low, point = t.layer({"file": "content"}), t.fresh("mnt")
    t.watch_lower(low)
    equal(t.status_text("mount", "--lower", low, point), (0, "", ""), "overpass mount")
    mount = mounts_listed(t, dict(os.environ))[point]
    equal((mount["name"], mount["upper"], mount["changes"], mount["size_bytes"]), (None, None, None, None),
          "what is not known")
    equal(t.status_text("umount", point), (0, "", ""), "overpass umount")
