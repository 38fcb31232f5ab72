// SPDX-License-Identifier: MIT

#include "layer/kept_base.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <functional>

#include "base/hash.h"
#include "base/log.h"
#include "base/scope_exit.h"
#include "sys/directory_stream.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/random.h"
#include "sys/stat.h"

namespace overpass::layer {

namespace {

constexpr char kUnfinished[] = ".new-";
constexpr size_t kTrailer = 34;  ///< A newline before and behind 32 hexadecimal digits.

std::string name_of(const BaseStamp& stamp) {
  char text[160];
  (void)std::snprintf(text, sizeof text,
                      "%" PRIu64 "-%" PRIu64 "-%" PRId64 ".%" PRIu32 "-%" PRId64 ".%" PRIu32,
                      stamp.ino, stamp.size, stamp.mtime_seconds, stamp.mtime_nanoseconds,
                      stamp.ctime_seconds, stamp.ctime_nanoseconds);
  return text;
}

std::string trailer_of(std::string_view bytes) {
  StreamHash hash;
  hash.update(bytes);
  const Digest digest = hash.digest();
  char text[kTrailer + 1];
  (void)std::snprintf(text, sizeof text, "\n%016" PRIx64 "%016" PRIx64 "\n", digest.high,
                      digest.low);
  return text;
}

/// What is read may have a mode of its own (stat_override.h).
Result<void> check_is(BorrowedFd file, const BaseStamp& stamp) {
  BaseStamp now = stamp_of(TRY(sys::stat_anew(sys::place_of(file))));
  if (!S_ISREG(now.mode)) return fail(ESTALE);
  now.mode = stamp.mode;
  return now == stamp ? Result<void>() : fail(ESTALE);
}

/// `size` bytes from the beginning; ESTALE if there are fewer.
Result<std::string> read_bytes(BorrowedFd file, size_t size) {
  std::string bytes(size, '\0');
  const size_t count = TRY(sys::read_at(file, bytes, 0));
  return count == size ? Result<std::string>(std::move(bytes)) : fail(ESTALE);
}

/// Fills `to`, an empty file.
Result<void> write_base(BorrowedFd from, const std::string& bytes, BorrowedFd to) {
  const bool is_cloned = !bytes.empty() && sys::clone_file(from, to);
  const std::string trailer = trailer_of(bytes);
  if (!is_cloned) return sys::write_text(to, bytes + trailer);
  const size_t written = TRY(sys::write_at(to, trailer, static_cast<off_t>(bytes.size())));
  return written == trailer.size() ? Result<void>() : fail(ENOSPC);
}

/// Where a file cannot be without a name.
Result<void> make_under_another_name(BorrowedFd bases, const std::string& name,
                                     const std::function<Result<void>(BorrowedFd)>& write) {
  const std::string unfinished = kUnfinished + std::to_string(sys::random_number());
  const UniqueFd made =
      TRY(sys::open_at(bases, unfinished.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600));
  ScopeExit remove([&] { (void)sys::remove_file(bases, unfinished.c_str()); });
  TRY(write(made));
  TRY(sys::rename({bases, unfinished.c_str()}, {bases, name.c_str()}));
  remove.dismiss();
  return {};
}

}  // namespace

bool has_base(const BaseStamp& stamp) { return S_ISREG(stamp.mode) && stamp.size <= kLargestBase; }

Result<UniqueFd> open_bases(const std::string& home) {
  const UniqueFd directory = TRY(sys::open_path(home.c_str(), O_RDONLY | O_DIRECTORY));
  auto made = sys::make_directory(directory, kBases, 0700);
  if (!made && !made.failed_with(EEXIST)) return fail(made.error());
  return sys::open_at(directory, kBases, O_RDONLY | O_DIRECTORY);
}

UniqueFd open_bases_if_possible(const std::string& base_log) {
  auto bases = open_bases(base_log.substr(0, base_log.rfind('/')));
  if (bases) return std::move(*bases);
  log::warn("what is changed cannot be kept as it was beside %s: %s", base_log.c_str(),
            std::strerror(to_int(bases.error())));
  return UniqueFd();
}

Result<void> keep_base(BorrowedFd bases, const BaseStamp& stamp, BorrowedFd file) {
  if (!has_base(stamp)) return fail(EFBIG);
  TRY(check_is(file, stamp));
  const std::string bytes = TRY(read_bytes(file, stamp.size));
  const auto write = [&](BorrowedFd made) -> Result<void> {
    TRY(write_base(file, bytes, made));
    // Neither what was read nor what was shared is of a later state.
    return check_is(file, stamp);
  };
  const std::string name = name_of(stamp);
  const auto unnamed = sys::open_unnamed(bases, 0600);
  if (!unnamed) return make_under_another_name(bases, name, write);
  TRY(write(*unnamed));
  const auto named = sys::make_link(sys::place_of(*unnamed), bases, name.c_str());
  if (!named.failed_with(EEXIST)) return named;
  if (read_base(bases, stamp)) return {};
  // A crash has cut it short.
  remove_base(bases, stamp);
  return sys::make_link(sys::place_of(*unnamed), bases, name.c_str());
}

Result<std::string> read_base(BorrowedFd bases, const BaseStamp& stamp) {
  if (!has_base(stamp)) return fail(ENOENT);
  const UniqueFd file = TRY(sys::open_at(bases, name_of(stamp).c_str(), O_RDONLY));
  const sys::Stat stat = TRY(sys::stat(sys::place_of(file)));
  if (!S_ISREG(stat.stx_mode) || stat.stx_size != stamp.size + kTrailer) return fail(EBADMSG);
  std::string bytes = TRY(read_bytes(file, stat.stx_size));
  const std::string trailer = bytes.substr(stamp.size);
  bytes.resize(stamp.size);
  return trailer == trailer_of(bytes) ? Result<std::string>(std::move(bytes)) : fail(EBADMSG);
}

Result<void> link_base(BorrowedFd from, const BaseStamp& stamp, BorrowedFd to,
                       const BaseStamp& other) {
  auto linked = sys::make_link({from, name_of(stamp).c_str()}, to, name_of(other).c_str());
  return linked.failed_with(EEXIST) ? Result<void>() : linked;
}

Result<void> link_bases(BorrowedFd from, BorrowedFd to) {
  const UniqueFd listed = TRY(sys::open_for_listing(from));
  return sys::for_each_entry(listed, [&](const sys::DirectoryEntry& entry) -> Result<void> {
    const std::string name(entry.name);
    if (name.starts_with('.')) return {};
    auto linked = sys::make_link({from, name.c_str()}, to, name.c_str());
    const bool is_done = linked.failed_with(EEXIST) || linked.failed_with(ENOENT);
    return is_done ? Result<void>() : linked;
  });
}

void remove_base(BorrowedFd bases, const BaseStamp& stamp) {
  (void)sys::remove_file(bases, name_of(stamp).c_str());
}

}  // namespace overpass::layer
