// SPDX-License-Identifier: MIT
//
// Words that each end with a NUL: numbers, then the path of the upper, then the paths that have
// gone.

#include "fuse/removal_report.h"

#include <array>

#include "base/number.h"
#include "sys/stat.h"

namespace overpass::fuse {

namespace {

/// The word in front of the next NUL, which is taken away with it; nothing without a NUL.
std::optional<std::string_view> take_word(std::string_view& rest) {
  const size_t length = rest.find('\0');
  if (length == std::string_view::npos) return std::nullopt;
  const std::string_view word = rest.substr(0, length);
  rest.remove_prefix(length + 1);
  return word;
}

}  // namespace

Result<RemovalReport> report_removals(overlay::Overlay& overlay, uint64_t number) {
  RemovalReport report;
  report.since = overlay.removals.since(number);
  report.shares_files = overlay.index != nullptr;
  if (!overlay.stack.has_upper()) return report;
  report.upper = overlay.stack.upper().path;
  const auto stat = TRY(sys::stat(sys::place_of(overlay.roots[layer::kUpper]->fd)));
  report.device = sys::device_of(stat);
  report.ino = stat.stx_ino;
  return report;
}

std::string text_of(const RemovalReport& report) {
  std::string text;
  for (const uint64_t number :
       {report.since.mount, report.since.next, uint64_t{report.since.is_whole},
        uint64_t{report.shares_files}, uint64_t{report.device}, report.ino}) {
    text += std::to_string(number) + '\0';
  }
  text += report.upper + '\0';
  for (const std::string& path : report.since.paths) text += path + '\0';
  return text;
}

std::optional<RemovalReport> read_removal_report(std::string_view text) {
  std::array<uint64_t, 6> numbers = {};
  for (uint64_t& number : numbers) {
    const auto read = number_of<uint64_t>(take_word(text).value_or(""));
    if (!read) return std::nullopt;
    number = *read;
  }
  const auto upper = take_word(text);
  if (!upper) return std::nullopt;
  RemovalReport report = {{numbers[0], numbers[1], numbers[2] != 0, {}},
                          numbers[3] != 0,
                          std::string(*upper),
                          static_cast<dev_t>(numbers[4]),
                          numbers[5]};
  while (!text.empty()) {
    const auto path = take_word(text);
    if (!path) return std::nullopt;
    report.since.paths.emplace_back(*path);
  }
  return report;
}

}  // namespace overpass::fuse
