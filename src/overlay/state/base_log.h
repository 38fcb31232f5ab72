// SPDX-License-Identifier: MIT
//
// Writes stamps of lower files that the upper begins to stand for (layer/base_stamp.h), for unions
// whose changes may be carried back; and keeps the bytes of these files if that is asked for
// (layer/kept_base.h).

#ifndef OVERPASS_OVERLAY_STATE_BASE_LOG_H_
#define OVERPASS_OVERLAY_STATE_BASE_LOG_H_

#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "sys/stat.h"

namespace overpass::overlay {

/// Threads: any; one record is one write(2) at the end of the file.
class BaseLog {
 public:
  /// From now on stamps are kept in `file`, open for appending. To be called before the mount.
  /// `bases`: the directory for the bytes; none are kept without it.
  void keep_in(UniqueFd file, UniqueFd bases) {
    file_ = std::move(file);
    bases_ = std::move(bases);
  }

  bool is_kept() const { return static_cast<bool>(file_); }
  bool keeps_bases() const { return static_cast<bool>(bases_); }

  /// `path` of the lowest lower, with or without a leading slash, is as `stat` says. Not synced. A
  /// stamp that cannot be written is missing: what is compared with it later counts as changed.
  void note(std::string_view path, const sys::Stat& stat) const;

  /// Keeps the bytes of `file`, open for reading, which is as `stat` says. Not synced. What cannot
  /// be kept is missing. May block. REQUIRES: keeps_bases().
  Result<void> keep(const sys::Stat& stat, BorrowedFd file) const;

 private:
  UniqueFd file_;
  UniqueFd bases_;
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_BASE_LOG_H_
