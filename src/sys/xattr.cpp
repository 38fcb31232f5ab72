// SPDX-License-Identifier: MIT
//
// getxattrat(2) and its sisters; without them the older calls, which want a path.

#include "sys/xattr.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "sys/call_numbers.h"
#include "sys/calls.h"
#include "sys/errno_result.h"
#include "sys/proc.h"

namespace overpass::sys {

namespace {

/// Runs `at(directory, name, flags)`, an *xattrat call, if there is one; else `by_path` with a
/// path. Its last component must be followed if the place is a descriptor.
template <class At, class ByPath>
Result<ssize_t> either(Place place, At at, ByPath by_path) {
  if (!newer_calls().xattrat) {
    return checked(static_cast<ssize_t>(by_path(ProcPath(place).c_str())));
  }
  // The calls take no O_PATH descriptor, but its magic link.
  const long answer = place.is_fd() ? at(raw(own_files()), FdName(place.fd).c_str(), 0)
                                    : at(raw(place.fd), place.name, AT_SYMLINK_NOFOLLOW);
  return checked(static_cast<ssize_t>(answer));
}

}  // namespace

Result<size_t> get_xattr(Place place, const char* name, std::span<char> value) {
  XattrArguments arguments = {reinterpret_cast<uintptr_t>(value.data()),
                              static_cast<uint32_t>(value.size()), 0};
  const ssize_t length = TRY(either(
      place,
      [&](int directory, const char* entry, int at_flags) {
        return ::syscall(kGetXattrAt, directory, entry, at_flags, name, &arguments,
                         sizeof arguments);
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
  return get_long_xattr(place, name);
}

Result<std::string> get_long_xattr(Place place, const char* name) {
  std::string value(64 * 1024, '\0');
  value.resize(TRY(get_xattr(place, name, std::span(value))));
  return value;
}

Result<void> set_xattr(Place place, const char* name, std::string_view value, int flags) {
  XattrArguments arguments = {reinterpret_cast<uintptr_t>(value.data()),
                              static_cast<uint32_t>(value.size()), static_cast<uint32_t>(flags)};
  TRY(either(
      place,
      [&](int directory, const char* entry, int at_flags) {
        return ::syscall(kSetXattrAt, directory, entry, at_flags, name, &arguments,
                         sizeof arguments);
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
      [&](int directory, const char* entry, int at_flags) {
        return ::syscall(kRemoveXattrAt, directory, entry, at_flags, name);
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
        [&](int directory, const char* entry, int at_flags) {
          return ::syscall(kListXattrAt, directory, entry, at_flags, buffer, size);
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
