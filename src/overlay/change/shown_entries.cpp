// SPDX-License-Identifier: MIT
//
// A directory is empty when its upper has nothing but whiteouts and these hide all that its lowers
// have.

#include "overlay/change/shown_entries.h"

#include <dirent.h>
#include <fcntl.h>

#include <optional>

#include "layer/markers.h"
#include "overlay/change/upper_names.h"
#include "overlay/find/list_lowers.h"
#include "overlay/find/locate.h"
#include "overlay/find/lookup.h"
#include "overlay/find/scoped_readable.h"
#include "overlay/state/overlay.h"
#include "sys/directory_stream.h"
#include "sys/open.h"
#include "sys/stat.h"
#include "sys/thread_status.h"

namespace overpass::overlay {

namespace {

/// Call this at each step of work that may take long.
Result<void> take_step(const Caller& caller, size_t steps) {
  constexpr size_t kStepsBetweenLooks = 1024;
  if (steps % kStepsBetweenLooks != 0) return {};
  TRY(caller.check_may_wait());
  return sys::is_being_killed(caller.thread) ? Result<void>(fail(EINTR)) : Result<void>();
}

/// Whether the entry, of the directory open at `fd`, only hides what lowers have under its name.
Result<bool> hides(const Overlay& overlay, BorrowedFd fd, const sys::DirectoryEntry& entry) {
  if (layer::is_whiteout_name(entry.name)) return true;
  const bool foreign = overlay.stack.upper().foreign_marks;
  if (entry.type == DT_DIR || entry.type == DT_LNK || (entry.type == DT_REG && !foreign)) {
    return false;
  }
  const sys::Place place = {fd, entry.name.data()};
  const sys::Stat stat = TRY(sys::stat(place));
  return hides_in_upper(overlay, place, stat);
}

/// Whether every name that the lowers of `directory` show is hidden by its upper.
Result<bool> all_lowers_hidden(Overlay& overlay, const Caller& caller, Inode& directory) {
  if (directory.directory->lowers.empty()) return true;
  TRY(caller.check_may_wait());
  const auto listing = TRY(lower_names_of(overlay, directory));
  size_t steps = 0;
  for (const LowerName& name : listing->all()) {
    TRY(take_step(caller, ++steps));
    auto found = find_in_layers(overlay, directory, std::string(listing->text_of(name)).c_str());
    // A name that must not be followed is an entry as well.
    if (found || found.failed_with(EPERM)) return false;
    if (!found.failed_with(ENOENT)) return fail(found.error());
  }
  return true;
}

}  // namespace

Result<UpperContent> read_upper(const Overlay& overlay, const Caller& caller,
                                BorrowedFd directory) {
  UpperContent content;
  const UniqueFd fd = TRY(sys::open_at(directory, ".", O_RDONLY | O_DIRECTORY));
  sys::DirectoryStream stream(fd);
  while (const auto entry = TRY(stream.next())) {
    if (entry->name == "." || entry->name == "..") continue;
    content.shows_entries = !TRY(hides(overlay, fd, *entry));
    if (content.shows_entries) break;
    content.whiteouts.emplace_back(entry->name);
    TRY(take_step(caller, content.whiteouts.size()));
  }
  return content;
}

Result<bool> is_bare(BorrowedFd upper, const char* name) {
  const UniqueFd fd = TRY(sys::open_at(upper, name, O_RDONLY | O_DIRECTORY));
  sys::DirectoryStream stream(fd);
  while (const auto entry = TRY(stream.next())) {
    if (entry->name != "." && entry->name != "..") return false;
  }
  return true;
}

Result<bool> is_empty(Overlay& overlay, const Caller& caller, Inode& directory) {
  std::optional<ScopedReadable> readable;
  if (directory.directory->has_upper) {
    const SharedFd fd = TRY(directory_fd(overlay, directory, layer::kUpper));
    readable.emplace(sys::place_of(fd->fd));
    if (TRY(read_upper(overlay, caller, fd->fd)).shows_entries) return false;
  }
  return all_lowers_hidden(overlay, caller, directory);
}

Result<void> check_shows_nothing(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                                 const char* name) {
  Lock names(directory->directory->names);
  const auto found = inode_of(overlay, directory, name);
  if (found.failed_with(ENOENT)) return {};
  const InodeRef inode = TRY(found);
  if (!inode->is_directory() || inode->directory->lowers.empty()) return {};
  NestedLock child_names(inode->directory->names);
  return TRY(is_empty(overlay, caller, *inode)) ? Result<void>() : Result<void>(fail(ENOTEMPTY));
}

}  // namespace overpass::overlay
