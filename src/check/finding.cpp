// SPDX-License-Identifier: MIT
//
// The table of kinds.
//
// Counting and repairing.

#include "check/finding.h"

#include <cstring>
#include <utility>

namespace overpass::check {

namespace {

using enum Kind;
using enum Severity;

constexpr KindRow kRows[] = {
    {RedirectInvalid, "redirect-invalid", Error, false,
     "the redirect is no path inside a layer; the entry cannot be looked up",
     "set overlay.redirect to the old path, or remove it to give up what lowers have there"},
    {RedirectDangling, "redirect-dangling", Error, false,
     "the redirect leads to nothing in the lowers, whose content is missing here",
     "check that all lowers are given, in the right order; else remove overlay.redirect"},
    {RedirectNotDirectory, "redirect-not-directory", Error, false,
     "the redirect leads to, or through, something that is no directory",
     "check that all lowers are given, in the right order; else remove overlay.redirect"},
    {RedirectShared, "redirect-shared", Warning, false,
     "two directories show the same lower directory, and have one inode number",
     "remove overlay.redirect from the one that should not have its content"},
    {RedirectUnused, "redirect-unused", Info, false,
     "a redirect that is not followed: the file has its own data, or the directory is opaque",
     "none is needed; overlayfs leaves it when data are copied up"},
    {MetacopyInvalid, "metacopy-invalid", Error, false,
     "the metacopy mark is cut short or of an unknown version; the file cannot be opened",
     "restore the file, or remove overlay.metacopy and with it its data"},
    {MetacopyNoData, "metacopy-no-data", Error, false,
     "the file has metadata only, and no lower has its data",
     "check that all lowers are given, in the right order; else restore the file"},
    {MetacopySize, "metacopy-size", Warning, false,
     "the file's size is not that of its data in the lower, which was changed since",
     "restore the lower's file, or copy the file anew"},
    {MetacopyDigest, "metacopy-digest", Error, false,
     "the file's data are not those whose fs-verity digest it names; verity=on refuses it",
     "restore the lower's file with fs-verity, or copy the file anew"},
    {OpaqueInvalid, "opaque-invalid", Error, false,
     "the opaque mark is neither y nor x, and is ignored: lowers show through",
     "set overlay.opaque to y to hide what lowers have there, or remove it"},
    {OpaqueUnneeded, "opaque-unneeded", Info, false, "the opaque mark hides nothing",
     "none is needed; overlayfs puts it on many new directories"},
    {ImpureInvalid, "impure-invalid", Warning, true, "the impure mark is not y, and is ignored",
     "set it to y"},
    {ImpureMissing, "impure-missing", Warning, true,
     "entries came from a lower, but the directory is not marked impure: listings show other "
     "inode numbers than stat",
     "set overlay.impure"},
    {OriginInvalid, "origin-invalid", Warning, false,
     "the origin mark is no file handle; the inode number is not the lower file's",
     "remove overlay.origin; only inode numbers depend on it"},
    {OriginUnknown, "origin-unknown", Info, false,
     "the origin is on a file system of no lower, or was written by another kind of machine",
     "none is needed; the inode number changed once"},
    {OriginStale, "origin-stale", Warning, false,
     "the lower file that this one was copied from is gone; the inode number is not stable",
     "check that the lowers are the right ones; else remove overlay.origin"},
    {OriginElsewhere, "origin-elsewhere", Warning, false,
     "the directory's origin is not the lower directory that it is merged with",
     "check that the lowers are the right ones, in the right order; else remove overlay.origin"},
    {OriginWrongType, "origin-wrong-type", Error, false,
     "the origin is a file of another type; overlayfs answers EIO",
     "remove overlay.origin; only inode numbers depend on it"},
    {OriginShared, "origin-shared", Warning, false,
     "two files have one origin, and so show one inode number",
     "remove overlay.origin from the one that was copied from the other"},
    {OriginOfRoot, "origin-of-root", Warning, false,
     "the upper was used over another topmost lower; overlayfs refuses it with index=on",
     "give the lowers in the order they were used in; else remove overlay.origin of the root"},
    {NlinkInvalid, "nlink-invalid", Warning, false,
     "the link count mark is no number; the count that is shown is wrong",
     "mount with index=on and link the file once more, which writes it anew"},
    {NlinkWrong, "nlink-wrong", Warning, false, "the link count that the mark leads to cannot be",
     "mount with index=on and link the file "
     "once more, which writes it anew"},
    {UuidInvalid, "uuid-invalid", Warning, false, "the identity of the union is not 16 bytes",
     "remove overlay.uuid from the root; the next mount makes another"},
    {UpperInvalid, "upper-invalid", Warning, false, "the mark of the index is no file handle",
     "remove the index directory while nothing is mounted; hard links then part at copy-up"},
    {ProtattrInvalid, "protattr-invalid", Warning, false,
     "the protection mark has an unknown letter; the file is not protected",
     "set the flags again with chattr through the union"},
    {MarkMisplaced, "mark-misplaced", Warning, false,
     "a mark that means nothing on a file of this type", "remove the attribute"},
    {MarkUnknown, "mark-unknown", Info, false, "a mark that this version does not know",
     "none is needed, if a newer overlayfs wrote it"},
    {MarkOtherPrefix, "mark-other-prefix", Info, false,
     "a mark of the other prefix, which a mount with these options does not read",
     "none is needed, if a union inside this union wrote it"},
    {PrefixMismatch, "prefix-mismatch", Warning, false,
     "the upper has marks of the other prefix only: it was written with other options",
     "mount and check it as it was written: with userxattr for user.overlay, as root and without "
     "for trusted.overlay"},
    {MarkForeign, "mark-foreign", Warning, false,
     "a mark of fuse-overlayfs, which overpass reads and overlayfs does not",
     "mount with overpass or fuse-overlayfs only"},
    {WhiteoutName, "whiteout-name", Warning, false,
     "a whiteout by name, as fuse-overlayfs writes them: overlayfs shows it as a file",
     "mount with overpass or fuse-overlayfs only"},
    {WhiteoutUnneeded, "whiteout-unneeded", Warning, true, "the whiteout hides nothing",
     "remove the whiteout"},
    {WhiteoutInOpaque, "whiteout-in-opaque", Warning, true,
     "the whiteout hides nothing, for its directory is opaque", "remove the whiteout"},
    {WhiteoutMarkUnused, "whiteout-mark-unused", Warning, false,
     "the whiteout mark is ignored: only empty files in directories with overlay.opaque=x can "
     "have it",
     "remove the file and make a whiteout (mknod NAME c 0 0), or remove the mark"},
    {IndexNameInvalid, "index-name-invalid", Error, false,
     "an entry of the index whose name is no file handle; overlayfs refuses index=on",
     "look at the entry, save its content, remove it"},
    {IndexElsewhere, "index-elsewhere", Error, false,
     "the index entry belongs to another file than its name says; a mount with index=on drops it",
     "look at the entry, save its content, remove it"},
    {IndexNoOrigin, "index-no-origin", Error, false,
     "the index entry carries no origin; overlayfs refuses index=on",
     "look at the entry, save its content, remove it"},
    {IndexOrphan, "index-orphan", Warning, true, "the index entry is of a file that is gone",
     "remove the entry"},
    {IndexStale, "index-stale", Warning, false,
     "the lower file of the index entry is gone; a mount with index=on drops the entry",
     "check that the lowers are the right ones before that"},
    {IndexMissing, "index-missing", Warning, false,
     "the file was indexed, but its entry is missing: other names of it show the lower file",
     "link the other names to this one again, through the union"},
    {IndexOfOther, "index-of-other", Error, false,
     "the index was made for another upper; overlayfs refuses index=on",
     "give upper and workdir that belong together, or a fresh workdir"},
    {WorkLeftover, "work-leftover", Warning, true,
     "left in the workdir by a crash; the next mount removes it", "remove it"},
    {WorkForeign, "work-foreign", Warning, false,
     "nothing that an overlay file system puts into a workdir",
     "move it away: a mount is refused because of it, or removes it"},
    {WorkIncompatible, "work-incompatible", Error, false,
     "the upper uses a feature that is not known; mounts are refused", "mount with what wrote it"},
    {WorkVolatile, "work-volatile", Error, false,
     "the upper was used by a volatile mount and may be incomplete; mounts are refused",
     "if the machine did not crash since, remove work/incompat from the workdir; else start anew"},
    {Closed, "closed", Info, false,
     "its owner may not read it, by its mode, so it was not examined, nor what is in it",
     "none is needed; as root it can be examined"},
    {Unreadable, "unreadable", Error, false, "this could not be examined",
     "check as root, on a sound file system"},
};

constexpr bool is_in_order() {
  for (size_t i = 0; i < std::size(kRows); ++i) {
    if (static_cast<size_t>(kRows[i].kind) != i) return false;
  }
  return std::size(kRows) == static_cast<size_t>(Unreadable) + 1;
}
static_assert(is_in_order());

}  // namespace

std::span<const KindRow> kinds() { return kRows; }

const KindRow& row_of(Kind kind) { return kRows[static_cast<size_t>(kind)]; }

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Info:
      return "info";
    case Warning:
      return "warning";
    case Error:
      break;
  }
  return "error";
}

void Findings::add(const Finding& finding) {
  const auto severity = static_cast<size_t>(row_of(finding.kind).severity);
  if (finding.repair == Repair::Done) {
    ++summary_.repaired;
  } else {
    ++summary_.remaining[severity];
    if (finding.repair == Repair::Possible) ++summary_.repairable[severity];
  }
  listener_.on_finding(finding);
}

void Findings::add(Finding finding, std::string step, const std::function<Result<void>()>& repair) {
  finding.step = std::move(step);
  finding.repair = Repair::Possible;
  if (may_repair_) {
    const auto repaired = repair();
    finding.repair = repaired ? Repair::Done : Repair::Failed;
    if (!repaired) finding.step += std::string(": ") + std::strerror(to_int(repaired.error()));
  }
  add(finding);
}

bool Findings::stopped() {
  if (listener_.should_stop()) summary_.is_complete = false;
  return !summary_.is_complete;
}

}  // namespace overpass::check
