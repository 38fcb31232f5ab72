// SPDX-License-Identifier: MIT
//
// Writes stamps of lower files that the upper begins to stand for (layer/base_stamp.h), for unions
// whose changes may be carried back.

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
  void keep_in(UniqueFd file) { file_ = std::move(file); }

  bool is_kept() const { return static_cast<bool>(file_); }

  /// `path` of the lowest lower, with or without a leading slash, is as `stat` says. Not synced. A
  /// stamp that cannot be written is missing: what is compared with it later counts as changed.
  void note(std::string_view path, const sys::Stat& stat) const;

 private:
  UniqueFd file_;
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_BASE_LOG_H_
