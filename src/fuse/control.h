// SPDX-License-Identifier: MIT
//
// Commands to a mounted union: extended attributes of the root that are not listed. They are
// messages between one program and itself, so another version may change them.
//
// A command is set as "overpass.control.NAME" with the value that it takes. Or it is read, as
// "overpass.control.NAME:VALUE": the kernel takes no lock of the root then, and lets a read-only
// mount have it too. The daemon does the same for both.

#ifndef OVERPASS_FUSE_CONTROL_H_
#define OVERPASS_FUSE_CONTROL_H_

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "overlay/state/caller.h"

namespace overpass::fuse {

struct Daemon;

/// Followed by the name of a command, and where it is read by ':' and the value.
inline constexpr std::string_view kControlXattr = "overpass.control.";

/// How a command comes. The kernel has the root locked until the answer to what is set.
enum class ControlWay { Set, Read };

/// What a command does in the daemon. It may answer overlay::kMustWait on a serving thread, and is
/// called again on a worker.
struct ControlCommand {
  std::string_view name;
  Result<void> (*run)(Daemon& daemon, const overlay::Caller& caller, std::string_view value);
  /// It tells the kernel of names in the root, and would wait for itself if it were set.
  bool needs_root_unlocked = false;
};

/// Whether `caller` may command this daemon: root, and the user that it runs as. In a sandbox, in
/// which both may be anybody, the daemon's parent process alone.
bool may_control(const Daemon& daemon, const overlay::Caller& caller);

/// Runs a command. EPERM for those who may not, EOPNOTSUPP for one that is unknown or cannot come
/// this way, else its own errors.
Result<void> control(Daemon& daemon, const overlay::Caller& caller, ControlWay way,
                     std::string_view name, std::string_view value);

/// The text behind kControlXattr of an attribute that is read.
struct ControlText {
  std::string_view name, value;
};
ControlText read_control_text(std::string_view text);

/// Sends a command to the union whose root is `root` (O_PATH will do) and waits for its outcome.
/// E2BIG if the value is longer than an attribute may be, EOPNOTSUPP from what is no union, or one
/// of another version.
Result<void> send_control(BorrowedFd root, std::string_view name, std::string_view value);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_CONTROL_H_
