// SPDX-License-Identifier: MIT
//
// Options that other programs' users write and overpass has no setting for: those of mount(8) and
// fstab, of libfuse, of kernel overlayfs and of fuse-overlayfs. Each is passed over when it changes
// nothing here, taken when it asks for what overpass does anyway, and refused with the reason when
// it asks for something that overpass would silently not do.

#ifndef OVERPASS_CONFIG_FOREIGN_OPTIONS_H_
#define OVERPASS_CONFIG_FOREIGN_OPTIONS_H_

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/problem.h"
#include "config/options.h"

namespace overpass::config {

/// An option of another union file system, or of libfuse, with a meaning of its own.
struct LimitedOption {
  std::string_view name;
  /// The values that ask for what overpass does anyway, separated by '|'. Switch words are written
  /// as "on" and "off"; an option without a value counts as "on".
  std::string_view accepted;
  /// Completes "option 'NAME=VALUE' is refused: ...".
  std::string_view reason;
};

std::span<const LimitedOption> limited_options();

/// Takes the option if it is a foreign one; false when its name is not known here either. What an
/// option implies (`user`: noexec, nosuid, nodev) is set in `options`.
Expected<bool> take_foreign_option(Options& options, std::string_view name,
                                   std::optional<std::string_view> value);

/// What the value of `fsync` is as a switch: kernel overlayfs has words of its own beside those of
/// fuse-overlayfs.
Expected<std::string_view> fsync_word(std::string_view value);

/// Every foreign name, for finding the nearest.
std::vector<std::string_view> foreign_names();

}  // namespace overpass::config

#endif  // OVERPASS_CONFIG_FOREIGN_OPTIONS_H_
