# SPDX-License-Identifier: MIT
#
# Files for layers, in bulk.

import os


def fill_directory(directory, files, size):
    """Makes the directory with so many files f000, f001, ... of `size` bytes."""
    os.makedirs(directory)
    text = bytes(size)
    for f in range(files):
        with open(os.path.join(directory, f"f{f:03}"), "wb", buffering=0) as file:
            file.write(text)
