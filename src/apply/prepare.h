// SPDX-License-Identifier: MIT
//
// Makes all that a plan needs, so that only names and attributes are left to change: new files
// beside their places, and the layer that keeps what was there.

#ifndef OVERPASS_APPLY_PREPARE_H_
#define OVERPASS_APPLY_PREPARE_H_

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "apply/kept_layer.h"
#include "apply/plan.h"
#include "apply/target.h"
#include "base/problem.h"
#include "changes/view.h"
#include "layer/base_stamp.h"

namespace overpass::apply {

/// What becomes of a regular file of which a part is taken, or that is merged with what the target
/// has.
struct EditedFile {
  std::string content;
  bool has_new_attributes = true;  ///< Owner, mode and attributes; otherwise those that it had.
  /// The target's file that `content` was made from; nothing if it was made from another's.
  std::optional<layer::BaseStamp> origin = {};
  /// It has all that the sandbox changed, which therefore drops its own.
  bool is_merged = false;
  bool is_there = false;  ///< The target has just that, so nothing is done to it.
};

/// By path in the union: modified files with one name.
using EditedFiles = std::map<std::string, EditedFile>;

struct Preparation {
  changes::View& before;  ///< The target, as it is.
  changes::View& after;   ///< What it is to become.
  KeptLayer& kept;
  const changes::List& all;  ///< All that differs, also what is not wanted.
  layer::LayerIndex changing_layers = 1;
  /// The upper of `after`, to be written to, if it is used up: its files may become those of the
  /// target. Otherwise nothing.
  BorrowedFd used_up{-1};
  const EditedFiles& edited;  ///< What is taken in part only, or merged.
  bool gives_owner = true;
  /// Called before each file: how many of how many changes are done. ECANCELED ends it.
  std::function<Result<void>(size_t done, size_t all)> progress = [](size_t, size_t) {
    return Result<void>();
  };
};

/// Fills in what the steps prepare. A Problem leaves temporary names behind (remove_temporaries()).
Expected<void> prepare(const Target& target, Plan& plan, const Preparation& preparation);

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_PREPARE_H_
