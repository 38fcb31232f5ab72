// SPDX-License-Identifier: MIT
//
// Turns the user's choice of the format into what the mount uses: refuses contradictions, and adds
// the defaults of the world that the mount lives in. Knows no file system; their limits show when
// the layers are opened.

#ifndef OVERPASS_LAYER_RESOLVE_FORMAT_H_
#define OVERPASS_LAYER_RESOLVE_FORMAT_H_

#include <string>

#include "base/problem.h"
#include "layer/format_settings.h"
#include "layer/markers.h"

namespace overpass::layer {

/// Why something is off or not as it was chosen, for `overpass status`; empty otherwise.
struct FormatReasons {
  std::string redirect_dir;
  std::string index;
  std::string metacopy;
  std::string xino;
  std::string uuid;
  std::string nfs_export;
};

struct ResolvedFormat {
  FormatSettings settings;
  FormatReasons reasons;
};

/// Refuses the combinations that overlayfs refuses (Linux 6.18).
Expected<void> check_choice(const FormatChoice& choice, bool has_upper);

/// `choice` has passed check_choice(). What has no effect is off, with the reason.
ResolvedFormat resolve_format(const FormatChoice& choice, Prefix prefix, bool has_upper);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_RESOLVE_FORMAT_H_
