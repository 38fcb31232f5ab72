# SPDX-License-Identifier: MIT
#
# Finds or builds what a run needs: overpass and the driver by meson, libfuse's passthrough_hp from
# the subproject's source with the flags libfuse itself uses and the static library overpass links,
# so that both stand on the same libfuse. What is missing is reported, not fetched: tools/setup does.

import glob
import os
import shutil
import subprocess
from dataclasses import dataclass


class BuildFailed(Exception):
    """Something needed could not be built; the text says what to do."""


@dataclass
class Programs:
    bench_ops: str
    overpass: str | None
    broker: str | None
    passthrough_hp: str | None
    fuse_overlayfs: str | None


def quietly(command, remedy):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = (done.stdout + done.stderr).strip()[-2000:]
        raise BuildFailed(f"{tail}\n{' '.join(command)} failed: {remedy}")


def build_with_meson(source, build):
    if not os.path.exists(os.path.join(build, "build.ninja")):
        quietly(["meson", "setup", build, source], "run tools/setup first")
    quietly(["meson", "compile", "-C", build, "overpass", "overpass-broker", "bench_ops"], "see above")


def build_passthrough_hp(source, build):
    """The program's path, or None where libfuse is not the subproject."""
    examples = glob.glob(os.path.join(source, "subprojects", "fuse-3.*", "example"))
    if not examples:
        return None
    tree = os.path.dirname(examples[0])
    built = os.path.join(build, "subprojects", os.path.basename(tree))
    library = os.path.join(built, "lib", "libfuse3.a")
    if not os.path.exists(library):
        return None
    program = os.path.join(build, "tools", "passthrough_hp")
    inputs = [os.path.join(examples[0], "passthrough_hp.cc"), library]
    if os.path.exists(program) and all(os.path.getmtime(program) >= os.path.getmtime(path)
                                       for path in inputs):
        return program
    quietly(["c++", "-std=c++20", "-O2", "-g", "-w", "-D_REENTRANT", "-D_GNU_SOURCE",
             "-DHAVE_LIBFUSE_PRIVATE_CONFIG_H", "-D_FILE_OFFSET_BITS=64", "-fno-strict-aliasing",
             *(f"-I{os.path.join(root, folder)}" for root in (built, tree)
               for folder in ("example", "include", "lib", ".")),
             *inputs, "-pthread", "-luring", "-lnuma", "-ldl", "-o", program],
            "leave out the columns hp and hp-uring")
    return program


def collect(source, build, may_build):
    if may_build:
        build_with_meson(source, build)
    bench_ops = os.path.join(build, "tools", "bench_ops")
    if not os.path.exists(bench_ops):
        raise BuildFailed(f"{bench_ops} is missing: leave out --no-build")
    overpass = os.path.join(build, "overpass")
    broker = os.path.join(build, "overpass-broker")
    return Programs(bench_ops=bench_ops,
                    overpass=overpass if os.path.exists(overpass) else None,
                    broker=broker if os.path.exists(broker) else None,
                    passthrough_hp=build_passthrough_hp(source, build),
                    fuse_overlayfs=shutil.which("fuse-overlayfs"))
