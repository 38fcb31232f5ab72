// SPDX-License-Identifier: MIT
//
// What a lower file was when an upper began to stand for it: when it was copied up, or hidden. Who
// carries changes back compares it with what is there then. Stamps are kept in a file of their own
// beside the upper, which overlayfs knows nothing of: records one after the other, each
//
//   INO SIZE MTIME CTIME MODE PATH NUL
//
// with times as SECONDS.NANOSECONDS, the mode octal, and the path from the lower's root without
// leading slash. Of several records of a path the last one counts. One of number 0 and mode 0 says
// that the path has gone, with all below it: what was known of them does not count any more. A
// record that a crash cut short is passed over, together with the one that was written behind it.

#ifndef OVERPASS_LAYER_BASE_STAMP_H_
#define OVERPASS_LAYER_BASE_STAMP_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "sys/stat.h"

namespace overpass::layer {

struct BaseStamp {
  uint64_t ino = 0;
  uint64_t size = 0;
  int64_t mtime_seconds = 0, ctime_seconds = 0;
  uint32_t mtime_nanoseconds = 0, ctime_nanoseconds = 0;
  uint32_t mode = 0;  ///< With the type.

  bool operator==(const BaseStamp&) const = default;
};

BaseStamp stamp_of(const sys::Stat& stat);

/// Whether the file is what it was. Of a directory only what is not changed by its entries counts:
/// number, type and mode.
bool is_same(const BaseStamp& before, const BaseStamp& now);

/// The same, whatever the ctime: other names that come and go change that.
bool is_same_but_ctime(BaseStamp before, const BaseStamp& now);

/// One record.
std::string encode_stamp(const BaseStamp& stamp, std::string_view path);

/// The last record of each path that has not gone.
std::map<std::string, BaseStamp> decode_stamps(std::string_view text);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_BASE_STAMP_H_
