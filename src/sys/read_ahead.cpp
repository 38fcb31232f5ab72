// SPDX-License-Identifier: MIT

#include "sys/read_ahead.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <string>

#include "sys/file_io.h"
#include "sys/open.h"

namespace overpass::sys {

Result<UniqueFd> open_read_aheads() {
  return open_path("/sys/devices/virtual/bdi", O_PATH | O_DIRECTORY);
}

Result<void> set_read_ahead(BorrowedFd read_aheads, dev_t device, unsigned kib) {
  const std::string path =
      std::to_string(major(device)) + ":" + std::to_string(minor(device)) + "/read_ahead_kb";
  const UniqueFd file = TRY(open_beneath(read_aheads, path.c_str(), O_WRONLY));
  return write_message(file, std::to_string(kib));
}

}  // namespace overpass::sys
