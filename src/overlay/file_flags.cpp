// SPDX-License-Identifier: MIT
//
// The file is opened for the one call: these requests are rare, and O_PATH descriptors refuse them.

#include "overlay/file_flags.h"

#include <fcntl.h>
#include <linux/fs.h>

#include <algorithm>

#include "overlay/copy_up.h"
#include "overlay/locate.h"
#include "overlay/overlay.h"
#include "sys/file_io.h"
#include "sys/open.h"

namespace overpass::overlay {

bool is_flag_change(unsigned request) {
  return request == FS_IOC_SETFLAGS || request == FS_IOC_FSSETXATTR;
}

bool is_flag_request(unsigned request) {
  return is_flag_change(request) || request == FS_IOC_GETFLAGS || request == FS_IOC_FSGETXATTR ||
         request == FS_IOC_GETVERSION;
}

Result<std::vector<char>> flag_request(Overlay& overlay, const InodeRef& inode, unsigned request,
                                       std::span<const char> input, size_t output_size) {
  if (!is_flag_request(request)) return fail(ENOTTY);
  if (!inode->is_regular() && !inode->is_directory()) return fail(ENOTTY);
  if (is_flag_change(request)) TRY(copy_up_metadata(overlay, current(inode)));
  UniqueFd fd;
  {
    const InodeRef target = current(inode);
    const Located located = TRY(locate(overlay, *target));
    fd = TRY(sys::open_place(located.place(), O_RDONLY | O_NONBLOCK));
  }
  // Large enough for every request above, whatever the caller says of its size.
  std::vector<char> buffer(std::max({input.size(), output_size, sizeof(struct fsxattr)}));
  std::copy(input.begin(), input.end(), buffer.begin());
  TRY(sys::control(fd, request, buffer.data()));
  buffer.resize(output_size);
  return buffer;
}

}  // namespace overpass::overlay
