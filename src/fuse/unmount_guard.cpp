// SPDX-License-Identifier: MIT
//
// The daemon's good end sends a byte; its death closes the socket without one.

#include "fuse/unmount_guard.h"

#include <unistd.h>

#include <array>
#include <cstddef>

#include "fuse/detach.h"
#include "sys/children.h"
#include "sys/unix_socket.h"

namespace overpass::fuse {

namespace {

/// In the guarding process.
[[noreturn]] void guard(BorrowedFd link, const char* mountpoint, const sys::MountedAt& mount) {
  // Neither a terminal's signals nor those for the daemon's group are meant for it.
  (void)::setsid();
  // Above all the connection, which must end with the daemon.
  sys::close_others({link});
  // The reader of the mount command's output must not wait for the guard's end as well.
  sys::leave_standard_streams(sys::open_null());
  if (::chdir("/") != 0) sys::end_process(1);
  std::array<std::byte, 1> word;
  const auto packet = sys::receive_packet(link, word, sys::Wait::Yes);
  if (!packet || packet->size != 0) sys::end_process(0);
  // By now something else may be mounted there, by a process that found the mount dead earlier.
  sys::end_process(detach(mountpoint, mount) ? 0 : 1);
}

}  // namespace

UnmountGuard::~UnmountGuard() {
  constexpr std::array kGoodEnd = {std::byte{1}};
  // A guard that is gone has nothing to be told.
  if (link_) (void)sys::send_packet(link_, kGoodEnd, {}, sys::Wait::No);
}

Result<UnmountGuard> UnmountGuard::start(const std::string& mountpoint,
                                         const sys::MountedAt& mount) {
  auto [own, other] = TRY(sys::connected_pair());
  if (TRY(sys::fork_process()) == 0) guard(other, mountpoint.c_str(), mount);
  UnmountGuard result;
  result.link_ = std::move(own);
  return result;
}

}  // namespace overpass::fuse
