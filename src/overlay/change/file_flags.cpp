// SPDX-License-Identifier: MIT
//
// The file is opened for the one call: these requests are rare, and O_PATH descriptors refuse them.

#include "overlay/change/file_flags.h"

#include <fcntl.h>
#include <linux/fs.h>

#include <algorithm>
#include <cstring>

#include "base/scope_exit.h"
#include "overlay/copy_up/copy_up.h"
#include "overlay/find/content.h"
#include "overlay/find/locate.h"
#include "overlay/find/protection.h"
#include "overlay/state/opens.h"
#include "overlay/state/overlay.h"
#include "sys/file_io.h"
#include "sys/open.h"

namespace overpass::overlay {

namespace {

/// The flags of a request's argument, and which of them protect: chattr(1)'s, or those of xfs.
struct Flags {
  uint32_t value = 0;
  uint32_t append_only = 0;
  uint32_t immutable = 0;

  Flags(unsigned request, const std::vector<char>& argument) {
    const bool is_extended = request == FS_IOC_FSGETXATTR || request == FS_IOC_FSSETXATTR;
    append_only = is_extended ? FS_XFLAG_APPEND : FS_APPEND_FL;
    immutable = is_extended ? FS_XFLAG_IMMUTABLE : FS_IMMUTABLE_FL;
    std::memcpy(&value, argument.data(), sizeof value);  // fsx_xflags comes first.
  }
};

void store(uint32_t flags, std::vector<char>& argument) {
  std::memcpy(argument.data(), &flags, sizeof flags);
}

/// The protecting flags go into the mark, the rest to the file itself.
Result<void> change_flags(Overlay& overlay, Inode& inode, BorrowedFd file, unsigned request,
                          std::vector<char>& argument) {
  const Flags flags(request, argument);
  const layer::ProtectionMark mark = {.append_only = (flags.value & flags.append_only) != 0,
                                      .immutable = (flags.value & flags.immutable) != 0};
  const layer::ProtectionMark now = {.append_only = inode.is_append_only,
                                     .immutable = inode.is_immutable};
  store(flags.value & ~(flags.append_only | flags.immutable), argument);
  TRY(sys::control(file, request, argument.data()));
  if (mark != now) TRY(write_protection(overlay, sys::place_of(file), mark));
  inode.is_append_only = mark.append_only;
  inode.is_immutable = mark.immutable;
  overlay.table.record(inode);
  return {};
}

void show_protection(const Inode& inode, unsigned request, std::vector<char>& argument) {
  if (request == FS_IOC_GETVERSION) return;
  const Flags flags(request, argument);
  store(flags.value | (inode.is_append_only ? flags.append_only : 0) |
            (inode.is_immutable ? flags.immutable : 0),
        argument);
}

}  // namespace

bool is_flag_change(unsigned request) {
  return request == FS_IOC_SETFLAGS || request == FS_IOC_FSSETXATTR;
}

bool is_flag_request(unsigned request) {
  return is_flag_change(request) || request == FS_IOC_GETFLAGS || request == FS_IOC_FSGETXATTR ||
         request == FS_IOC_GETVERSION;
}

Result<std::vector<char>> flag_request(Overlay& overlay, const Caller& caller,
                                       const InodeRef& inode, unsigned request,
                                       std::span<const char> input, size_t output_size) {
  if (!is_flag_request(request)) return fail(ENOTTY);
  if (!inode->is_regular() && !inode->is_directory()) return fail(ENOTTY);
  if (is_flag_change(request)) {
    TRY(copy_up_metadata(overlay, caller, current(inode), /*despite_protection=*/true));
  }
  const InodeRef target = current(inode);
  UniqueFd fd;
  bool in_upper;
  {
    const Located located = TRY(held(overlay, *target));
    fd = TRY(open_regular(located.place(), O_RDONLY));
    in_upper = located.in_upper();
  }
  // Large enough for every request above, no matter what size the caller gives.
  std::vector<char> buffer(std::max({input.size(), output_size, sizeof(struct fsxattr)}));
  std::copy(input.begin(), input.end(), buffer.begin());
  if (is_flag_change(request)) {
    // The caller has no answer yet.
    const ScopeExit afterwards([&] {
      Lock lock(target->mutex);
      outdate_copy(*target);
    });
    TRY(change_flags(overlay, *target, fd, request, buffer));
  } else {
    TRY(sys::control(fd, request, buffer.data()));
    if (in_upper) show_protection(*target, request, buffer);
  }
  buffer.resize(output_size);
  return buffer;
}

}  // namespace overpass::overlay
