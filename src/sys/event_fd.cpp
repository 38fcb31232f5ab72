// SPDX-License-Identifier: MIT
//
// eventfd and the write that raises it.

#include "sys/event_fd.h"

#include <sys/eventfd.h>

#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "sys/errno_result.h"

namespace overpass::sys {

Result<UniqueFd> make_event_fd() { return UniqueFd(TRY(checked(::eventfd(0, EFD_CLOEXEC)))); }

void raise_event(BorrowedFd event) {
  const uint64_t one = 1;
  ssize_t written;
  do {
    written = ::write(raw(event), &one, sizeof one);
  } while (written < 0 && errno == EINTR);
}

void lower_event(BorrowedFd event) {
  uint64_t count = 0;
  ssize_t got;
  do {
    got = ::read(raw(event), &count, sizeof count);
  } while (got < 0 && errno == EINTR);
}

}  // namespace overpass::sys
