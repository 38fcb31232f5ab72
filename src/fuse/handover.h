// SPDX-License-Identifier: MIT
//
// What a program is given that is to serve a mount in place of the one that made it (survive=on,
// mount_keeper.h): the options, the layers as they are open, the connection, and what lies in the
// records that all daemons of the mount have in common. It goes through a file in memory; what is
// open is inherited under its number.

#ifndef OVERPASS_FUSE_HANDOVER_H_
#define OVERPASS_FUSE_HANDOVER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/problem.h"
#include "base/unique_fd.h"
#include "config/options.h"
#include "fuse/life.h"
#include "layer/layer_stack.h"
#include "sys/mount_users.h"

namespace overpass::fuse {

struct Handover {
  LifeNumber life;
  std::string changes;            ///< Of the options, as in -o; empty for none.
  std::string lower;              ///< A directory to add as a lower; empty for none.
  config::Options options;        ///< As the last replacement has left them.
  config::Options first_options;  ///< As the mount was made with them.
  layer::LayerStack stack;        ///< With the roots and the index.
  uint32_t generation = 0;        ///< Daemon::generation.
  uint64_t root_number = 0;  ///< st_ino of the root, which a lower that is added leaves as it is.
  std::optional<sys::MountedAt> mount;
  UniqueFd connection;             ///< /dev/fuse
  UniqueFd records;                ///< Survival::file()
  UniqueFd rule_log;               ///< May be empty.
  UniqueFd guard;                  ///< Session::guard_link(); may be empty.
  UniqueFd broker;                 ///< The connection to it; may be empty.
  bool may_register = false;       ///< Daemon::may_register.
  bool registers_itself = false;   ///< Daemon::registers_itself.
  std::string passthrough_reason;  ///< Negotiated::passthrough_reason before INIT.
};

/// A file with the handover, which is inherited by a program that is executed, as all descriptors
/// in it have to be. ENOSPC, EMFILE.
Result<UniqueFd> write_handover(const Handover& handover);

/// In the program. A problem unless all of it is understood: it may be of another version.
Expected<Handover> read_handover(BorrowedFd file);

/// A file with options, all of which are understood: what they were read from (files of rules) is
/// not read again.
Result<UniqueFd> write_options(const config::Options& options);
Expected<config::Options> read_options(BorrowedFd file);

/// The topmost lower, for a message: all but its root. Nothing if it is too long for one.
std::optional<std::string> describe_topmost_lower(const layer::LayerStack& stack);
/// Puts the lower that is described so on top of the stack. False if it is not understood.
bool put_described(layer::LayerStack& stack, std::string_view description, UniqueFd root);

/// A problem if the options differ in what has to stay as it is while the union is mounted.
Expected<void> check_change(const config::Options& before, const config::Options& after);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_HANDOVER_H_
