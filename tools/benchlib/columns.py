# SPDX-License-Identifier: MIT
#
# The columns of the table: name, class, title; in the order of the table.

from benchlib.systems import (FuseOverlayfs, KernelOverlay, Overpass, OverpassUring, PassthroughHp, PassthroughHpUring,
                              Plain)
from benchlib.users import OverpassAlone, OverpassGathering, OverpassOfUser

COLUMNS = {
    "plain": (Plain, "plain directory"),
    "overlayfs": (KernelOverlay, "kernel overlayfs"),
    "overpass": (Overpass, "overpass"),
    "overpass-uring": (OverpassUring, "overpass, io_uring"),
    "overpass-user": (OverpassOfUser, "overpass of a user, broker"),
    "overpass-alone": (OverpassAlone, "overpass of a user, alone"),
    "overpass-writeback": (OverpassGathering, "overpass of a user, alone, writeback=on"),
    "hp": (PassthroughHp, "passthrough_hp"),
    "hp-uring": (PassthroughHpUring, "passthrough_hp, io_uring"),
    "fuse-overlayfs": (FuseOverlayfs, "fuse-overlayfs"),
}
