// SPDX-License-Identifier: MIT
//
// `overpass add-layer`: the union's daemon is replaced by one that has one more lower.

#include <fcntl.h>

#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/mounted.h"
#include "cli/replace.h"
#include "fuse/control.h"
#include "fuse/refresh.h"
#include "fuse/replacement.h"
#include "sys/open.h"

namespace overpass::cli {

namespace {

constexpr command_line::Flag kFlags[] = {command_line::kHelpFlag};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};

constexpr command_line::Example kExamples[] = {
    {"overpass add-layer merged /srv/update", "Names of /srv/update come to be seen in ./merged."},
};

/// Whether the daemon that was to say so has died, and the union has the directory as its topmost
/// lower nevertheless.
bool was_added(BorrowedFd root, const std::string& path, Errno error) {
  if (error != Errno{ECANCELED}) return false;
  const nlohmann::json status = status_of(root);
  const nlohmann::json survival = status.value("survives", nlohmann::json::object());
  if (!survival.value("not_replaced", "").empty()) return false;
  for (const nlohmann::json& layer : status.value("layers", nlohmann::json::array())) {
    if (layer.value("role", "") == "lower") return layer.value("path", "") == path;
  }
  return false;
}

Problem reason_of(const std::string& what, BorrowedFd root, Errno error) {
  switch (to_int(error)) {
    case EOPNOTSUPP:
      return {what + ": the union has no keeper",
              "mount with -o survive=on; this mount has to be unmounted"};
    case E2BIG:
      return {what + ": its path is too long", "use a shorter one"};
    default:
      return why_not_replaced(what, root, error);
  }
}

Expected<void> add_layer(const Context& context, const std::string& target,
                         const std::string& path) {
  const auto mountpoint = find_mount(context, target);
  if (!mountpoint) return std::unexpected(mountpoint.error());
  const auto root = sys::open_path(mountpoint->c_str(), O_PATH | O_DIRECTORY);
  if (!root) {
    return problem(in_quotes(*mountpoint) + ": " + std::strerror(to_int(root.error())));
  }
  std::error_code error;
  const std::string absolute = std::filesystem::absolute(path, error).string();
  const std::string what = in_quotes(path) + " is not added to " + in_quotes(*mountpoint);
  const auto done = fuse::send_control(*root, fuse::kAddLayer, absolute);
  if (!done && !was_added(*root, absolute, done.error())) {
    return std::unexpected(reason_of(what, *root, done.error()));
  }
  if (const auto shown = fuse::send_control(*root, fuse::kSettleNames, ""); !shown) {
    return problem(in_quotes(path) + " has been added, but is not seen everywhere yet: " +
                       std::strerror(to_int(shown.error())),
                   "overpass refresh " + *mountpoint);
  }
  return {};
}

}  // namespace

constexpr command_line::Command kAddLayerCommand = {
    .name = "add-layer",
    .synopsis = "overpass add-layer MOUNTPOINT|NAME DIR",
    .summary = "put one more lower directory on top of a union's lowers",
    .description =
        "The union stays mounted and in use; it must have been mounted with survive=on. The\n"
        "lower is there until the unmount.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Mounted,
    .help_call = "overpass help add-layer",
};

int run_add_layer(Context& context, const ParsedArguments& parsed) {
  if (parsed.operands.size() != 2) {
    return fail_with(context,
                     {"add-layer needs a mountpoint or a NAME, and one directory",
                      "overpass add-layer MOUNTPOINT DIR"},
                     kUsage);
  }
  const auto added = add_layer(context, parsed.operands[0], parsed.operands[1]);
  return added ? kSuccess : fail_with(context, added.error());
}

}  // namespace overpass::cli
