// SPDX-License-Identifier: MIT
//
// Writes a tar archive (pax), of which the same files always make the same bytes. libarchive does
// it; nothing else includes its headers.

#ifndef OVERPASS_ARCHIVE_TAR_WRITER_H_
#define OVERPASS_ARCHIVE_TAR_WRITER_H_

#include <map>
#include <memory>
#include <string>

#include "base/problem.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/stat.h"

struct archive;

namespace overpass::archive {

enum class Compression { None, Gzip, Zstd };

/// One entry. Times of access and change, names of owners and inode numbers are left out.
struct TarEntry {
  std::string path;  ///< Without leading slash; a directory's without one at its end.
  sys::Stat stat = {};
  std::map<std::string, std::string> xattrs = {};  ///< With ACLs, as the kernel gives them.
  std::string link_target = {};                    ///< Of a symbolic link.
  std::string hard_link = {};  ///< The path of an earlier entry that is the same file.
};

/// Threads: one at a time.
class TarWriter {
 public:
  /// Writes to `output`, which outlives this.
  static Expected<TarWriter> open(BorrowedFd output, Compression compression);

  /// Adds an entry; `content`, open for reading, is that of a regular file with size, of which
  /// holes stay holes. EIO if the archive cannot be written; ESTALE if the file is shorter now.
  Result<void> add(const TarEntry& entry, BorrowedFd content = BorrowedFd{-1});

  /// To be called at the end; without it the archive is cut short.
  Result<void> finish();

 private:
  struct Free {
    void operator()(struct ::archive* writer) const;
  };
  explicit TarWriter(struct ::archive* writer) : writer_(writer) {}
  Result<void> write_content(BorrowedFd content, uint64_t size);

  std::unique_ptr<struct ::archive, Free> writer_;
};

}  // namespace overpass::archive

#endif  // OVERPASS_ARCHIVE_TAR_WRITER_H_
