# SPDX-License-Identifier: MIT
"""The rules that tests/lint checks, as data: change a rule here, not in the code that applies it.

Folders are those of src/. A folder that is not named in MAY_INCLUDE fails the check, so a new folder
needs a line here, which is where its place in the one-way street is decided.
"""

# Folder -> folders, or single headers, that it may include, besides its own.
MAY_INCLUDE = {
    "base": (),
    "command_line": ("base",),
    "sys": ("base",),
    "rules": ("base",),
    "config": ("base", "layer/format_settings.h", "rules/rule_text.h"),
    "layer": ("base", "sys"),
    "check": ("base", "sys", "layer"),
    "changes": ("base", "sys", "layer", "check/tree.h"),
    "io": ("base", "sys"),
    "broker": ("base", "command_line", "sys"),
    "overlay": ("base", "sys", "rules", "layer", "io"),
    "fuse": ("base", "sys", "rules", "config", "layer", "overlay", "broker/link.h", "broker/served_file_systems.h"),
    "sandbox": ("base", "sys", "config", "layer/remove_tree.h", "layer/format_settings.h"),
    "snapshots": ("base", "sys", "layer", "check/tree.h", "changes", "sandbox"),
    "apply": ("base", "sys", "layer", "check/tree.h", "changes", "sandbox"),
    "cli": ("base", "command_line", "sys", "rules", "config", "layer", "check", "changes", "io", "broker", "overlay", "fuse",
            "sandbox", "snapshots", "apply"),
    "archive": ("base", "command_line", "sys", "layer", "check/tree.h", "changes", "sandbox", "snapshots", "apply", "cli"),
    "main.cpp": ("cli", "sys"),
}

# The rooms of a folder: each may include those before it, and none behind it.
ROOMS = {"overlay": ("state", "find", "copy_up", "open", "change", "freeze")}

# Header (regular expression, matched from its start) -> folders that may include it. The first row
# that matches decides; headers that match none are free.
DOORS = (
    (r"xxh\w*\.h", ("base",)),
    (r"toml(\+\+|plusplus)/|toml\.hpp", ("config", "sandbox")),
    (r"liburing", ("io",)),
    (r"archive(_entry)?\.h", ("archive",)),
    (r"linux/fuse\.h", ("fuse",)),
    (r"(fuse3/)?(fuse|cuse)(_\w+)?\.h", ("fuse")),
    (r"CLI/|nlohmann/", ("cli", "fuse", "apply")),
    (r"tsl/", ("base", "overlay")),
    (r"seccomp\.h", ("broker", "sys")),
    (r"sys/capability\.h|linux/capability\.h", ("sys",)),
    (r"sys/syscall\.h|syscall\.h", ("sys",)),
    (r"overpass/layer_format\.h", ("layer", "check", "snapshots")),
    (r"overpass/broker_protocol\.h", ("broker",)),
    (r"gtest/|gmock/", ()),
)

# Words of code (outside comments and strings) -> (why, places that may use them). A place is a folder
# of src/ or the beginning of a path in it.
WORD_DOORS = (
    (r"\berrno\b", "errno is read in sys only", ("sys/", "base/result.h")),
    (
        r"\bstd::(cout|cerr|clog)\b|\b(printf|puts|putchar|perror|vprintf)\s*\(|\b(stdout|stderr)\b",
        "only the command line, the log and the lock check print",
        ("cli/", "base/log.", "base/mutex.cpp", "broker/broker_main.cpp"),
    ),
    (r"\bthrow\b", "errors are values", ()),
)

MAX_FILE_LINES = 499
MAX_FUNCTION_LINES = 59

# Who the tests that mount run as (tests/harness/worlds.py), and which of them must say where they hold.
WORLDS = ("root", "userns", "user")
TESTS_OF_ALL_WORLDS = ("tests/mount/*_test.py", "tests/parity/*_test.py", "tests/model/*_test.py")

# Which files are read. Everything else (pictures, tarballs, build directories) is passed over.
SKIPPED_FOLDERS = (".git", "__pycache__", "subprojects/packagecache", "subprojects/fuse-*")
CPP_SUFFIXES = (".cpp", ".h")
MAN_SUFFIXES = (".1", ".5", ".7", ".8")
# Documents may be as long as their subject; code may not.
UNBOUNDED = ("LICENSE", "*.md", "man/*")
# Files of debian/ have forms of their own; debian/copyright speaks for them.
WITHOUT_SPDX = ("LICENSE", "*.md", "*.json", "*.txt", "*.svg", "*.csv", "tests/fuzz/corpus/*", "debian/*")
WHITESPACE_EXEMPT = ("debian/rules", "*.svg", "*.diff", "tests/fuzz/corpus/*")

# Written apart so that this file passes its own check.
FORBIDDEN_WORDS = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")

# Every key of the option table must be explained where a user looks for it.
OPTION_TABLE = "src/config/option_table.cpp"
OPTION_KEY = r'^\s*\{\s*(?:\.key\s*=\s*)?"([a-z_0-9+]+)",\s*"'
OPTION_HELP = ("mount", "--help")
OPTION_PAGES = ("man/overpass.1", "man/overpass.toml.5")

# Every option of the command line must be explained in the page of its program or command, and every mount
# option in the section of its group. Both programs list theirs to this hidden command.
OPTIONS_LISTING = "__options"
MOUNT_OPTIONS_PAGE = "man/overpass.1"
COMMAND_PAGES = {"check": "man/overpass-check.1", "diff": "man/overpass-diff.1", "fsmonitor": "man/overpass-fsmonitor.1",
                 "add-layer": "man/overpass-add-layer.1", "refresh": "man/overpass-refresh.1",
                 "run": "man/overpass-run.1", "rm": "man/overpass-run.1", "path": "man/overpass-run.1",
                 "prune": "man/overpass-run.1",
                 **dict.fromkeys(("apply", "undo", "discard"), "man/overpass-apply.1"),
                 **dict.fromkeys(("snapshot", "log", "rollback", "fork", "squash", "vacuum", "export", "import", "rebase"), "man/overpass-snapshot.1"),
                 "": "man/overpass.1"}
BROKER_PAGE = "man/overpass-broker.8"

# Every kind of finding of a check must be explained to those who read its identifier.
FINDING_TABLE = "src/check/finding.cpp"
FINDING_ID = r'^\s*\{\w+, "([a-z-]+)", (Info|Warning|Error),'
FINDING_PAGE = "man/overpass-check.1"

# Every lock rank must be explained to newcomers.
LOCK_RANKS = "src/base/lock_rank.h"
LOCK_RANK_PAGE = "docs/architecture.md"

# Other versions format differently; Debian 12 has this one.
CLANG_FORMAT_MAJOR = 14
