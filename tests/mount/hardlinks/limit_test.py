# SPDX-License-Identifier: MIT
"""The upper's file system limits the links of a file: ext4 takes 65,000."""
import errno
import os

from harness import File, checks, equal, refused

WORLDS = ("root", "userns", "user")
MOST = 65001


def with_all_links(t):
    """An upper whose file has as many links as its file system takes, and how many."""
    upper = t.fresh("upper", {"file": File("content"), "links": {}, "dir": {}})
    for number in range(1, MOST):
        try:
            os.link(upper + "/file", f"{upper}/links/{number}")
        except OSError as error:
            equal(error.errno, errno.EMLINK, "what ends it")
            return upper, number
    raise checks.Lacking("a scratch directory on a file system that limits links")


def test_a_link_too_many_is_emlink_and_changes_nothing(t):
    upper, most = with_all_links(t)
    m = t.mount(t.layer({"other": "other"}), upper=upper)
    refused(errno.EMLINK, os.link, m / "file", m / "dir/new")
    assert os.listdir(m / "dir") == []
    assert os.stat(m / "file").st_nlink == most
    os.unlink(m / "links/1")
    os.link(m / "file", m / "dir/new")
    assert os.stat(m / "dir/new").st_nlink == most
    refused(errno.EMLINK, os.link, m / "links/2", m / "links/1")
    assert set(os.listdir(m.work + "/work")) <= {"whiteout"}, "what every mount keeps there is all"
