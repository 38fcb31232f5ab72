# SPDX-License-Identifier: MIT
"""Renames in `overpass diff`: directories by their redirects, metacopies, and with -M files by their content."""
import os

from harness import equal, only_in, write
from harness.systems import option_text

SYSTEMS = ("overpass",)
WORLDS = ("root", "userns", "user")

DEEP = {"top": {"dir": {"file": "one", "sub": {"deep": "two"}}, "other": {"x": "three"}}, "plain": "some bytes"}


def lines(t, m, *arguments):
    status, out, err = t.status_text("diff", *arguments, "-o", option_text(m.stack))
    equal((status, err), (0, ""), "exit status and messages")
    return out.splitlines()


def union(t, *lowers, options=("redirect_dir=on",)):
    return t.mount(*[t.layer(lower) for lower in lowers or (DEEP,)], options=options)


def test_a_renamed_directory_is_one_line(t):
    m = union(t)
    os.rename(m / "top/dir", m / "top/new")
    equal(lines(t, m), ["R top/dir/ -> top/new/"], "in its directory")
    os.rename(m / "top/new", m / "elsewhere")
    equal(lines(t, m), ["R top/dir/ -> elsewhere/"], "into another directory")
    os.rename(m / "elsewhere", m / "top/dir")
    equal(lines(t, m), [], "back to its place")


def test_changes_in_a_renamed_directory_have_its_new_path_and_deletions_the_old_one(t):
    m = union(t)
    os.rename(m / "top", m / "new")
    write(m / "new/dir/file", "changed")
    write(m / "new/added", "")
    os.unlink(m / "new/other/x")
    equal(lines(t, m), ["D top/other/x", "R top/ -> new/", "A new/added", "M new/dir/file"], "changes")


def test_a_directory_that_left_a_deleted_one_is_renamed(t):
    m = union(t)
    os.rename(m / "top/dir/sub", m / "kept")
    os.unlink(m / "top/dir/file"), os.rmdir(m / "top/dir")
    equal(lines(t, m), ["D top/dir/", "R top/dir/sub/ -> kept/"], "changes")


def test_a_new_directory_in_the_place_of_a_renamed_one_is_added(t):
    m = union(t)
    os.rename(m / "top/dir", m / "moved")
    os.mkdir(m / "top/dir"), write(m / "top/dir/file", "another")
    equal(lines(t, m), ["R top/dir/ -> moved/", "A top/dir/", "A top/dir/file"], "changes")


def test_a_directory_renamed_over_another_deletes_that(t):
    m = union(t, {"a": {"x": "1"}, "b": {"y": "2"}})
    os.unlink(m / "b/y"), os.rename(m / "a", m / "b")
    equal(lines(t, m), ["D b/", "R a/ -> b/"], "changes")


def test_two_directories_that_changed_places(t):
    m = union(t, {"a": {"x": "1"}, "b": {"y": "2"}})
    os.rename(m / "a", m / "c"), os.rename(m / "b", m / "a"), os.rename(m / "c", m / "b")
    equal(lines(t, m), ["R b/ -> a/", "R a/ -> b/"], "changes")


def test_renames_over_renames_of_a_lower(t):
    first = union(t)
    os.rename(first / "top", first / "once")
    first.umount()
    m = t.mount(first.upper, *first.stack.lowers, options=("redirect_dir=on",))
    os.rename(m / "once", m / "twice")
    write(m / "twice/dir/file", "more")
    equal(lines(t, m), ["R once/ -> twice/", "M twice/dir/file"], "changes")


def test_a_renamed_metacopy_is_found_by_its_redirect(t):
    m = union(t, options=("redirect_dir=on", "metacopy=on"))
    os.chmod(m / "plain", 0o600), os.rename(m / "plain", m / "moved")
    equal(lines(t, m), ["R plain -> moved"], "changes")


def test_renamed_files_are_found_by_their_content(t):
    m = union(t, {"a": "same bytes", "b": "others", "empty": ""}, options=("metacopy=off",))
    os.rename(m / "a", m / "z"), os.rename(m / "empty", m / "void")
    equal(lines(t, m), ["D a", "D empty", "A void", "A z"], "without -M")
    equal(lines(t, m, "-M"), ["D empty", "A void", "R a -> z"], "with -M")


@only_in("root", why="an option of the kernel's that is for root")
def test_redirects_that_are_not_followed_are_no_renames(t):
    m = union(t)
    os.rename(m / "top", m / "new")
    m.umount()
    status, out, _ = t.status_text("diff", "-o", option_text(m.stack).replace("redirect_dir=on", "redirect_dir=nofollow"))
    equal((status, out), (0, "D top/\nA new/\n"), "changes")
