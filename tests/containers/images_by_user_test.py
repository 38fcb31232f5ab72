# SPDX-License-Identifier: MIT
"""Images that buildah and podman make by an ordinary user with subordinate ids, with overpass as their mount_program."""
from engine import USER
from images import images_by

PATIENCE = 900
SYSTEMS = ("overpass",)


def test_images_of_an_ordinary_user_are_those_that_others_make(t):
    images_by(t, USER)
