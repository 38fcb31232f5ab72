// SPDX-License-Identifier: MIT
//
// A file gets its name when it is whole, and only if that is free.

#include "cli/conflict_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "apply/copy_object.h"
#include "apply/target.h"
#include "base/nearest.h"
#include "base/scope_exit.h"
#include "changes/view.h"
#include "cli/apply_call.h"
#include "sys/attributes.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/random.h"
#include "sys/stat.h"

namespace overpass::cli {

namespace {

/// In a directory of its own.
constexpr char kWhole[] = "file";

/// The text that was read, of which somebody may have put something else in the place. ESTALE if
/// that is so: its owner may not be one who may read both sides.
Result<UniqueFd> open_text(const Overlap& overlap, BorrowedFd directory, const char* name) {
  auto opened = sys::open_at(directory, name, O_PATH);
  if (opened.failed_with(ENOENT)) return fail(ESTALE);
  UniqueFd text = TRY(std::move(opened));
  const sys::Stat stat = TRY(sys::stat_anew(sys::place_of(text)));
  const bool is_it = layer::stamp_of(stat) == overlap.read && stat.stx_uid == overlap.uid &&
                     stat.stx_gid == overlap.gid;
  return is_it ? Result<UniqueFd>(std::move(text)) : fail(ESTALE);
}

/// Gives an empty file, which nobody else can open yet, the attributes of `text` and the bytes. It
/// is for those who may read both sides.
Result<void> fill(const Overlap& overlap, BorrowedFd text, BorrowedFd file) {
  const sys::Place place = sys::place_of(file);
  TRY(apply::clone_attributes(sys::place_of(text), place));
  const sys::Stat made = TRY(sys::stat(place));
  const bool has_its_owner = made.stx_uid == overlap.uid && made.stx_gid == overlap.gid;
  TRY(sys::change_mode(place, (has_its_owner ? overlap.mode : 0) | S_IRUSR | S_IWUSR));
  TRY(sys::write_text(file, overlap.content));
  return sys::sync_file(file);
}

/// Where a file cannot be without a name: it is made in a directory of its own, into which nobody
/// else can look.
Result<void> write_in_private(const Overlap& overlap, BorrowedFd text, BorrowedFd directory,
                              const char* name) {
  const std::string made = ".overpass-conflict-" + std::to_string(sys::random_number());
  const UniqueFd own = TRY(sys::make_and_open_directory(directory, made.c_str(), 0700));
  const ScopeExit remove([&] {
    (void)sys::remove_file(own, kWhole);
    (void)sys::remove_directory(directory, made.c_str());
  });
  const UniqueFd file = TRY(sys::open_at(own, kWhole, O_RDWR | O_CREAT | O_EXCL, 0600));
  TRY(fill(overlap, text, file));
  return sys::rename({own, kWhole}, {directory, name}, RENAME_NOREPLACE);
}

/// Whether the file has just these bytes.
bool has_bytes(BorrowedFd directory, const char* name, const std::string& bytes) {
  const auto file = sys::open_at(directory, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  const auto stat = file ? sys::stat(sys::place_of(*file)) : fail(file.error());
  if (!stat || !S_ISREG(stat->stx_mode) || stat->stx_size != bytes.size()) return false;
  const auto found = sys::read_to_end(*file);
  return found && *found == bytes;
}

/// Once there are those bytes, the file is one that an earlier call has left.
Result<void> write_conflict(const Overlap& overlap) {
  const apply::Target target = TRY(apply::Target::open(overlap.target));
  const UniqueFd directory = TRY(target.directory(changes::parent_of(overlap.path)));
  const std::string name(changes::name_of(overlap.path));
  const UniqueFd text = TRY(open_text(overlap, directory, name.c_str()));
  const std::string beside = name + kConflictSuffix;
  const auto write = [&]() -> Result<void> {
    const auto unnamed = sys::open_unnamed(directory, 0600);
    if (!unnamed) return write_in_private(overlap, text, directory, beside.c_str());
    TRY(fill(overlap, text, *unnamed));
    return sys::make_link(sys::place_of(*unnamed), directory, beside.c_str());
  };
  auto written = write();
  const bool is_left =
      written.failed_with(EEXIST) && has_bytes(directory, beside.c_str(), overlap.content);
  return is_left ? Result<void>() : written;
}

Problem problem_with(const Overlap& overlap, Errno error) {
  const std::string path = in_quotes(overlap.shown + kConflictSuffix);
  switch (to_int(error)) {
    case ESTALE:
      return {in_quotes(overlap.shown) + " was changed again", "call this again"};
    case EEXIST:
      return {path + " is there already", "remove it, and call this again"};
    case ENAMETOOLONG:
      return {"the name of " + in_quotes(overlap.shown) + " is too long for a file " +
                  in_quotes(std::string("NAME") + kConflictSuffix) + " beside it",
              "'overpass diff --patch' shows the sandbox's text; edit the outside's, and discard "
              "the change"};
    default:
      return {path + " cannot be written: " + std::strerror(to_int(error)),
              "make room or correct the permissions, and call this again"};
  }
}

}  // namespace

int leave_conflict_files(Context& context, const std::vector<Overlap>& overlaps) {
  int code = kApplyConflicts;
  for (const Overlap& overlap : overlaps) {
    const auto written = write_conflict(overlap);
    if (written) {
      context.err << "both sides are in " << in_quotes(overlap.shown + kConflictSuffix) << "\n";
      continue;
    }
    const int status = written.failed_with(ESTALE) ? kApplyConflicts : kApplyImpossible;
    code = std::max(code, fail_with(context, problem_with(overlap, written.error()), status));
  }
  return code;
}

}  // namespace overpass::cli
