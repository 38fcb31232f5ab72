// SPDX-License-Identifier: MIT

#include "broker/text_lines.h"

#include <array>

#include "sys/file_io.h"

namespace overpass::broker {

namespace {

constexpr size_t kLongestLine = 16384;

}  // namespace

std::string read_text(BorrowedFd fd) {
  std::array<char, 4096> buffer;
  const auto size = sys::read_at(fd, buffer, 0);
  return size ? std::string(buffer.data(), *size) : std::string();
}

void for_each_line(BorrowedFd fd, const std::function<bool(std::string_view)>& take) {
  std::array<char, 8192> buffer;
  std::string line;
  bool is_too_long = false;
  off_t offset = 0;
  while (offset < static_cast<off_t>(kMostText)) {
    const auto size = sys::read_at(fd, buffer, offset);
    if (!size || *size == 0) return;
    offset += static_cast<off_t>(*size);
    std::string_view rest(buffer.data(), *size);
    while (!rest.empty()) {
      const size_t end = rest.find('\n');
      line += rest.substr(0, end);
      is_too_long = is_too_long || line.size() > kLongestLine;
      if (is_too_long) line.clear();
      if (end == std::string_view::npos) break;
      if (!is_too_long && !take(line)) return;
      line.clear();
      is_too_long = false;
      rest.remove_prefix(end + 1);
    }
  }
}

}  // namespace overpass::broker
