// SPDX-License-Identifier: MIT
//
// Reads a tar archive, compressed by gzip, zstd or nothing. libarchive does it. The author
// of the archive need not be trusted; what is read is not judged here.

#ifndef OVERPASS_ARCHIVE_TAR_READER_H_
#define OVERPASS_ARCHIVE_TAR_READER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "archive/tar_writer.h"
#include "base/problem.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::archive {

/// Threads: one at a time.
class TarReader {
 public:
  /// Reads from `input`, which outlives this.
  static Expected<TarReader> open(BorrowedFd input);

  /// The next entry, with times of access that are those of modification; nothing at the end. The
  /// problem says what is wrong with the archive.
  Expected<std::optional<TarEntry>> next();

  /// Writes the content of the entry that next() returned to an empty file; holes stay holes.
  /// EBADMSG if the archive is damaged, ECANCELED when stopped.
  Result<void> copy_content(BorrowedFd file, const std::function<bool()>& is_stopped);

 private:
  struct Free {
    void operator()(struct ::archive* reader) const;
  };
  explicit TarReader(struct ::archive* reader) : reader_(reader) {}

  std::unique_ptr<struct ::archive, Free> reader_;
};

}  // namespace overpass::archive

#endif  // OVERPASS_ARCHIVE_TAR_READER_H_
