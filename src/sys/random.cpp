// SPDX-License-Identifier: MIT

#include "sys/random.h"

#include <sys/random.h>

#include <ctime>

#include "sys/errno_result.h"

namespace overpass::sys {

uint32_t random_number() {
  uint32_t number = 0;
  if (::getrandom(&number, sizeof number, 0) == sizeof number) return number;
  timespec now = {};
  (void)::clock_gettime(CLOCK_REALTIME, &now);  // Cannot fail with a clock that is always there.
  return static_cast<uint32_t>(now.tv_nsec ^ now.tv_sec);
}

Result<FileSystemUuid> random_uuid() {
  FileSystemUuid uuid;
  // Up to 256 bytes come at once or not at all.
  if (::getrandom(uuid.data(), uuid.size(), 0) < 0) return fail(errno);
  uuid[6] = static_cast<uint8_t>((uuid[6] & 0x0f) | 0x40);  // Version.
  uuid[8] = static_cast<uint8_t>((uuid[8] & 0x3f) | 0x80);  // Variant.
  return uuid;
}

}  // namespace overpass::sys
