// SPDX-License-Identifier: MIT
//
// A file gets its name when it is whole, and only if that is free.

#include "cli/conflict_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cstring>

#include "apply/copy_object.h"
#include "apply/target.h"
#include "base/nearest.h"
#include "base/scope_exit.h"
#include "changes/view.h"
#include "sys/attributes.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/random.h"

namespace overpass::cli {

namespace {

/// It is for those who may read both sides.
Result<void> write_conflict(const Overlap& overlap) {
  const apply::Target target = TRY(apply::Target::open(overlap.target));
  const UniqueFd directory = TRY(target.directory(changes::parent_of(overlap.path)));
  const std::string name(changes::name_of(overlap.path));
  const std::string temporary = ".overpass-conflict-" + std::to_string(sys::random_number());
  const UniqueFd file =
      TRY(sys::open_at(directory, temporary.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
  ScopeExit remove([&] { (void)sys::remove_file(directory, temporary.c_str()); });
  TRY(sys::write_text(file, overlap.content));
  const sys::Place place = sys::place_of(file);
  const sys::Place beside = {directory, name.c_str()};
  TRY(apply::clone_attributes(beside, place));
  const sys::Stat like = TRY(sys::stat(beside));
  const sys::Stat made = TRY(sys::stat(place));
  const bool has_its_owner = made.stx_uid == like.stx_uid && made.stx_gid == like.stx_gid;
  TRY(sys::change_mode(place, (has_its_owner ? overlap.mode : 0) | S_IRUSR | S_IWUSR));
  const timespec now = {.tv_sec = 0, .tv_nsec = UTIME_NOW};
  TRY(sys::change_times(place, now, now));
  TRY(sys::sync_file(file));
  TRY(sys::rename({directory, temporary.c_str()}, {directory, (name + kConflictSuffix).c_str()},
                  RENAME_NOREPLACE));
  remove.dismiss();
  return {};
}

}  // namespace

Expected<void> leave_conflict_files(Context& context, const std::vector<Overlap>& overlaps) {
  for (const Overlap& overlap : overlaps) {
    const std::string path = overlap.shown + kConflictSuffix;
    const auto written = write_conflict(overlap);
    if (written) {
      context.err << "both sides are in " << in_quotes(path) << "\n";
      continue;
    }
    const bool is_there = written.failed_with(EEXIST);
    return problem(in_quotes(path) + (is_there ? " is there already"
                                               : std::string(" cannot be written: ") +
                                                     std::strerror(to_int(written.error()))),
                   is_there ? "remove it, and call this again"
                            : "make room or correct the permissions, and call this again");
  }
  return {};
}

}  // namespace overpass::cli
