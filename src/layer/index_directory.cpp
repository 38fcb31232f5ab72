// SPDX-License-Identifier: MIT
//
// First all comparisons, then all changes.

#include "layer/index_directory.h"

#include <optional>

#include "layer/mark_values.h"
#include "layer/markers.h"
#include "layer/named_directory.h"
#include "layer/origin.h"
#include "layer/own_directory.h"
#include "layer/remove_tree.h"
#include "overpass/layer_format.h"
#include "sys/directory_stream.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"
#include "sys/xattr.h"

namespace overpass::layer {

namespace {

/// If the mark is missing this mount sets it.
enum class Verdict { Absent, Matches, Differs };

Verdict compare(sys::Place place, const char* mark, const std::string& expected) {
  const auto value = sys::get_xattr(place, mark);
  if (!value) return value.failed_with(ENODATA) ? Verdict::Absent : Verdict::Differs;
  return *value == expected ? Verdict::Matches : Verdict::Differs;
}

std::unexpected<Problem> foreign_lower(const LayerStack& stack) {
  return problem("upperdir " + quoted(stack.upper().path) +
                     " was indexed over another lowerdir than " + quoted(stack.layers[1].path),
                 "mount it over the lowerdir it was written over, or leave index=on out");
}

std::unexpected<Problem> foreign_upper(const LayerStack& stack) {
  return problem(
      "the index in the workdir belongs to another upperdir than " + quoted(stack.upper().path),
      "use the workdir that was used with this upperdir, remove 'index' from the "
      "workdir, or leave index=on out");
}

std::unexpected<Problem> unusable(Errno error) {
  return problem("the index in the workdir cannot be used: " + text_of(error),
                 "the workdir has to be writable and its file system to have free space");
}

/// Whether the lower file of which the entry is a copy has one name only by now. No lookup asks the
/// index for such a file.
bool is_single_by_now(const LayerStack& stack, const Origin& origin) {
  for (LayerIndex i = 1; i < stack.lowers_end(); ++i) {
    const auto found = find_origin(stack.layers[i], stack.layers[i].root, origin);
    if (found) return found->stx_nlink == 1;
  }
  return false;
}

/// Whether no name of the union leads to the file of this entry any more: a crash came between the
/// end of the last name and that of the entry, or names went from the lower. As on overlayfs, only
/// a mark that counts from the upper's links proves it, or the lower file itself.
Result<bool> is_orphan(const LayerStack& stack, sys::Place entry, const Origin& origin) {
  const sys::Stat stat = TRY(sys::stat(entry));
  if (sys::is_directory(stat) || is_whiteout(stat) || stat.stx_nlink != 1) return false;
  const auto value = sys::get_xattr(entry, name_of(Mark::Nlink, stack.prefix));
  const auto mark = value ? decode_nlink(*value) : std::nullopt;
  if (!mark || mark->base != NlinkMark::Base::Upper) return false;
  return union_nlink(*mark, stat.stx_nlink, 0) == 0U || is_single_by_now(stack, origin);
}

/// Removes what crashes left: copies that overlayfs prepares in here, and entries of files that are
/// gone from the union.
Result<void> clear(BorrowedFd index, const LayerStack& stack) {
  return sys::for_each_entry(index, [&](const sys::DirectoryEntry& entry) -> Result<void> {
    const char* name = entry.name.data();
    if (entry.name.starts_with(format::kTemporaryPrefix)) return remove_tree(index, name);
    const auto mark = origin_of_index_name(entry.name);
    const auto origin = mark ? decode_origin(*mark) : std::nullopt;
    if (!origin || !TRY(is_orphan(stack, {index, name}, *origin))) return {};
    return sys::remove_file(index, name);
  });
}

struct IndexDirectory {
  UniqueFd fd;
  bool was_made = false;  ///< It was not there before.
};

/// The directory, as the daemon's own. One that is there holds data and stays.
Expected<IndexDirectory> take_directory(const LayerStack& stack) {
  auto made = make_own_directory(stack.work_lock, format::kIndexName);
  if (made) return IndexDirectory{std::move(*made), true};
  if (!made.failed_with(EEXIST)) return unusable(made.error());
  auto fd = open_own_directory(stack.work_lock, format::kIndexName);
  const auto whose = fd ? ownership_of(*fd) : fail(fd.error());
  if (!whose) return unusable(whose.error());
  if (*whose == Ownership::Foreign) {
    return problem(
        "'index' in the workdir belongs to another user than this mount, or others may write in it",
        "mount as the user who made it, give it to this user with mode 0700 if its content can be "
        "trusted, or leave index=on out");
  }
  return IndexDirectory{std::move(*fd), false};
}

}  // namespace

Expected<void> open_index(LayerStack& stack) {
  const char* origin_mark = name_of(Mark::Origin, stack.prefix);
  const char* upper_mark = name_of(Mark::Upper, stack.prefix);
  const sys::Place upper = sys::place_of(stack.upper().root);
  const std::string lower_root =
      encode_origin(stack.layers[1], sys::place_of(stack.layers[1].root)).value_or("");
  const std::string upper_root = encode_upper(stack.upper(), upper).value_or("");
  const Verdict origin = compare(upper, origin_mark, lower_root);
  if (origin == Verdict::Differs) return foreign_lower(stack);

  auto opened = take_directory(stack);
  if (!opened) return std::unexpected(opened.error());
  const sys::Place index = sys::place_of(opened->fd);
  // Kernels before 4.16 marked the index with the upper as its origin.
  const bool old_differs =
      compare(index, origin_mark, encode_origin(stack.upper(), upper).value_or("")) ==
          Verdict::Differs &&
      compare(index, origin_mark, upper_root) == Verdict::Differs;
  const Verdict owner = compare(index, upper_mark, upper_root);
  if (old_differs || owner == Verdict::Differs) return foreign_upper(stack);

  // Beyond this point upper, lower and index are bound to each other.
  Result<void> done = close_to_others(opened->fd);
  if (done) done = clear(opened->fd, stack);
  if (done && owner == Verdict::Absent) done = sys::set_xattr(index, upper_mark, upper_root);
  if (done && origin == Verdict::Absent) done = sys::set_xattr(upper, origin_mark, lower_root);
  if (!done) {
    if (opened->was_made) (void)sys::remove_directory(stack.work_lock, format::kIndexName);
    return unusable(done.error());
  }
  stack.index = std::move(opened->fd);
  return {};
}

}  // namespace overpass::layer
