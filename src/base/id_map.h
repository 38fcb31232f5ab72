// SPDX-License-Identifier: MIT
//
// Maps user or group ids on disk to ids of a mount: uidmapping= and gidmapping= of
// fuse-overlayfs(1), and the reader of their texts.

#ifndef OVERPASS_BASE_ID_MAP_H_
#define OVERPASS_BASE_ID_MAP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace overpass {

/// (uid_t)-1 and (gid_t)-1 belong to no user or group.
inline constexpr uint32_t kNoId = UINT32_MAX;

/// Constant after it was parsed; threads: any. A map without ranges leaves every id as it is.
class IdMap {
 public:
  /// Shown for an id outside of all ranges (user_namespaces(7), the default of
  /// /proc/sys/kernel/overflowuid).
  static constexpr uint32_t kOverflow = 65534;

  /// "DISK:SHOWN:COUNT", further ranges behind a colon; container engines begin with a colon, too.
  /// Nothing unless the text is made of such
  /// triples of decimal numbers, each range ends below kNoId, and no two meet on either side.
  static std::optional<IdMap> parse(std::string_view text);

  /// What parse() understands; empty for a map without ranges.
  std::string text() const;

  bool is_identity() const { return ranges_.empty(); }

  /// The id shown for a file that belongs to `disk`; kOverflow without a range for it.
  uint32_t shown(uint32_t disk) const;

  /// The id on disk of what the mount calls `shown`; nothing when it has none.
  std::optional<uint32_t> on_disk(uint32_t shown) const;

 private:
  struct Range {
    uint32_t disk;
    uint32_t shown;
    uint32_t count;  ///< At least 1.
  };

  std::vector<Range> ranges_;
};

}  // namespace overpass

#endif  // OVERPASS_BASE_ID_MAP_H_
