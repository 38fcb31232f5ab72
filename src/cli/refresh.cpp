// SPDX-License-Identifier: MIT
//
// `overpass refresh`: has the daemons of a union or of a running sandbox forget what they keep of
// lowers, and the kernel with them.

#include <fcntl.h>

#include <cstring>

#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/mounted.h"
#include "cli/named_mount.h"
#include "fuse/control.h"
#include "fuse/refresh.h"
#include "sandbox/keeper.h"
#include "sandbox/store.h"
#include "sys/children.h"
#include "sys/open.h"

namespace overpass::cli {

namespace {

constexpr char kRefresh[] = "refresh";

constexpr command_line::Flag kFlags[] = {command_line::kHelpFlag};
constexpr command_line::FlagGroup kGroups[] = {{"Options", kFlags}};

constexpr command_line::Example kExamples[] = {
    {"overpass refresh merged", "Shows what has changed in the lowers of ./merged."},
    {"overpass refresh try1", "The same, in the running sandbox try1."},
};

std::unexpected<Problem> cannot(const std::string& target, Errno error) {
  const bool is_forbidden = error == Errno{EPERM} || error == Errno{EACCES};
  const bool is_unknown = error == Errno{EOPNOTSUPP};
  return problem(in_quotes(target) + " cannot be refreshed: " + std::strerror(to_int(error)),
                 is_forbidden ? "run it as the user who mounted it, or as root"
                 : is_unknown ? "its daemon is of another version; mount it anew"
                              : "'overpass status' shows whether its daemon lives");
}

Expected<void> refresh_sandbox(const sandbox::Sandbox& sandbox) {
  const auto done = sandbox::control_unions(sandbox, kRefresh, "");
  if (done) {
    sys::pause_for(fuse::kFollowedMs);
    return {};
  }
  if (done.failed_with(ENOENT) || done.failed_with(ECONNREFUSED)) {
    return problem("the sandbox " + in_quotes(sandbox.name()) + " does not run",
                   "the next run shows the outside as it is then; nothing has to be refreshed");
  }
  return cannot(sandbox.name(), done.error());
}

Expected<void> refresh_mount(const Context& context, const std::string& target) {
  const auto mountpoint = find_mount(context, target);
  if (!mountpoint) return std::unexpected(mountpoint.error());
  const auto root = sys::open_path(mountpoint->c_str(), O_PATH | O_DIRECTORY);
  const auto done =
      root ? fuse::send_control(*root, kRefresh, "") : Result<void>(fail(root.error()));
  return done ? Expected<void>() : cannot(*mountpoint, done.error());
}

Expected<void> refresh(const Context& context, const std::string& target) {
  const auto sandbox = find_named_sandbox(context, target);
  return sandbox ? refresh_sandbox(*sandbox) : refresh_mount(context, target);
}

}  // namespace

constexpr command_line::Command kRefreshCommand = {
    .name = "refresh",
    .synopsis = "overpass refresh MOUNTPOINT|NAME...",
    .summary = "show at once what has changed in lowers",
    .description =
        "Forgets all that is kept of the lowers of a mounted union, or of all unions of a\n"
        "running sandbox. Open files go on showing what they showed.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = command_line::Value::Mounted,
    .help_call = "overpass help refresh",
};

int run_refresh(Context& context, const ParsedArguments& parsed) {
  if (parsed.operands.empty()) {
    return fail_with(
        context, {"refresh needs a mountpoint or a NAME", "overpass refresh MOUNTPOINT"}, kUsage);
  }
  int code = kSuccess;
  for (const std::string& target : parsed.operands) {
    const auto refreshed = refresh(context, target);
    if (!refreshed) code = fail_with(context, refreshed.error());
  }
  return code;
}

}  // namespace overpass::cli
