// SPDX-License-Identifier: MIT

#include "sys/pidfd.h"

#include "sys/errno_result.h"

extern "C" {
#include <sys/pidfd.h>  // glibc 2.36 declares it for C only.
}

namespace overpass::sys {

Result<UniqueFd> open_process(pid_t pid) {
  const int fd = ::pidfd_open(pid, 0);
  if (fd < 0) return fail(errno);
  return UniqueFd(fd);
}

Result<void> send_signal(BorrowedFd process, int signal) {
  return checked_void(::pidfd_send_signal(raw(process), signal, nullptr, 0));
}

}  // namespace overpass::sys
