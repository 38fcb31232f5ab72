// SPDX-License-Identifier: MIT

#include "layer/base_stamp.h"

#include <sys/stat.h>

#include <charconv>
#include <cinttypes>
#include <cstdio>

namespace overpass::layer {

namespace {

/// Reads numbers from the front of a record. Once one is missing, everything is.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  template <class Number>
  Number number(char end, int base = 10) {
    Number value = 0;
    const auto [stop, error] =
        std::from_chars(rest_.data(), rest_.data() + rest_.size(), value, base);
    const auto length = static_cast<size_t>(stop - rest_.data());
    if (error != std::errc() || length == rest_.size() || rest_[length] != end) {
      is_whole_ = false;
      return 0;
    }
    rest_.remove_prefix(length + 1);
    return value;
  }

  bool is_whole() const { return is_whole_; }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  bool is_whole_ = true;
};

/// The path, and all below it.
void forget(std::map<std::string, BaseStamp>& stamps, const std::string& path) {
  stamps.erase(path);
  const auto first = stamps.lower_bound(path + '/');
  stamps.erase(first, stamps.lower_bound(path + static_cast<char>('/' + 1)));
}

}  // namespace

BaseStamp stamp_of(const sys::Stat& stat) {
  return {.ino = stat.stx_ino,
          .size = stat.stx_size,
          .mtime_seconds = stat.stx_mtime.tv_sec,
          .ctime_seconds = stat.stx_ctime.tv_sec,
          .mtime_nanoseconds = stat.stx_mtime.tv_nsec,
          .ctime_nanoseconds = stat.stx_ctime.tv_nsec,
          .mode = stat.stx_mode};
}

bool is_same(const BaseStamp& before, const BaseStamp& now) {
  if (S_ISDIR(before.mode)) return before.ino == now.ino && before.mode == now.mode;
  return before == now;
}

bool is_same_but_ctime(BaseStamp before, const BaseStamp& now) {
  before.ctime_seconds = now.ctime_seconds;
  before.ctime_nanoseconds = now.ctime_nanoseconds;
  return is_same(before, now);
}

std::string encode_stamp(const BaseStamp& stamp, std::string_view path) {
  char numbers[160];
  const int length = std::snprintf(
      numbers, sizeof numbers,
      "%" PRIu64 " %" PRIu64 " %" PRId64 ".%" PRIu32 " %" PRId64 ".%" PRIu32 " %" PRIo32 " ",
      stamp.ino, stamp.size, stamp.mtime_seconds, stamp.mtime_nanoseconds, stamp.ctime_seconds,
      stamp.ctime_nanoseconds, stamp.mode);
  std::string record(numbers, static_cast<size_t>(length));
  record += path;
  record += '\0';
  return record;
}

std::map<std::string, BaseStamp> decode_stamps(std::string_view text) {
  std::map<std::string, BaseStamp> stamps;
  while (true) {
    const size_t end = text.find('\0');
    if (end == std::string_view::npos) return stamps;
    Reader reader(text.substr(0, end));
    text.remove_prefix(end + 1);
    BaseStamp stamp;
    stamp.ino = reader.number<uint64_t>(' ');
    stamp.size = reader.number<uint64_t>(' ');
    stamp.mtime_seconds = reader.number<int64_t>('.');
    stamp.mtime_nanoseconds = reader.number<uint32_t>(' ');
    stamp.ctime_seconds = reader.number<int64_t>('.');
    stamp.ctime_nanoseconds = reader.number<uint32_t>(' ');
    stamp.mode = reader.number<uint32_t>(' ', 8);
    if (!reader.is_whole()) continue;
    std::string path(reader.rest());
    if (stamp.ino == 0 && stamp.mode == 0) {
      forget(stamps, path);
    } else {
      stamps.insert_or_assign(std::move(path), stamp);
    }
  }
}

}  // namespace overpass::layer
