// SPDX-License-Identifier: MIT

#include "overlay/state/base_log.h"

#include <cstring>

#include "base/log.h"
#include "layer/base_stamp.h"
#include "layer/kept_base.h"
#include "sys/file_io.h"

namespace overpass::overlay {

void BaseLog::note(std::string_view path, const sys::Stat& stat) const {
  if (path.starts_with('/')) path.remove_prefix(1);
  const std::string record = layer::encode_stamp(layer::stamp_of(stat), path);
  const auto written = sys::write_message(file_, record);
  if (written) return;
  log::warn("the state of a file before its change cannot be kept: %s",
            std::strerror(to_int(written.error())));
}

Result<void> BaseLog::keep(const sys::Stat& stat, BorrowedFd file) const {
  return layer::keep_base(bases_, layer::stamp_of(stat), file);
}

}  // namespace overpass::overlay
