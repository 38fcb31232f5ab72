# SPDX-License-Identifier: MIT
"""Images that buildah and podman make by root, with overpass as their mount_program."""
from images import images_by

PATIENCE = 900
SYSTEMS = ("overpass",)


def test_images_of_root_are_those_that_others_make(t):
    images_by(t, None)
