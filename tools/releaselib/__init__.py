# SPDX-License-Identifier: MIT
"""What tools/release is made of: the tree that is built, the bill of materials, the tarball, a trial of it."""
