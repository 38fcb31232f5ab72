// SPDX-License-Identifier: MIT
//
// Makes names in an upper that nobody has mounted, so that its union shows nothing else than
// before.

#ifndef OVERPASS_SNAPSHOTS_UPPER_WRITER_H_
#define OVERPASS_SNAPSHOTS_UPPER_WRITER_H_

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "changes/view.h"
#include "sys/place.h"

namespace overpass::snapshots {

/// Gives `to` the extended attributes of `from` that users see. What this user may neither read nor
/// set is left out.
Result<void> copy_shown_xattrs(sys::Place from, sys::Place to);

/// Threads: one at a time.
class UpperWriter {
 public:
  /// `home` has "upper", open at `root`; directories are prepared beside it. `merged` shows the
  /// union. All outlive this.
  UpperWriter(BorrowedFd home, BorrowedFd root, changes::View& merged)
      : home_(home), root_(root), merged_(merged) {}

  /// Makes `path` ("a/b") a link to the file at `from`, and the directories above that the upper
  /// lacks, as the union shows them. Times of directories stay. Nothing if the name is there.
  Result<void> link(sys::Place from, const std::string& path);

 private:
  Result<UniqueFd> make_directories(std::string_view path);
  Result<void> copy_directory(BorrowedFd parent, const std::string& path, const char* name);

  BorrowedFd home_, root_;
  changes::View& merged_;
};

}  // namespace overpass::snapshots

#endif  // OVERPASS_SNAPSHOTS_UPPER_WRITER_H_
