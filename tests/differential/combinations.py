# SPDX-License-Identifier: MIT
"""Which option combinations are compared: the factors, what kernel overlayfs refuses, and small sets that cover.

A combination is a dict from factor to level. `pairwise` finds few combinations in which every two
levels of different factors that are allowed together meet at least once; `core` deals out all of the
factors that decide what is on disk.
"""
import itertools
import random

WORLDS = {
    "root": {
        "lowers": (1, 2, 8),
        "filesystems": ("one", "two"),
        "redirect_dir": ("on", "follow", "nofollow", "off"),
        "index": ("on", "off"),
        "metacopy": ("on", "off"),
        "nfs_export": ("on", "off"),
        "userxattr": ("no", "yes"),
        "verity": ("off", "on", "require"),
        "xino": ("off", "auto", "on"),
        "uuid": ("off", "null", "auto", "on"),
        "volatile": ("no", "yes"),
        "lower_io": ("passthrough", "cached"),
    },
    "user": {
        "lowers": (1, 2, 8),
        "filesystems": ("one", "two"),
        "redirect_dir": ("nofollow",),
        "index": ("off",),
        "metacopy": ("off",),
        "nfs_export": ("off",),
        "userxattr": ("yes",),
        "verity": ("off",),
        "xino": ("off", "auto", "on"),
        "uuid": ("off", "null", "auto", "on"),
        "volatile": ("no", "yes"),
        "lower_io": ("cached",),
    },
}
CORE = ("lowers", "redirect_dir", "index", "metacopy", "nfs_export", "userxattr")

# What kernel overlayfs refuses (ovl_fs_params_verify): each row must not be a part of a combination.
REFUSED = (
    {"userxattr": "yes", "redirect_dir": "on"},
    {"userxattr": "yes", "redirect_dir": "follow"},
    {"userxattr": "yes", "redirect_dir": "off"},
    {"userxattr": "yes", "metacopy": "on"},
    {"metacopy": "on", "redirect_dir": "follow"},
    {"metacopy": "on", "redirect_dir": "nofollow"},
    {"metacopy": "on", "redirect_dir": "off"},
    {"metacopy": "on", "nfs_export": "on"},
    {"metacopy": "off", "verity": "on"},
    {"metacopy": "off", "verity": "require"},
    {"index": "off", "nfs_export": "on"},
    # Taken at first, and refused once a device or symbolic link, which can have no user.* mark, was indexed.
    {"userxattr": "yes", "nfs_export": "on"},
)


def is_allowed(chosen):
    """Whether nothing that is refused is in a whole or partial combination."""
    return not any(all(chosen.get(factor) == level for factor, level in row.items()) for row in REFUSED)


def options_of(chosen):
    """The mount options of a combination, as kernel overlayfs spells them; lower_io is known to overpass only."""
    flags = [flag for flag in ("userxattr", "volatile") if chosen[flag] == "yes"]
    valued = [factor for factor in chosen if factor not in ("userxattr", "volatile", "lowers", "filesystems")]
    return tuple(flags + [f"{factor}={chosen[factor]}" for factor in valued])


def completed(factors, chosen, source):
    """A whole combination that contains the given levels, or None: the rest is drawn, then tried in order."""
    rest = [factor for factor in factors if factor not in chosen]
    source.shuffle(rest)

    def fill(so_far, at):
        if at == len(rest):
            return so_far
        levels = list(factors[rest[at]])
        source.shuffle(levels)
        for level in levels:
            now = {**so_far, rest[at]: level}
            if is_allowed(now) and (whole := fill(now, at + 1)):
                return whole
        return None

    return fill(dict(chosen), 0) if is_allowed(chosen) else None


def pairs_of(chosen):
    return set(itertools.combinations(sorted(chosen.items()), 2))


def pairwise(factors, seed=0):
    """Combinations that cover every possible pair: each is the best of a few drawn ones with an open pair."""
    source = random.Random(seed)
    every = [((a, x), (b, y)) for a, b in itertools.combinations(sorted(factors), 2)
             for x in factors[a] for y in factors[b]]
    open_pairs = {pair for pair in every if completed(factors, dict(pair), source)}
    found = []
    while open_pairs:
        pair = min(open_pairs, key=repr)
        drawn = [completed(factors, dict(pair), source) for _ in range(60)]
        best = max(drawn, key=lambda one: len(pairs_of(one) & open_pairs))
        open_pairs -= pairs_of(best)
        found.append({factor: best[factor] for factor in factors})
    return found


def core(factors, seed=0):
    """Every allowed combination of the core factors; the levels of the others are dealt out."""
    source = random.Random(seed)
    found = []
    for levels in itertools.product(*(factors[factor] for factor in CORE)):
        whole = completed(factors, dict(zip(CORE, levels, strict=True)), source)
        if whole:
            found.append({factor: whole[factor] for factor in factors})
    return found


def described(chosen):
    return f"{chosen['lowers']} lowers, " + ",".join(options_of(chosen)) + (
        ", lowers on two file systems" if chosen["filesystems"] == "two" else "")
