// SPDX-License-Identifier: MIT
//
// getxattrat(2) and its sisters are tried once; a kernel that does not know them is served through
// /proc from then on.

#include "sys/xattr.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>

#include "sys/errno_result.h"

namespace overpass::sys {

namespace {

// The same on every architecture; glibc 2.36 does not name them.
constexpr long kSetXattrAt = 463;
constexpr long kGetXattrAt = 464;
constexpr long kListXattrAt = 465;
constexpr long kRemoveXattrAt = 466;

struct XattrArguments {  // struct xattr_args of linux/xattr.h.
  alignas(8) uint64_t value;
  uint32_t size;
  uint32_t flags;
};

std::atomic<bool> has_xattrat = true;

/// Runs `at` unless the kernel lacks it or the place is a descriptor, which may be O_PATH and is
/// then refused by *xattrat; else `by_path` with a path through /proc.
template <class At, class ByPath>
Result<ssize_t> either(Place place, At at, ByPath by_path) {
  if (!place.is_fd() && has_xattrat.load(std::memory_order_relaxed)) {
    auto result = checked(static_cast<ssize_t>(at()));
    if (!result.failed_with(ENOSYS)) return result;
    has_xattrat.store(false, std::memory_order_relaxed);
  }
  return checked(static_cast<ssize_t>(by_path(ProcPath(place).c_str())));
}

}  // namespace

Result<size_t> get_xattr(Place place, const char* name, std::span<char> value) {
  XattrArguments arguments = {reinterpret_cast<uintptr_t>(value.data()),
                              static_cast<uint32_t>(value.size()), 0};
  const ssize_t length = TRY(either(
      place,
      [&] {
        return ::syscall(kGetXattrAt, raw(place.fd), place.name, AT_SYMLINK_NOFOLLOW, name,
                         &arguments, sizeof arguments);
      },
      [&](const char* path) {
        return place.is_fd() ? ::getxattr(path, name, value.data(), value.size())
                             : ::lgetxattr(path, name, value.data(), value.size());
      }));
  return static_cast<size_t>(length);
}

Result<std::string> get_xattr(Place place, const char* name) {
  char small[256];
  auto length = get_xattr(place, name, small);
  if (length) return std::string(small, *length);
  if (!length.failed_with(ERANGE)) return fail(length.error());
  std::string value(64 * 1024, '\0');
  value.resize(TRY(get_xattr(place, name, std::span(value))));
  return value;
}

Result<void> set_xattr(Place place, const char* name, std::string_view value, int flags) {
  XattrArguments arguments = {reinterpret_cast<uintptr_t>(value.data()),
                              static_cast<uint32_t>(value.size()), static_cast<uint32_t>(flags)};
  TRY(either(
      place,
      [&] {
        return ::syscall(kSetXattrAt, raw(place.fd), place.name, AT_SYMLINK_NOFOLLOW, name,
                         &arguments, sizeof arguments);
      },
      [&](const char* path) {
        return place.is_fd() ? ::setxattr(path, name, value.data(), value.size(), flags)
                             : ::lsetxattr(path, name, value.data(), value.size(), flags);
      }));
  return {};
}

Result<void> remove_xattr(Place place, const char* name) {
  TRY(either(
      place,
      [&] {
        return ::syscall(kRemoveXattrAt, raw(place.fd), place.name, AT_SYMLINK_NOFOLLOW, name);
      },
      [&](const char* path) {
        return place.is_fd() ? ::removexattr(path, name) : ::lremovexattr(path, name);
      }));
  return {};
}

Result<std::vector<std::string>> list_xattrs(Place place) {
  auto list = [place](char* buffer, size_t size) {
    return either(
        place,
        [&] {
          return ::syscall(kListXattrAt, raw(place.fd), place.name, AT_SYMLINK_NOFOLLOW, buffer,
                           size);
        },
        [&](const char* path) {
          return place.is_fd() ? ::listxattr(path, buffer, size) : ::llistxattr(path, buffer, size);
        });
  };
  std::string buffer(1024, '\0');
  auto length = list(buffer.data(), buffer.size());
  if (length.failed_with(ERANGE)) {
    buffer.resize(64 * 1024);  // XATTR_LIST_MAX.
    length = list(buffer.data(), buffer.size());
  }
  std::vector<std::string> names;
  const char* const end = buffer.data() + TRY(std::move(length));
  for (const char* name = buffer.data(); name < end; name += std::strlen(name) + 1) {
    names.emplace_back(name);
  }
  return names;
}

}  // namespace overpass::sys
