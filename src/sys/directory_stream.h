// SPDX-License-Identifier: MIT
//
// getdents64(2): reads a directory's entries from an open descriptor, with the offsets that the
// file system gives.

#ifndef OVERPASS_SYS_DIRECTORY_STREAM_H_
#define OVERPASS_SYS_DIRECTORY_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

struct DirectoryEntry {
  uint64_t ino;
  int64_t next_offset;    ///< Where to seek to continue after this entry.
  unsigned char type;     ///< DT_*.
  std::string_view name;  ///< Zero-terminated; valid until the next call of next().
};

/// Invariant: what has been read and not handed out lies in [position_, filled_) of the buffer.
/// Threads: one at a time.
class DirectoryStream {
 public:
  /// `fd` is open for reading and outlives the stream.
  explicit DirectoryStream(BorrowedFd fd);

  /// The next entry, "." and ".." among them, or nothing at the end.
  Result<std::optional<DirectoryEntry>> next();

  /// Continues at `offset`, an earlier entry's next_offset or 0.
  Result<void> seek(int64_t offset);

 private:
  BorrowedFd fd_;
  std::unique_ptr<char[]> buffer_;
  size_t position_ = 0;
  size_t filled_ = 0;
};

/// Calls `visit(entry)` for each entry but "." and "..", until it returns a failure.
template <class Visit>
Result<void> for_each_entry(BorrowedFd fd, Visit visit) {
  DirectoryStream stream(fd);
  TRY(stream.seek(0));
  while (true) {
    auto entry = TRY(stream.next());
    if (!entry) return {};
    if (entry->name == "." || entry->name == "..") continue;
    TRY(visit(*entry));
  }
}

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_DIRECTORY_STREAM_H_
