# SPDX-License-Identifier: MIT
"""Metadata changes of lower files copy them up, whole and once."""
import os

from harness import File, equal, holds, read


def test_chmod_of_a_lower_file_copies_it_up_with_content_times_and_xattrs(t):
    low = t.layer({"file": File("content", 0o600, (5, 6), {"user.mark": b"1"}, mtime=1234567890)})
    m = t.mount(low)
    os.chmod(m / "file", 0o751)
    info = os.stat(m / "file")
    equal(oct(info.st_mode), "0o100751", "mode")
    equal((info.st_uid, info.st_gid), (5, 6), "owner")
    equal(int(info.st_mtime), 1234567890, "mtime")
    equal(read(os.path.join(m.upper, "file")), b"content", "content in the upper layer")
    equal(os.getxattr(m / "file", "user.mark"), b"1", "xattr")
    holds(os.path.exists(m.upper + "/file"), "the file is in the upper layer")
