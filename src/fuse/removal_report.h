// SPDX-License-Identifier: MIT
//
// Which names have gone from a mounted union, and where its upper is: an extended attribute of the
// root that is not listed, read by `overpass fsmonitor`. It is a message between one program and
// itself, so another version may change it.

#ifndef OVERPASS_FUSE_REMOVAL_REPORT_H_
#define OVERPASS_FUSE_REMOVAL_REPORT_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "overlay/state/overlay.h"

namespace overpass::fuse {

/// Followed by the number to ask from, in decimal.
inline constexpr std::string_view kRemovalsXattr = "overpass.removals.";

struct RemovalReport {
  overlay::Removals::Since since;
  /// A file may change by another of its names, of which the upper has no trace (index=on).
  bool shares_files = false;
  std::string upper;  ///< The path that the mount was given; empty without an upper.
  dev_t device = 0;   ///< The upper's root, to know it by.
  uint64_t ino = 0;
};

/// What has gone since `number`; records what goes from now on.
/// Errors: those of statx(2) on the upper.
Result<RemovalReport> report_removals(overlay::Overlay& overlay, uint64_t number);

/// The value of the attribute.
std::string text_of(const RemovalReport& report);

/// Reads what text_of() wrote; nothing for any other text.
std::optional<RemovalReport> read_removal_report(std::string_view text);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_REMOVAL_REPORT_H_
