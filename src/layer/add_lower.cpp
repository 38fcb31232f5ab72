// SPDX-License-Identifier: MIT
//
// The union covers its mountpoint by now: a path may lead into it, and not to what was there when
// the other layers were opened.

#include "layer/add_lower.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "layer/named_directory.h"
#include "layer/prepare_format.h"
#include "layer/take_lower.h"
#include "sys/stat.h"

namespace overpass::layer {

namespace {

constexpr char kOption[] = "lowerdir";

bool is_at(BorrowedFd root, const NamedDirectory& directory) {
  const auto stat = sys::stat(sys::place_of(root));
  return stat && stat->stx_ino == directory.stat.stx_ino &&
         sys::device_of(*stat) == sys::device_of(directory.stat);
}

/// No layer may be the same directory.
Expected<void> check_is_new(const LayerStack& stack, const NamedDirectory& lower) {
  for (const Layer& layer : stack.layers) {
    if (!layer.is_present || !is_at(layer.root, lower)) continue;
    return problem(lower.text() + " is a layer of the union already", "name another directory");
  }
  return {};
}

/// Hides a directory of the union's own, whose path is the one of the mount.
Expected<void> hide_own(LayerStack& stack, const NamedDirectory& lower, const char* option,
                        const std::string& path, BorrowedFd root) {
  auto directory = open_named(option, path);
  if (!directory) return std::unexpected(directory.error());
  if (!is_at(root, *directory)) {
    return problem(std::string(option) + " " + quoted(path) +
                       " is another directory by now, so nobody can tell whether it lies in " +
                       lower.text(),
                   "unmount, and mount anew with the lower");
  }
  (void)hide(stack.hidden, kUpper + 1, stack.layers[kUpper + 1].root, lower, *directory);
  return {};
}

/// What of the lower is not shown; `stack` has it in its place.
Expected<void> hide_parts(LayerStack& stack, const LayerPaths& paths, const NamedDirectory& lower) {
  if (!stack.layers[kUpper + 1].write_protected && is_within(paths.mountpoint, lower.real_path)) {
    return problem("the mountpoint " + quoted(paths.mountpoint) + " lies in " + lower.text(),
                   "unmount, and mount anew with the lower");
  }
  if (!stack.has_upper()) return {};
  const BorrowedFd upper = stack.upper().root;
  if (auto ok = hide_own(stack, lower, "upperdir", *paths.upper, upper); !ok) return ok;
  // The workdir that is used is a directory in it; its lock is on itself.
  return hide_own(stack, lower, "workdir", *paths.work, stack.work_lock);
}

void take_out(LayerStack& stack, size_t hidden_before) {
  stack.layers.erase(stack.layers.begin() + kUpper + 1);
  if (stack.first_data_only != std::numeric_limits<LayerIndex>::max()) --stack.first_data_only;
  stack.hidden.erase(stack.hidden.begin() + static_cast<ptrdiff_t>(hidden_before),
                     stack.hidden.end());
  for (HiddenPath& hidden : stack.hidden) --hidden.layer;
  settle_numbers(stack);
}

}  // namespace

void put_on_top(LayerStack& stack, Layer lower, const std::vector<std::string>& hidden) {
  stack.layers.insert(stack.layers.begin() + kUpper + 1, std::move(lower));
  if (stack.first_data_only != std::numeric_limits<LayerIndex>::max()) ++stack.first_data_only;
  for (HiddenPath& former : stack.hidden) ++former.layer;
  for (const std::string& path : hidden) stack.hidden.push_back({kUpper + 1, path, UniqueFd()});
  settle_numbers(stack);
}

std::vector<std::string> hidden_in_topmost(const LayerStack& stack) {
  std::vector<std::string> paths;
  for (const HiddenPath& hidden : stack.hidden) {
    if (hidden.layer == kUpper + 1) paths.push_back(hidden.path);
  }
  return paths;
}

Expected<void> add_lower(LayerStack& stack, const LayerPaths& paths, const std::string& path,
                         dev_t mount) {
  if (stack.size() == std::numeric_limits<LayerIndex>::max()) {
    return problem("the union has as many layers as it can have");
  }
  auto lower = open_named(kOption, path, unreadable_lowers());
  if (!lower) return std::unexpected(lower.error());
  if (sys::device_of(lower->stat) == mount) {
    return problem(lower->text() + " lies in the union itself", "name another directory");
  }
  if (auto ok = check_is_new(stack, *lower); !ok) return ok;
  const FileSystem on = file_system_of(*lower, {});
  auto layer = take_lower(*lower, on);
  if (!layer) return std::unexpected(layer.error());
  if (auto ok = join_format(stack, *layer, paths.stat_override); !ok) return ok;
  const size_t hidden_before = stack.hidden.size();
  put_on_top(stack, std::move(*layer), {});
  if (auto ok = hide_parts(stack, paths, *lower); !ok) {
    take_out(stack, hidden_before);
    return ok;
  }
  stack.has_stacked_layer = stack.has_stacked_layer || is_stacked(on.magic);
  return {};
}

}  // namespace overpass::layer
