// SPDX-License-Identifier: MIT

#include "overlay/state/base_log.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "layer/base_stamp.h"

namespace overpass::overlay {

void BaseLog::note(std::string_view path, const sys::Stat& stat) const {
  if (path.starts_with('/')) path.remove_prefix(1);
  const std::string record = layer::encode_stamp(layer::stamp_of(stat), path);
  const ssize_t written = ::write(raw(file_), record.data(), record.size());
  if (written == static_cast<ssize_t>(record.size())) return;
  log::warn("the state of a file before its change cannot be kept: %s",
            written < 0 ? std::strerror(errno) : "no space left");
}

}  // namespace overpass::overlay
