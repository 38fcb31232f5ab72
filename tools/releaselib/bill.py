# SPDX-License-Identifier: MIT
"""The bill of materials of a build, in the form of CycloneDX 1.5: whose code is in the programs, and in what version.

Nothing is taken from a list of what ought to be there: the linker says which members of which archives it took, the compiler
which headers it read, and dpkg whose files these are.
"""
import datetime
import json
import os
import platform
import re
import shlex
import subprocess
import tempfile

PROGRAMS = ("overpass", "overpass-archive", "overpass-broker")
FORMAT = "%s\n" % "\t".join(f"${{{name}}}" for name in ("Package", "Version", "Architecture", "source:Package", "source:Version"))
LICENCES = {"overpass": "MIT", "fuse3": "LGPL-2.1-only"}


class Unknown(Exception):
    """A file whose owner cannot be told."""


def make(build, number, seconds):
    """The document, as a dictionary, of the programs in a build directory."""
    build = os.path.realpath(build)
    found = {}
    for program in PROGRAMS:
        for path, use in sorted(_inputs(build, program)):
            found.setdefault(path, set()).add((program, use))
    components = [*_subprojects(build, found), *_packages(found)]
    main = _component("application", "overpass", number, f"pkg:generic/overpass@{number}", LICENCES["overpass"])
    time = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": {"timestamp": time, "component": main},
            "components": components,
            "dependencies": [{"ref": main["bom-ref"], "dependsOn": [component["bom-ref"] for component in components]}]}


def text(document):
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def packages_of(document):
    """Names of the Debian packages in a document."""
    return [component["name"] for component in document["components"] if component["purl"].startswith("pkg:deb/")]


def _inputs(build, program):
    """Pairs of a file of the machine or of the build, with its full path, and how the program uses it."""
    files = _linked(build, program)
    own = {os.path.relpath(path, build) for path in files if path.startswith(build)}
    headers = {header for name, headers in _headers(build) if name in own for header in headers}
    return {(path, "code") for path in files} | {(path, "headers") for path in headers if path.startswith("/usr/")}


def _linked(build, program):
    """Full paths of the archives of which the linker took members, and of the objects it took."""
    text = _link_map(build, program)
    # The build's own archives are thin: their members are files.
    names = set(re.findall(r"(?:^|\s)([^\s()]+\.a)\([^()\s]+\)", text)) | set(re.findall(r"(?:^|\s)([^\s()]+\.o)(?=\s|$)", text))
    # Objects that link-time optimization makes are gone by now.
    return {path for path in (_full(build, name) for name in names) if os.path.exists(path)}


def _link_map(build, program):
    """The linker's map: that of a release, which has one, or of linking once more."""
    kept = os.path.join(build, program + ".map")
    if os.path.exists(kept):
        with open(kept, encoding="utf-8", errors="replace") as file:
            return file.read()
    commands = subprocess.run(["ninja", "-C", build, "-t", "commands", "-s", program], check=True, capture_output=True, text=True).stdout
    words = shlex.split(commands.splitlines()[-1])
    with tempfile.TemporaryDirectory(prefix="overpass-map.") as scratch:
        map_file = os.path.join(scratch, "map")
        words[words.index("-o") + 1] = os.path.join(scratch, "program")
        subprocess.run([*words, f"-Wl,-Map={map_file}"], cwd=build, check=True, capture_output=True)
        with open(map_file, encoding="utf-8", errors="replace") as file:
            return file.read()


def _full(build, path):
    # /usr/lib/gcc/x86_64-linux-gnu/12/../../../x86_64-linux-gnu/libc.a; /lib is /usr/lib.
    path = os.path.normpath(os.path.join(build, path))
    return "/usr" + path if path.startswith("/lib") else path


def _headers(build):
    """Pairs of an object of the build, as ninja names it, and the full paths of what it was compiled from."""
    output = subprocess.run(["ninja", "-C", build, "-t", "deps"], check=True, capture_output=True, text=True).stdout
    for block in output.split("\n\n"):
        name, *files = block.strip().splitlines() or [""]
        yield name.split(":", 1)[0], {_full(build, path.strip()) for path in files}


def _component(kind, name, number, purl, licence=None, properties=()):
    component = {"type": kind, "bom-ref": purl, "name": name, "version": number, "purl": purl}
    if licence:
        component["licenses"] = [{"license": {"id": licence}}]
    if properties:
        component["properties"] = [{"name": f"overpass:{key}", "value": value} for key, value in properties]
    return component


def _uses(pairs):
    for use in ("code", "headers"):
        programs = sorted({program for program, how in pairs if how == use})
        if programs:
            yield use, " ".join(programs)


def _subprojects(build, found):
    """Libraries that the build made by itself."""
    done = subprocess.run(["meson", "introspect", "--projectinfo", build], check=True, capture_output=True, text=True).stdout
    for project in json.loads(done)["subprojects"]:
        directory = os.path.join(build, "subprojects", os.path.basename(_directory(build, project["name"]))) + "/"
        pairs = {pair for path, uses in found.items() if path.startswith(directory) for pair in uses}
        if pairs:
            yield _component("library", project["name"], project["version"], f"pkg:generic/{project['name']}@{project['version']}",
                             LICENCES[project["name"]], tuple(_uses(pairs)))


def _directory(build, name):
    files = json.loads(subprocess.run(["meson", "introspect", "--buildsystem-files", build], check=True, capture_output=True,
                                      text=True).stdout)
    return next(os.path.dirname(path) for path in sorted(files, key=len) if f"/subprojects/{_stem(name)}" in path and path.endswith("/meson.build"))


def _stem(name):
    return re.match(r"[a-z]+", name).group(0)


def _packages(found):
    """Debian packages, by name."""
    paths = sorted(path for path in found if path.startswith("/usr/"))
    owners = {}
    done = subprocess.run(["dpkg-query", "-S", *paths], check=False, capture_output=True, text=True)
    for line in done.stdout.splitlines():
        package, _, path = line.partition(": ")
        owners[path] = package.split(",")[0]
    unknown = [path for path in paths if path not in owners]
    if unknown:
        raise Unknown(f"no Debian package has {unknown[0]} ({len(unknown)} such files)")
    names = sorted(set(owners.values()))
    release = platform.freedesktop_os_release()
    listing = subprocess.run(["dpkg-query", "-W", "-f", FORMAT, *names], check=True, capture_output=True, text=True).stdout
    for line in sorted(set(listing.splitlines())):
        name, number, architecture, source, source_number = line.split("\t")
        pairs = {pair for path in paths if owners[path].split(":")[0] == name for pair in found[path]}
        purl = f"pkg:deb/{release['ID']}/{name}@{number}?arch={architecture}&distro={release['ID']}-{release.get('VERSION_ID', 'sid')}"
        yield _component("library", name, number, purl.replace("+", "%2B").replace("~", "%7E"),
                         properties=(("source", f"{source} {source_number}"), *_uses(pairs)))
