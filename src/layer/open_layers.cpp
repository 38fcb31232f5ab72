// SPDX-License-Identifier: MIT
//
// The order is: open everything by the user's paths, compare, protect the lowers by clones, take
// the upper, prepare the workdir. The workdir is the first thing that is written to.

#include "layer/open_layers.h"

#include <optional>

#include "layer/layer_stack.h"
#include "layer/named_directory.h"
#include "layer/open_upper.h"
#include "layer/prepare_format.h"
#include "layer/take_lower.h"
#include "sys/stat.h"

namespace overpass::layer {

namespace {

/// Lower and data-only directories, in the order of LayerStack::layers.
Expected<std::vector<NamedDirectory>> open_lowers(const LayerPaths& paths) {
  std::vector<NamedDirectory> lowers;
  const Unreadable unreadable = unreadable_lowers();
  auto open_all = [&](const char* option, const std::vector<std::string>& named) -> Expected<void> {
    for (const std::string& path : named) {
      auto directory = open_named(option, path, unreadable);
      if (!directory) return std::unexpected(directory.error());
      lowers.push_back(std::move(*directory));
    }
    return {};
  };
  if (auto ok = open_all("lowerdir", paths.lower); !ok) return std::unexpected(ok.error());
  if (auto ok = open_all("datadir", paths.data_only); !ok) return std::unexpected(ok.error());
  return lowers;
}

/// Lowers are used by their paths where they cannot be cloned; the union will cover the mountpoint
/// there. What is beneath it is kept open for the union to show.
void hide_mountpoint(const std::string& mountpoint, LayerIndex layer, const NamedDirectory& lower,
                     LayerStack& stack) {
  if (stack.layers[layer].write_protected) return;
  auto directory = open_named("mountpoint", mountpoint);
  if (!directory || !hide(stack.hidden, layer, stack.layers[layer].root, lower, *directory)) return;
  stack.hidden.back().beneath = std::move(directory->fd);
}

/// Hides parts of the lowers: upper, workdir and the mountpoint.
void hide_own_directories(const LayerPaths& paths, const NamedDirectory& upper,
                          const std::vector<NamedDirectory>& lowers, LayerStack& stack) {
  std::optional<NamedDirectory> work;
  if (paths.work) {
    // Its problems are reported when it is prepared.
    if (auto opened = open_named("workdir", *paths.work)) work = std::move(*opened);
  }
  for (size_t i = 0; i < paths.lower.size(); ++i) {
    const auto layer = static_cast<LayerIndex>(1 + i);
    const BorrowedFd root = stack.layers[layer].root;
    if (paths.upper) (void)hide(stack.hidden, layer, root, lowers[i], upper);
    if (work) (void)hide(stack.hidden, layer, root, lowers[i], *work);
  }
  // Those that give data only are walked as well.
  for (size_t i = 0; i < lowers.size(); ++i) {
    hide_mountpoint(paths.mountpoint, static_cast<LayerIndex>(1 + i), lowers[i], stack);
  }
}

}  // namespace

Expected<LayerStack> open_layers(const LayerPaths& paths) {
  if (auto ok = check_choice(paths.format, paths.upper.has_value()); !ok) {
    return std::unexpected(ok.error());
  }
  LayerStack stack;
  stack.layers.resize(1);
  auto lowers = open_lowers(paths);
  if (!lowers) return std::unexpected(lowers.error());
  NamedDirectory upper;
  if (paths.upper) {
    auto opened = open_named("upperdir", *paths.upper);
    if (!opened) return std::unexpected(opened.error());
    upper = std::move(*opened);
    for (const NamedDirectory& lower : *lowers) {
      if (are_same(upper, lower)) {
        return problem("upperdir " + quoted(*paths.upper) + " is also a " + lower.option,
                       "the upper must be a directory of its own");
      }
      warn_of_overlap(upper, lower);
    }
    const uint64_t magic = sys::file_system_magic(upper.fd).value_or(0);
    stack.has_stacked_layer = is_stacked(magic);
    describe(stack.layers[kUpper], magic);
  }
  FileSystem on;
  for (const NamedDirectory& lower : *lowers) {
    on = file_system_of(lower, on);
    stack.has_stacked_layer = stack.has_stacked_layer || is_stacked(on.magic);
    auto layer = take_lower(lower, on);
    if (!layer) return std::unexpected(layer.error());
    stack.layers.push_back(std::move(*layer));
  }
  stack.first_data_only = static_cast<LayerIndex>(1 + paths.lower.size());
  hide_own_directories(paths, upper, *lowers, stack);
  // Beyond this point every layer can be read; from here on the workdir is written to.
  if (paths.upper) {
    if (auto ok = open_upper(upper, paths, stack); !ok) return std::unexpected(ok.error());
  } else {
    stack.prefix = prefix_of_user(paths);
  }
  auto prepared = prepare_format(stack, paths);
  if (prepared) prepared = prepare_override(stack, paths.stat_override);
  if (!prepared) {
    if (stack.has_upper()) stack.workdir.undo(stack.work_lock);
    return std::unexpected(prepared.error());
  }
  return stack;
}

}  // namespace overpass::layer
