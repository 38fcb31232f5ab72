// SPDX-License-Identifier: MIT
//
// Paths and attributes are bytes: nothing is converted from the character set of a locale.

#include "archive/tar_writer.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "sys/file_io.h"

namespace overpass::archive {

namespace {

constexpr size_t kBlock = size_t{256} * 1024;

struct FreeEntry {
  void operator()(::archive_entry* entry) const { ::archive_entry_free(entry); }
};
using Entry = std::unique_ptr<::archive_entry, FreeEntry>;

/// A number of the kernel's form of an ACL, which is little-endian on every machine.
uint32_t number_at(std::string_view value, size_t offset, size_t bytes) {
  uint32_t number = 0;
  for (size_t i = bytes; i-- > 0;) {
    number = number << 8 | static_cast<unsigned char>(value[offset + i]);
  }
  return number;
}

/// Adds the ACL that an attribute holds (linux/posix_acl_xattr.h).
void add_acl(::archive_entry* entry, std::string_view value, int kind) {
  constexpr size_t kHeader = 4;
  constexpr size_t kEach = 8;
  for (size_t at = kHeader; at + kEach <= value.size(); at += kEach) {
    int tag = 0;
    switch (number_at(value, at, 2)) {
      case 0x01:
        tag = ARCHIVE_ENTRY_ACL_USER_OBJ;
        break;
      case 0x02:
        tag = ARCHIVE_ENTRY_ACL_USER;
        break;
      case 0x04:
        tag = ARCHIVE_ENTRY_ACL_GROUP_OBJ;
        break;
      case 0x08:
        tag = ARCHIVE_ENTRY_ACL_GROUP;
        break;
      case 0x10:
        tag = ARCHIVE_ENTRY_ACL_MASK;
        break;
      case 0x20:
        tag = ARCHIVE_ENTRY_ACL_OTHER;
        break;
      default:
        continue;
    }
    const bool is_named = tag == ARCHIVE_ENTRY_ACL_USER || tag == ARCHIVE_ENTRY_ACL_GROUP;
    ::archive_entry_acl_add_entry(entry, kind, static_cast<int>(number_at(value, at + 2, 2)), tag,
                                  is_named ? static_cast<int>(number_at(value, at + 4, 4)) : -1,
                                  nullptr);
  }
}

void add_xattrs(::archive_entry* entry, const std::map<std::string, std::string>& xattrs) {
  for (const auto& [name, value] : xattrs) {
    if (name == "system.posix_acl_access") {
      add_acl(entry, value, ARCHIVE_ENTRY_ACL_TYPE_ACCESS);
    } else if (name == "system.posix_acl_default") {
      add_acl(entry, value, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT);
    } else {
      ::archive_entry_xattr_add_entry(entry, name.c_str(), value.data(), value.size());
    }
  }
}

/// Tells which parts of the file are no holes.
Result<void> add_extents(::archive_entry* entry, BorrowedFd content, uint64_t size) {
  std::vector<std::pair<int64_t, int64_t>> extents;
  const auto end = static_cast<off_t>(size);
  for (off_t at = 0; at < end;) {
    const auto begin = sys::seek(content, at, SEEK_DATA);
    if (begin.failed_with(ENXIO)) break;
    // Without such calls the file is written as it is.
    if (begin.failed_with(EINVAL) || begin.failed_with(EOPNOTSUPP)) return {};
    at = std::min(TRY(sys::seek(content, TRY(begin), SEEK_HOLE)), end);
    extents.emplace_back(*begin, at - *begin);
  }
  const bool is_whole = extents.size() == 1 && extents.front() == std::pair(int64_t{0}, end);
  if (is_whole) return {};
  // The end tells the size.
  if (extents.empty()) extents.emplace_back(end, 0);
  for (const auto& [begin, length] : extents) {
    ::archive_entry_sparse_add_entry(entry, begin, length);
  }
  return {};
}

}  // namespace

void TarWriter::Free::operator()(struct ::archive* writer) const { ::archive_write_free(writer); }

Expected<TarWriter> TarWriter::open(BorrowedFd output, Compression compression) {
  TarWriter opened(::archive_write_new());
  struct ::archive* writer = opened.writer_.get();
  bool done = writer != nullptr;
  const auto must = [&](int result) { done = done && result == ARCHIVE_OK; };
  must(::archive_write_set_format_pax(writer));
  must(::archive_write_set_format_option(writer, "pax", "hdrcharset", "BINARY"));
  if (compression == Compression::Gzip) {
    must(::archive_write_add_filter_gzip(writer));
    // Its header has the time otherwise.
    must(::archive_write_set_filter_option(writer, "gzip", "timestamp", nullptr));
  }
  if (compression == Compression::Zstd) must(::archive_write_add_filter_zstd(writer));
  must(::archive_write_set_bytes_in_last_block(writer, 1));
  must(::archive_write_open_fd(writer, raw(output)));
  if (!done) return problem("no archive can be begun", "a library may be too old");
  return opened;
}

Result<void> TarWriter::add(const TarEntry& described, BorrowedFd content) {
  const sys::Stat& stat = described.stat;
  const Entry entry(::archive_entry_new());
  if (!entry) return fail(ENOMEM);
  ::archive_entry_set_pathname(entry.get(), described.path.c_str());
  ::archive_entry_set_mode(entry.get(), stat.stx_mode);
  ::archive_entry_set_uid(entry.get(), stat.stx_uid);
  ::archive_entry_set_gid(entry.get(), stat.stx_gid);
  ::archive_entry_set_mtime(entry.get(), stat.stx_mtime.tv_sec,
                            static_cast<long>(stat.stx_mtime.tv_nsec));
  const bool has_content =
      S_ISREG(stat.stx_mode) && described.hard_link.empty() && raw(content) >= 0;
  ::archive_entry_set_size(entry.get(), has_content ? static_cast<int64_t>(stat.stx_size) : 0);
  if (!described.hard_link.empty()) {
    ::archive_entry_set_hardlink(entry.get(), described.hard_link.c_str());
  } else if (S_ISLNK(stat.stx_mode)) {
    ::archive_entry_set_symlink(entry.get(), described.link_target.c_str());
  } else if (S_ISCHR(stat.stx_mode) || S_ISBLK(stat.stx_mode)) {
    ::archive_entry_set_rdev(entry.get(), sys::rdev_of(stat));
  }
  if (described.hard_link.empty()) add_xattrs(entry.get(), described.xattrs);
  if (has_content) TRY(add_extents(entry.get(), content, stat.stx_size));
  if (::archive_write_header(writer_.get(), entry.get()) != ARCHIVE_OK) return fail(EIO);
  return has_content ? write_content(content, stat.stx_size) : Result<void>();
}

Result<void> TarWriter::write_content(BorrowedFd content, uint64_t size) {
  std::vector<char> block(kBlock);
  for (uint64_t offset = 0; offset < size;) {
    const size_t wanted = std::min<uint64_t>(block.size(), size - offset);
    const size_t count =
        TRY(sys::read_at(content, std::span(block).first(wanted), static_cast<off_t>(offset)));
    if (count == 0) return fail(ESTALE);
    if (::archive_write_data(writer_.get(), block.data(), count) < 0) return fail(EIO);
    offset += count;
  }
  return {};
}

Result<void> TarWriter::finish() {
  return ::archive_write_close(writer_.get()) == ARCHIVE_OK ? Result<void>() : fail(EIO);
}

}  // namespace overpass::archive
