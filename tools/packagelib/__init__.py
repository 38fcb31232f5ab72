# SPDX-License-Identifier: MIT
"""What tools/package is made of: apt's sources of this machine, bare roots, the source package, a trial of the packages."""
