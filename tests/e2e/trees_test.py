# SPDX-License-Identifier: MIT
"""What people do to trees every day, on this machine's own header files: copy, pack, search, edit, move, remove.

Every command prints the same and leaves the same on the union, on kernel overlayfs and in a plain directory.
"""
from harness.checks import at_most, holds

from workloads import Systems

PATIENCE = 600
SOURCE, BUDGET = "/usr/include", 24 << 20

COPYING = (
    ("tar packs and unpacks", """
        tar -cf packed.tar tree && mkdir unpacked && tar -C unpacked -xpf packed.tar
        tar -C unpacked -df packed.tar && tar -df packed.tar && diff -r --no-dereference tree unpacked/tree
        rm packed.tar"""),
    ("cp -a copies everything", """
        cp -a tree copy && diff -r --no-dereference tree copy
        list() { find "$1" -not -type d -printf '%P %y %m %U:%G %s %T@ %l\\n' | sort; }
        cmp <(list tree) <(list copy) && list copy | sha256sum"""),
    ("rsync copies what is new only", """
        rsync -aHAX tree/ mirror/ && rsync -aHAXni --delete tree/ mirror/
        find mirror -name 'std*' -type f -exec sh -c 'echo "/* more */" >> "$1"' - {} \\;
        find mirror -type f -name '*t.h' -delete
        rsync -aHAXi --checksum --delete tree/ mirror/ | sort && diff -r --no-dereference tree mirror"""),
    ("rsync --inplace and --link-dest", """
        find mirror -name 'std*' -type f -exec sh -c 'echo "/* more */" >> "$1"' - {} \\;
        rsync -aI --inplace --no-whole-file tree/ mirror/ && diff -r --no-dereference tree mirror
        rsync -a --link-dest=../mirror mirror/ linked/ && find linked -type f -links 2 | wc -l && rm -rf linked"""),
)

LINKING = (
    ("cp -al links every file", """
        find tree -type f | wc -l
        cp -al tree linked && find linked -type f -links 2 | wc -l && find tree -type f -links 1 | wc -l
        diff -r --no-dereference tree linked"""),
    ("a linked file is one file", """
        f=$(find tree -type f | sort | sed -n 1p); g=linked/${f#tree/}
        echo changed >> "$f" && tail -n1 "$g" && chmod 600 "$g" && stat -c '%a %h %s' "$f"
        find . -samefile "$f" | sort && test "$f" -ef "$g" && sed -i 1d "$g" && ! test "$f" -ef "$g" """),
    ("removing the links leaves single files", """
        rm -rf linked && find tree -links +1 -not -type d | wc -l"""),
)

EDITING = (
    ("find finds", """
        find tree -type f -size +40k | sort; find tree -type l | wc -l; find tree -empty | sort
        find tree -name 's*.h' -newermt 2015-01-01 | wc -l; find tree -type d -name linux -prune -o -print | wc -l
        find tree -perm /111 -type f | sort; find tree -mindepth 3 -maxdepth 3 -printf '%f %y\\n' | sort | sha256sum
        grep -rl 'include <stdint.h>' tree | sort | sha256sum; ls -lR --time-style=+%s tree | grep -v '^[dt]' | sha256sum"""),
    ("many files are edited in place", """
        find tree -name 'a*.h' -type f -exec sed -i 's/define/DEFINE/' {} + && grep -rc DEFINE tree | sort | sha256sum
        find tree -name 'b*.h' -type f -exec sh -c 'echo end >> "$1"' - {} \\;
        find tree -name 'c*.h' -type f -exec truncate -s 100 {} +"""),
    ("modes, owners and times of a tree are changed", """
        find tree -name 'd*' -exec chmod g+w,o-r {} + ; chown -hR 12:34 "$(find tree -mindepth 1 -type d | sort | sed -n 1p)"
        find tree -name 'e*' -exec touch -h -d 2001-02-03T04:05:06.789 {} + ; find tree -newermt 2001-02-03 | wc -l"""),
    ("directories are moved", """
        for d in $(find tree -mindepth 1 -maxdepth 1 -type d | sort | sed -n 1,3p); do mv "$d" "$d.moved"; done
        mkdir tree/below && mv tree/*.moved tree/below && mv tree/below elsewhere && mv elsewhere/*.moved tree
        ls tree | sha256sum && rmdir elsewhere"""),
    ("trees are removed and made again", """
        find tree -name 's*' -type f -delete && find tree -type f | wc -l
        for d in $(find tree -mindepth 1 -maxdepth 1 -type d | sort | tail -n2); do rm -rf "$d"; mkdir "$d"; echo new > "$d/n"; done
        find tree -depth -type d -empty -delete && find tree | sort | sha256sum"""),
)

GIT = (
    ("git takes the tree", """
        git init -q -b main repository && cp -a tree/. repository && cd repository
        git config user.name tester && git config user.email tester@localhost
        export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
        git add -A && git commit -qm all && git rev-parse HEAD 'HEAD^{tree}' && git status --porcelain"""),
    ("git clones, with links and without", """
        git clone -q repository clone && git clone -q --no-hardlinks repository other && git -C clone fsck --strict
        diff -r --no-dereference -x .git clone other && git -C clone status --porcelain"""),
    ("git moves, switches, collects and mends", """
        cd clone && git config user.name tester && git config user.email tester@localhost
        export GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' GIT_COMMITTER_DATE='2020-01-01T00:00:00Z'
        git switch -qc moved && for d in $(git ls-tree -d --name-only HEAD | sed -n 1,5p); do git mv "$d" "$d-moved"; done
        git commit -qam moved && git switch -q main && git switch -q moved && git rev-parse HEAD
        git rm -rq -- "$(git ls-tree -d --name-only HEAD | tail -n1)" && git stash -q && git stash pop -q && git reset -q --hard
        git repack -adq && git gc -q --prune=now && git fsck --strict && git status --porcelain"""),
    ("git goes away", "rm -rf repository clone other"),
)

BUILDING = (
    ("make builds from the lower layer and knows what is new", """
        seq 40 | while read n; do echo "int f$n(void) { return $n; }" > tree/f$n.c; done
        { echo 'int printf(const char *, ...);'; seq 40 | sed 's/.*/int f&(void);/'
          echo 'int main(void) { return printf("%d\\n", 0'; seq 40 | sed 's/.*/+ f&()/'; echo ') < 0; }'; } > tree/main.c
        printf 'program: $(patsubst %%.c,%%.o,$(wildcard *.c))\\n\\t$(CC) -o $@ $^\\n' > tree/Makefile
        make -s -j4 -C tree program && tree/program && make -s -q -C tree program
        touch tree/f7.c && make -C tree program | grep -c -w cc && tree/program && make -s -q -C tree program
        rm tree/*.o tree/*.c tree/Makefile tree/program"""),
)


def run_all(t, *groups):
    t.need("overlayfs")
    systems = Systems(t, SOURCE, BUDGET)
    for steps in groups:
        for sentence, text in steps:
            systems.run(sentence, text)
    return systems


def test_trees_are_packed_copied_and_synchronised(t):
    run_all(t, COPYING).end_alike()


def test_trees_are_linked(t):
    run_all(t, LINKING).end_alike()


def test_trees_are_searched_edited_moved_and_removed(t):
    run_all(t, EDITING).end_alike()


def test_a_repository_lives_on_the_union_and_programs_are_built(t):
    run_all(t, GIT, BUILDING).end_alike()


def test_du_counts_what_kernel_overlayfs_counts(t):
    systems = run_all(t)
    systems.run("a part is copied and linked", "cp -a tree copy; cp -al copy linked; chmod -R g+w tree; sync")
    systems.run("du counts lengths", "du -al --apparent-size . | sort", only_unions=True)
    systems.run("du counts links once", "du -s --apparent-size copy linked . | cut -f1", only_unions=True)
    blocks = [blocks_of(systems, name) for name in ("kernel", "union")]
    holds(blocks[0] > 1000, "the tree occupies something")
    at_most(abs(blocks[1] - blocks[0]), blocks[0] // 100, "blocks more or less than on kernel overlayfs")
    systems.end_alike()


def blocks_of(systems, name):
    return int(systems.run_at("du counts blocks", name, "du -s . | cut -f1"))
