// SPDX-License-Identifier: MIT

#include "sys/random.h"

#include <sys/random.h>

#include "sys/errno_result.h"

namespace overpass::sys {

Result<FileSystemUuid> random_uuid() {
  FileSystemUuid uuid;
  // Up to 256 bytes come at once or not at all.
  if (::getrandom(uuid.data(), uuid.size(), 0) < 0) return fail(errno);
  uuid[6] = static_cast<uint8_t>((uuid[6] & 0x0f) | 0x40);  // Version.
  uuid[8] = static_cast<uint8_t>((uuid[8] & 0x3f) | 0x80);  // Variant.
  return uuid;
}

}  // namespace overpass::sys
