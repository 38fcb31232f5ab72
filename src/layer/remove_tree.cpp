// SPDX-License-Identifier: MIT
//
// One directory is open at a time. The way back up is "..", compared with what was there on the way
// down. Each visit of a directory removes what one call can remove, and notes a bounded number of
// directories that are not empty. These are emptied one after the other. Then the directory is
// visited again, until a visit leaves nothing.

#include "layer/remove_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "sys/attributes.h"
#include "sys/directory_stream.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::layer {

namespace {

/// How many directories one visit notes: enough that visits cost little beside what they remove.
constexpr size_t kMostNoted = 1024;

struct Identity {
  dev_t device;
  uint64_t ino;
  bool operator==(const Identity&) const = default;
};

Identity identity_of(const sys::Stat& stat) { return {sys::device_of(stat), stat.stx_ino}; }

/// Removes a file, or a directory that is empty. ENOTEMPTY for any other.
Result<void> remove_one(BorrowedFd directory, const char* name, bool is_directory) {
  if (!is_directory) {
    auto removed = sys::remove_file(directory, name);
    if (removed || !(removed.failed_with(EISDIR) || removed.failed_with(EPERM))) return removed;
  }
  auto removed = sys::remove_directory(directory, name);
  // POSIX allows both.
  return removed.failed_with(EEXIST) ? Result<void>(fail(ENOTEMPTY)) : removed;
}

/// A walk through the tree to remove. Invariant: `at_` is the directory of the last level; its
/// names in `noted` must still be emptied.
class Removal {
 public:
  Removal(BorrowedFd above, std::optional<uid_t> owner) : above_(above), owner_(owner) {}

  Result<void> run(const char* name) {
    TRY(enter(above_, name));
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (!level.noted.empty()) {
        const std::string next = std::move(level.noted.back());
        level.noted.pop_back();
        TRY(enter(at_, next.c_str()));
      } else if (TRY(visit(level))) {
        TRY(leave());
      }
    }
    return {};
  }

 private:
  struct Level {
    std::string name;  ///< In the level above.
    Identity identity;
    std::vector<std::string> noted;  ///< Directories in here that are not empty.
  };

  Result<void> enter(BorrowedFd directory, const char* name) {
    UniqueFd fd = TRY(open_own_directory(directory, name));
    const sys::Stat stat = TRY(sys::stat(sys::place_of(fd)));
    if ((stat.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) return fail(EBUSY);
    if (owner_ && stat.stx_uid != *owner_ && stat.stx_uid != ::geteuid()) return fail(EPERM);
    // Else its owner may read it and yet remove nothing. Only root may do without.
    if ((stat.stx_mode & S_IRWXU) != S_IRWXU) (void)sys::change_mode(sys::place_of(fd), 0700);
    levels_.push_back({name, identity_of(stat), {}});
    at_ = std::move(fd);
    return {};
  }

  /// Whether the directory of the last level is empty now.
  Result<bool> visit(Level& level) {
    bool found_any = false;
    sys::DirectoryStream stream(at_);
    TRY(stream.seek(0));
    while (level.noted.size() < kMostNoted) {
      const auto entry = TRY(stream.next());
      if (!entry) break;
      if (entry->name == "." || entry->name == "..") continue;
      found_any = true;
      auto removed = remove_one(at_, entry->name.data(), entry->type == DT_DIR);
      if (removed.failed_with(ENOTEMPTY)) {
        level.noted.emplace_back(entry->name);
      } else {
        TRY(std::move(removed));
      }
    }
    return !found_any;
  }

  /// Removes the directory of the last level and goes on in the one above.
  Result<void> leave() {
    const Level left = std::move(levels_.back());
    levels_.pop_back();
    if (levels_.empty()) return sys::remove_directory(above_, left.name.c_str());
    UniqueFd up = TRY(sys::open_at(at_, "..", O_RDONLY | O_DIRECTORY));
    const Identity found = identity_of(TRY(sys::stat(sys::place_of(up))));
    if (found != levels_.back().identity) return fail(ESTALE);
    at_ = std::move(up);
    return sys::remove_directory(at_, left.name.c_str());
  }

  const BorrowedFd above_;
  const std::optional<uid_t> owner_;
  UniqueFd at_;
  std::vector<Level> levels_;
};

}  // namespace

Result<UniqueFd> open_own_directory(BorrowedFd directory, const char* name) {
  auto fd = sys::open_at(directory, name, O_RDONLY | O_DIRECTORY);
  if (!fd.failed_with(EACCES)) return fd;
  if (!sys::change_mode({directory, name}, 0700)) return fail(EACCES);
  return sys::open_at(directory, name, O_RDONLY | O_DIRECTORY);
}

Result<void> remove_tree(BorrowedFd directory, const char* name, std::optional<uid_t> owner) {
  auto removed = remove_one(directory, name, false);
  if (!removed.failed_with(ENOTEMPTY)) return removed;
  return Removal(directory, owner).run(name);
}

}  // namespace overpass::layer
