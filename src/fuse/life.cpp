// SPDX-License-Identifier: MIT

#include "fuse/life.h"

#include <unistd.h>

#include <array>
#include <cstring>
#include <span>

#include "sys/unix_socket.h"

namespace overpass::fuse {

namespace {

std::string_view bytes_of(const uint64_t& node) {
  return {reinterpret_cast<const char*>(&node), sizeof node};
}

}  // namespace

Life::Life(unsigned number, BorrowedFd link, KeptFiles& files)
    : number_(number), link_(link), files_(files), keeper_(::getppid()) {}

bool Life::is_kept() const { return ::getppid() == keeper_; }

void Life::tell(ToKeeper what, std::string_view content, BorrowedFd file) const {
  // Without memory of its own: an inode's end must need none.
  std::array<std::byte, kLongestToKeeper> buffer;
  content = content.substr(0, buffer.size() - 1);
  buffer[0] = static_cast<std::byte>(what);
  if (!content.empty()) std::memcpy(buffer.data() + 1, content.data(), content.size());
  const std::span<const std::byte> message(buffer.data(), content.size() + 1);
  if (raw(file) < 0) {
    (void)sys::send_packet(link_, message, {}, sys::Wait::Yes);
  } else {
    (void)sys::send_packet(link_, message, {file}, sys::Wait::Yes);
  }
}

void Life::keep(uint64_t node, BorrowedFd file) const {
  tell(ToKeeper::Keep, bytes_of(node), file);
}

void Life::drop(uint64_t node) const { tell(ToKeeper::Drop, bytes_of(node)); }

}  // namespace overpass::fuse
