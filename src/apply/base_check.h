// SPDX-License-Identifier: MIT
//
// Whether the directory still is what the changes were made over, and may be changed.

#ifndef OVERPASS_APPLY_BASE_CHECK_H_
#define OVERPASS_APPLY_BASE_CHECK_H_

#include <map>
#include <string>
#include <vector>

#include "apply/plan.h"
#include "apply/target.h"
#include "layer/base_stamp.h"

namespace overpass::apply {

/// Why something is not to be carried out.
struct Conflict {
  std::string path;  ///< In the target.
  std::string reason;
};

using Stamps = std::map<std::string, layer::BaseStamp>;

struct CheckOptions {
  /// Nothing is compared with stamps; only what cannot be done at all is a conflict.
  bool is_forced = false;
  /// Not the ctime either, which other names change that were made since.
  bool ignores_ctime = false;
  /// Nothing is going to be changed there, so that no permissions are needed.
  bool is_read_only = false;
};

/// Compares what each step replaces, moves or deletes with its stamp, and fills in `replaced`.
/// Nothing is written. What is there now without a stamp was made by somebody else, or its stamp
/// was lost in a crash.
std::vector<Conflict> check_base(const Target& target, Plan& plan, const Stamps& stamps,
                                 const CheckOptions& options);

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_BASE_CHECK_H_
