// SPDX-License-Identifier: MIT
//
// The order: what needs the superuser (the socket, the change of user) first; then everything is
// given up but three capabilities; then the system calls; and only then is anybody let in.

#include "broker/start.h"

#include <fcntl.h>

#include <cstring>

#include "broker/server.h"
#include "sys/credentials.h"
#include "sys/names.h"
#include "sys/privileges.h"
#include "sys/unix_socket.h"

namespace overpass::broker {

namespace {

constexpr BorrowedFd kHere{AT_FDCWD};  // Paths of the command line are whole ones.

std::string reason(Errno error) { return std::strerror(to_int(error)); }

/// Listens at `path`, in place of a broker that has ended without removing it.
Expected<UniqueFd> listen(const std::string& path) {
  const std::string where = "cannot listen at '" + path + "': ";
  if (const size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0) {
    // It may be there.
    (void)sys::make_directory(kHere, path.substr(0, slash).c_str(), 0755);
  }
  auto listener = sys::listen_at(path.c_str());
  if (listener.failed_with(EADDRINUSE)) {
    if (sys::connect_to(path.c_str(), 1000).failed_with(ECONNREFUSED)) {
      (void)sys::remove_file(kHere, path.c_str());
      listener = sys::listen_at(path.c_str());
    } else {
      return problem(where + "another broker does", "stop it, or choose another --socket");
    }
  }
  if (!listener) return problem(where + reason(listener.error()), "choose another --socket");
  return std::move(*listener);
}

Expected<UniqueFd> find_listener(const Arguments& arguments) {
  auto passed = sys::passed_listener();
  if (passed) return std::move(*passed);
  if (passed.failed_with(ENOENT)) return listen(arguments.socket);
  return problem("the socket that was passed (LISTEN_FDS) is not one SOCK_SEQPACKET listener",
                 "ListenSequentialPacket= makes one");
}

/// Gives up all rights but two that are needed and one that saves time.
Expected<void> shed_privileges(const std::string& user) {
  const auto needed = {sys::Capability::SysAdmin, sys::Capability::SysChroot};
  const auto wanted = {sys::Capability::DacReadSearch};
  Result<void> shed;
  if (sys::is_superuser()) {
    const auto identity = sys::find_user(user.c_str());
    if (!identity) {
      return problem("there is no user '" + user + "' to become",
                     "make one (useradd --system " + user + "), or give --user NAME");
    }
    if (identity->uid == 0) {
      return problem("--user is the superuser", "the broker needs a user of its own");
    }
    shed = sys::become(*identity, needed, wanted);
  } else {
    shed = sys::keep_capabilities(needed, wanted);
  }
  if (shed) shed = sys::seal_process();
  if (shed) return {};
  return problem("the capabilities cannot be had: " + reason(shed.error()),
                 "the broker needs CAP_SYS_ADMIN and CAP_SYS_CHROOT");
}

}  // namespace

Expected<void> start(const Arguments& arguments) {
  if (!sys::is_privileged_in_initial_namespace()) {
    return problem("files can be registered with CAP_SYS_ADMIN in the initial user namespace only",
                   "start it as the superuser, outside of containers");
  }
  auto listener = find_listener(arguments);
  if (!listener) return std::unexpected(listener.error());
  if (auto shed = shed_privileges(arguments.user); !shed) return shed;
  // Beyond this point the process is an ordinary user with three capabilities.
  return serve(std::move(*listener), arguments.limits);
}

}  // namespace overpass::broker
