// SPDX-License-Identifier: MIT
//
// One datagram; the library of systemd would bring more than that.

#include "sys/supervisor.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/unique_fd.h"
#include "sys/errno_result.h"

namespace overpass::sys {

Result<void> tell_supervisor(const char* message) {
  const char* value = std::getenv("NOTIFY_SOCKET");
  if (value == nullptr) return {};
  const std::string_view name = value;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (name.size() < 2 || (name[0] != '/' && name[0] != '@')) return fail(EINVAL);
  if (name.size() >= sizeof address.sun_path) return fail(EINVAL);
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';
  // An abstract name has no end but the address's length.
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  const UniqueFd socket(TRY(checked(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0))));
  return checked_void(::sendto(raw(socket), message, std::strlen(message),
                               MSG_NOSIGNAL | MSG_DONTWAIT,
                               reinterpret_cast<const sockaddr*>(&address), length));
}

}  // namespace overpass::sys
