# SPDX-License-Identifier: MIT
"""Which option combinations are compared: the factors, what kernel overlayfs refuses, and small sets that cover.

A combination is a dict from factor to level. `pairwise` finds few combinations in which every two
levels of different factors that are allowed together meet at least once; `everything` has all that
kernel overlayfs accepts.
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
        "index": ("on", "off"),
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
DEALT_OUT = ("filesystems", "lower_io")
DRAWN = 60              # combinations that are looked at for each further one of a pairwise set

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


def allowed(factors):
    """Every whole combination that is allowed."""
    return [chosen for levels in itertools.product(*factors.values())
            if is_allowed(chosen := dict(zip(factors, levels, strict=True)))]


def pairs_of(chosen):
    """Its pairs of levels, always in the same order."""
    return list(itertools.combinations(sorted(chosen.items()), 2))


def pairwise(factors, seed=0):
    """Combinations that cover every possible pair: each is the best of some drawn ones with an open pair."""
    source, bits = random.Random(seed), {}
    found, whole = [], allowed(factors)
    source.shuffle(whole)
    masks = [sum(1 << bits.setdefault(pair, len(bits)) for pair in pairs_of(chosen)) for chosen in whole]
    still_open = (1 << len(bits)) - 1
    while still_open:
        one = still_open & -still_open
        start = source.randrange(len(whole))
        drawn = [at for at in (*range(start, len(whole)), *range(start)) if masks[at] & one][:DRAWN]
        best = max(drawn, key=lambda at: (masks[at] & still_open).bit_count())
        still_open &= ~masks[best]
        found.append(whole[best])
    return found


def everything(factors, seed=0):
    """Every allowed combination of what kernel overlayfs can be told; the levels of the other factors are dealt out.

    Shuffled, so that a run which is ended early has seen a sample of them.
    """
    source, alike = random.Random(seed), {}
    for chosen in allowed(factors):
        told = tuple(level for factor, level in chosen.items() if factor not in DEALT_OUT)
        alike.setdefault(told, []).append(chosen)
    found = [source.choice(some) for some in alike.values()]
    source.shuffle(found)
    return found


def described(chosen):
    return f"{chosen['lowers']} lower{'s' if chosen['lowers'] > 1 else ''}, " + ",".join(options_of(chosen)) + (
        ", lowers on two file systems" if chosen["filesystems"] == "two" else "")
