// SPDX-License-Identifier: MIT
//
// The table. A new command is a row here, and a function that takes what it needs of the daemon.

#include "fuse/control.h"

#include <linux/limits.h>
#include <unistd.h>

#include <algorithm>

#include "fuse/daemon.h"
#include "fuse/drop_layers.h"
#include "fuse/freeze.h"
#include "fuse/refresh.h"
#include "fuse/status.h"
#include "sys/xattr.h"

namespace overpass::fuse {

namespace {

constexpr char kSeparator = ':';

constexpr ControlCommand kCommands[] = {
    {"drop", drop_layers},
    {"freeze", freeze},
    {"hold", hold},
    {"layers", check_layers},
    {"refresh", refresh, /*needs_root_unlocked=*/true},
    {kSettleNames, settle_names, /*needs_root_unlocked=*/true},
};

/// Whether a value can stand in the name of an attribute.
bool fits_into_name(std::string_view name, std::string_view value) {
  return kControlXattr.size() + name.size() + 1 + value.size() <= XATTR_NAME_MAX &&
         value.find('\0') == std::string_view::npos;
}

}  // namespace

bool may_control(const Daemon& daemon, const overlay::Caller& caller) {
  if (!daemon.options.ends_with_starter) return may_see_all(caller.uid);
  // 0 is a process that cannot be seen from here, and a parent that cannot.
  return caller.thread != 0 && caller.thread == ::getppid();
}

Result<void> control(Daemon& daemon, const overlay::Caller& caller, ControlWay way,
                     std::string_view name, std::string_view value) {
  if (!may_control(daemon, caller)) return fail(EPERM);
  const auto* command = std::ranges::find(kCommands, name, &ControlCommand::name);
  if (command == std::end(kCommands)) return fail(EOPNOTSUPP);
  if (command->needs_root_unlocked && way == ControlWay::Set) return fail(EOPNOTSUPP);
  return command->run(daemon, caller, value);
}

ControlText read_control_text(std::string_view text) {
  const size_t end = std::min(text.find(kSeparator), text.size());
  return {text.substr(0, end), text.substr(std::min(end + 1, text.size()))};
}

Result<void> send_control(BorrowedFd root, std::string_view name, std::string_view value) {
  std::string attribute = std::string(kControlXattr) + std::string(name);
  const sys::Place place = sys::place_of(root);
  if (!fits_into_name(name, value)) return sys::set_xattr(place, attribute.c_str(), value);
  attribute += kSeparator;
  attribute += value;
  TRY(sys::get_xattr(place, attribute.c_str(), {}));
  return {};
}

}  // namespace overpass::fuse
