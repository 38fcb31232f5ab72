// SPDX-License-Identifier: MIT
//
// Opening, and comparing by device and inode number or by path.

#include "layer/named_directory.h"

#include <fcntl.h>

#include <cstring>

#include "sys/names.h"
#include "sys/open.h"
#include "sys/proc.h"

namespace overpass::layer {

namespace {

/// The remedy for an errno of opening a directory the user named.
std::string remedy_for(Errno error, const char* option) {
  switch (to_int(error)) {
    case ENOENT:
      return std::string("create it or correct ") + option;
    case ENOTDIR:
      return std::string(option) + " takes directories";
    case ELOOP:
      return "a symbolic link in it leads back to itself; name the real directory";
    case EACCES:
      return "give this user search and read permission on it";
    case ENAMETOOLONG:
      return "use a shorter path, or a relative one";
    default:
      return std::string("check what ") + option + " names";
  }
}

}  // namespace

std::string quoted(const std::string& path) { return "'" + path + "'"; }

std::string text_of(Errno error) { return std::strerror(to_int(error)); }

std::string NamedDirectory::text() const { return std::string(option) + " " + quoted(path); }

Expected<NamedDirectory> open_named(const char* option, const std::string& path,
                                    Unreadable unreadable) {
  const std::string what = std::string(option) + " directory " + quoted(path);
  auto fd = sys::open_path(path.c_str(), O_RDONLY | O_DIRECTORY);
  if (fd.failed_with(EACCES) && unreadable == Unreadable::Taken) {
    fd = sys::open_path(path.c_str(), O_PATH | O_DIRECTORY);
  }
  if (!fd) return problem(what + ": " + text_of(fd.error()), remedy_for(fd.error(), option));
  auto stat = sys::stat(sys::place_of(*fd));
  if (!stat) return problem(what + " cannot be examined");
  // realpath(3) would ask for each component.
  auto real = sys::read_link({sys::own_files(), sys::FdName(*fd).c_str()});
  if (!real || !real->starts_with('/')) real = path;
  return NamedDirectory{option, path, std::move(*fd), *stat, std::move(*real)};
}

bool are_same(const NamedDirectory& a, const NamedDirectory& b) {
  return a.stat.stx_ino == b.stat.stx_ino && sys::device_of(a.stat) == sys::device_of(b.stat);
}

bool is_within(const std::string& inner, const std::string& outer) {
  if (!inner.starts_with(outer)) return false;
  return inner.size() == outer.size() || outer == "/" || inner[outer.size()] == '/';
}

}  // namespace overpass::layer
