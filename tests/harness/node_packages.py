# SPDX-License-Identifier: MIT
"""A project for npm whose packages are archives beside it, so that no network is needed."""
import io
import json
import shutil
import tarfile

from . import checks

INSTALL = "npm install --offline --no-audit --no-fund --no-progress --cache ../npm-cache ./*.tgz"


def node_packages(count):
    """A tree for a layer: package I exports the number I, and main.js prints the sum of all that are installed."""
    if not shutil.which("npm"):
        raise checks.Lacking("npm")
    names = [f"part{number}" for number in range(count)]
    archives = {f"{name}.tgz": _archive(name, number) for number, name in enumerate(names)}
    main = f"let sum = 0; for (let i = 0; i < {count}; ++i) sum += require('part' + i); console.log(sum);\n"
    return {**archives, "main.js": main, "package.json": json.dumps({"name": "main", "version": "1.0.0"})}


def _archive(name, number):
    files = {"package.json": json.dumps({"name": name, "version": "1.0.0", "main": "index.js"}), "index.js": f"module.exports = {number};\n",
             **{f"lib/deep/file{i}.js": f"// {i}\n" * 50 for i in range(20)}}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as file:
        for path, text in files.items():
            member = tarfile.TarInfo("package/" + path)
            member.size, member.mode = len(text), 0o644
            file.addfile(member, io.BytesIO(text.encode()))
    return archive.getvalue()
