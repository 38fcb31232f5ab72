// SPDX-License-Identifier: MIT

#include "fuse/life.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "sys/unix_socket.h"

namespace overpass::fuse {

uint64_t number_in(std::string_view content) {
  uint64_t number = 0;
  if (content.size() >= sizeof number) std::memcpy(&number, content.data(), sizeof number);
  return number;
}

std::string_view bytes_of(const uint64_t& node) {
  return {reinterpret_cast<const char*>(&node), sizeof node};
}

Life::Life(LifeNumber number, BorrowedFd link, KeptFiles& files)
    : number_(number), link_(link), files_(files), keeper_(::getppid()) {}

bool Life::is_kept() const { return ::getppid() == keeper_; }

void send_message(BorrowedFd link, char what, std::string_view content, BorrowedFd file) {
  std::array<std::byte, kLongestToKeeper> buffer;
  content = content.substr(0, buffer.size() - 1);
  buffer[0] = std::byte(what);
  if (!content.empty()) std::memcpy(buffer.data() + 1, content.data(), content.size());
  const std::span<const std::byte> message(buffer.data(), content.size() + 1);
  if (raw(file) < 0) {
    (void)sys::send_packet(link, message, {}, sys::Wait::Yes);
  } else {
    (void)sys::send_packet(link, message, {file}, sys::Wait::Yes);
  }
}

void Life::tell(ToKeeper what, std::string_view content, BorrowedFd file) const {
  send_message(link_, static_cast<char>(what), content, file);
}

void Life::keep(uint64_t node, BorrowedFd file) const {
  tell(ToKeeper::Keep, bytes_of(node), file);
}

void Life::drop(uint64_t node) const { tell(ToKeeper::Drop, bytes_of(node)); }

void Life::tell_end(const Expected<void>& served) const {
  if (served) return tell(ToKeeper::End);
  tell(ToKeeper::Problem, text_of(served.error()));
}

std::string text_of(const Problem& problem) { return problem.cause + '\0' + problem.remedy; }

Problem problem_in(std::string_view text) {
  const size_t zero = std::min(text.find('\0'), text.size());
  return {std::string(text.substr(0, zero)),
          std::string(text.substr(std::min(zero + 1, text.size())))};
}

}  // namespace overpass::fuse
