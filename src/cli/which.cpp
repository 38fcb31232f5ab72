// SPDX-License-Identifier: MIT
//
// `overpass which`: the layers that give a name of the union.

#include <cstring>

#include "base/nearest.h"
#include "changes/layers.h"
#include "changes/view.h"
#include "cli/commands.h"
#include "cli/looked_at.h"

namespace overpass::cli {

namespace {

using command_line::Value;

constexpr command_line::Flag kWhichFlags[] = {command_line::kHelpFlag};
constexpr command_line::FlagGroup kGroups[] = {{"Layers", kLookingFlags}, {"Options", kWhichFlags}};

constexpr command_line::Example kExamples[] = {
    {"overpass which merged/etc/fstab", "The layer's file that this name of a mount shows."},
    {"overpass which -o lowerdir=/a:/b,upperdir=/u etc", "The directories that are merged in etc."},
};

std::string role_of(const layer::LayerStack& stack, layer::LayerIndex layer) {
  if (layer == layer::kUpper) return "upper";
  return layer < stack.lowers_end() ? "lower" : "data";
}

void print(Context& context, const layer::LayerStack& stack, const changes::Place& place,
           const char* remark = "") {
  std::string path = stack.layers[place.layer].path;
  if (!place.path.empty()) path += (path.ends_with('/') ? "" : "/") + place.path;
  context.out << role_of(stack, place.layer) << " " << shown_path(path) << remark << "\n";
}

int show(Context& context, const layer::LayerStack& stack, const std::string& path) {
  changes::View view(stack, layer::kUpper);
  const auto found =
      path.empty() ? Result<changes::Found>(changes::Found{view.roots(), {}, {}}) : view.find(path);
  if (!found) {
    (void)fail_with(context, {shown_path(path) + ": " + std::strerror(to_int(found.error())),
                              "look as the user who mounts"});
    return kDiffImpossible;
  }
  if (found->is_nothing()) {
    (void)fail_with(context, {"the union shows no " + in_quotes(path), ""});
    return kDiffChanges;
  }
  for (const changes::Place& place : found->directories) print(context, stack, place);
  if (!found->file) return kDiffDone;
  print(context, stack, *found->file);
  const bool is_elsewhere = found->data && (found->data->layer != found->file->layer ||
                                            found->data->path != found->file->path);
  if (is_elsewhere) print(context, stack, *found->data, " (content)");
  return kDiffDone;
}

}  // namespace

constexpr command_line::Command kWhichCommand = {
    .name = "which",
    .synopsis =
        "overpass which PATH\n"
        "overpass which [OPTIONS] MOUNTPOINT|NAME PATH...\n"
        "overpass which -o OPTS PATH...",
    .summary = "show which layer gives a file of a union",
    .description =
        "A line for each: the layer's role, and the path of the file in it. A merged "
        "directory has\na line for each layer, topmost first.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = Value::Mounted,
    .help_call = "overpass help which",
};

int run_which(Context& context, const ParsedArguments& parsed) {
  auto looked = find_looked_at(context, parsed, {.upper = false, .work = false});
  if (!looked) {
    (void)fail_with(context, looked.error().problem);
    return looked.error().is_usage ? kDiffUsage : kDiffImpossible;
  }
  const auto stack = changes::open_layers(looked->layers);
  if (!stack) {
    (void)fail_with(context, stack.error());
    return kDiffImpossible;
  }
  if (looked->paths.empty()) looked->paths.emplace_back();
  int worst = kDiffDone;
  for (const std::string& path : looked->paths)
    worst = std::max(worst, show(context, *stack, path));
  return worst;
}

}  // namespace overpass::cli
