// SPDX-License-Identifier: MIT
//
// Raw requests to a session of src/fuse over a small union. The text is a sequence of records:
//   opcode, flags, node, handle (a byte each), length of the payload (two bytes, low one first),
//   payload.
// Flags: 1 the header's length is false; 2 the opcode is 4096 more; 4 the caller is user 65534; 8
// the caller is gone when the reply comes. A node below 240 is one of those that replies have
// named, 0 for the root; others are unknown. A handle is one of those that are open.
//
// What the daemon trusts the kernel with is kept (fake_fuse.h): handles are put in where the opcode
// has one, sizes that are asked for are bounded, nothing follows a DESTROY. Offsets, devices and
// flags of files are bounded so that the machine comes to no harm.

#include <linux/fs.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "../unit/fuse/fake_fuse.h"
#include "targets.h"

namespace overpass::fuzz {

namespace {

using namespace unit;

constexpr size_t kMostRecords = 64;

struct Record {
  uint8_t opcode, flags, node, handle;
  std::string payload;
};

std::optional<Record> take_record(std::string_view& text) {
  if (text.size() < 6) return {};
  const auto byte = [&](size_t at) { return static_cast<uint8_t>(text[at]); };
  Record record = {byte(0), byte(1), byte(2), byte(3), {}};
  const size_t length = byte(4) + 256U * byte(5);
  record.payload = text.substr(6, length);
  text.remove_prefix(std::min(text.size(), 6 + length));
  return record;
}

/// Names, types, sizes, times and contents below a directory.
std::string dump(const std::filesystem::path& root) {
  std::vector<std::string> lines;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    struct stat stat;
    checked(::lstat(entry.path().c_str(), &stat), "lstat");
    std::string line = entry.path().string() + " " + std::to_string(stat.st_mode) + " " +
                       std::to_string(stat.st_nlink) + " " + std::to_string(stat.st_mtim.tv_nsec) +
                       " " + std::to_string(stat.st_ctim.tv_nsec);
    if (S_ISREG(stat.st_mode)) line += " " + content_of(UniqueFd(::open(entry.path().c_str(), 0)));
    lines.push_back(std::move(line));
  }
  std::ranges::sort(lines);
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  return all;
}

/// A field of a payload that may be too short to have it.
template <class Field, class Change>
void change(std::string& payload, size_t offset, Change make) {
  if (payload.size() < offset + sizeof(Field)) return;
  Field field = value_at<Field>(payload, offset);
  make(field);
  std::memcpy(payload.data() + offset, &field, sizeof field);
}

template <class Field>
void bound(std::string& payload, size_t offset, Field most) {
  change<Field>(payload, offset, [most](Field& field) { field &= most; });
}

/// A directory with this mode can be removed again.
void leave_to_owner(std::string& payload, size_t offset) {
  change<uint32_t>(payload, offset, [](uint32_t& mode) { mode |= 0700; });
}

/// So that neither memory nor disk nor the machine suffers.
void make_harmless(uint32_t opcode, std::string& payload) {
  constexpr uint64_t kLargest = 0xfffff;
  switch (opcode) {
    case FUSE_READ:
    case FUSE_READDIR:
    case FUSE_READDIRPLUS:
      return bound<uint32_t>(payload, offsetof(fuse_read_in, size), 0xffff);
    case FUSE_WRITE:  // A negative offset stays.
      return change<int64_t>(payload, offsetof(fuse_write_in, offset), [](int64_t& offset) {
        if (offset >= 0) offset &= kLargest;
      });
    case FUSE_FALLOCATE:
      bound<uint64_t>(payload, offsetof(fuse_fallocate_in, offset), kLargest);
      return bound<uint64_t>(payload, offsetof(fuse_fallocate_in, length), kLargest);
    case FUSE_COPY_FILE_RANGE:
    case kCopyFileRange64:
      return bound<uint64_t>(payload, offsetof(fuse_copy_file_range_in, off_out), kLargest);
    case FUSE_SETATTR:
      leave_to_owner(payload, offsetof(fuse_setattr_in, mode));
      return bound<uint64_t>(payload, offsetof(fuse_setattr_in, size), kLargest);
    case FUSE_MKDIR:
      bound<uint32_t>(payload, offsetof(fuse_mkdir_in, umask), 077);
      return leave_to_owner(payload, offsetof(fuse_mkdir_in, mode));
    case FUSE_GETXATTR:
    case FUSE_LISTXATTR:
      return bound<uint32_t>(payload, 0, 0xffff);
    case FUSE_MKNOD:  // No such device.
      return change<uint32_t>(payload, offsetof(fuse_mknod_in, rdev), [](uint32_t& device) {
        if (device != 0) device = 0xfffff;
      });
    case FUSE_IOCTL:  // Nothing that keeps the file from being removed.
      bound<uint32_t>(payload, offsetof(fuse_ioctl_in, out_size), 0xfff);
      return bound<uint32_t>(payload, sizeof(fuse_ioctl_in), 0);
    default:
      return;
  }
}

/// Where the payload has the numbers of open files.
std::vector<size_t> handle_offsets(uint32_t opcode, const std::string& payload) {
  switch (opcode) {
    case FUSE_READ:
    case FUSE_WRITE:
    case FUSE_FSYNC:
    case FUSE_FALLOCATE:
    case FUSE_LSEEK:
    case FUSE_RELEASE:
    case FUSE_IOCTL:
    case FUSE_GETLK:
    case FUSE_SETLK:
    case FUSE_SETLKW:
      return {0};
    case FUSE_COPY_FILE_RANGE:
    case kCopyFileRange64:
      return {offsetof(fuse_copy_file_range_in, fh_in), offsetof(fuse_copy_file_range_in, fh_out)};
    case FUSE_SETATTR:
      if (payload.size() < 4 || (value_at<uint32_t>(payload) & FATTR_FH) == 0) return {};
      return {offsetof(fuse_setattr_in, fh)};
    default:
      return {};
  }
}

class Kernel {
 public:
  Kernel() {
    const std::string lower = fuse_.disk.directory("lower");
    fuse_.disk.write("lower/file", "some text");
    fuse_.disk.write("lower/directory/below", "more text");
    checked(::symlink("file", (lower + "/link").c_str()), "symlink");
    fuse_.disk.write("upper/both", "text of the upper");
    fuse_.disk.write("lower/both", "text of the lower");
    before_ = dump(lower);
  }

  /// False when nothing may follow.
  bool send(Record record) {
    const uint32_t opcode = record.opcode + ((record.flags & 2) != 0 ? 4096U : 0U);
    if (!put_handles(opcode, record)) return true;
    make_harmless(opcode, record.payload);
    const uint64_t node = node_of(record.node);
    const uint32_t user = (record.flags & 4) != 0 ? 65534U : ::geteuid();
    fuse_.caller.uid = fuse_.caller.gid = user;
    if ((record.flags & 1) != 0) {
      send_with_false_length(opcode, node, record.payload);
    } else if (!wants_reply(opcode)) {
      (void)fuse_.send(opcode, node, record.payload);
    } else if ((record.flags & 8) != 0 && opcode != FUSE_RELEASE) {
      fuse_.send_and_leave(opcode, node, record.payload);
    } else if (opcode == FUSE_SETLKW) {
      (void)fuse_.send(opcode, node, record.payload);  // It may wait to the end.
    } else {
      learn(opcode, record.payload, fuse_.call(opcode, node, record.payload));
    }
    return opcode != FUSE_DESTROY;
  }

  void end() {
    const std::string faults = fuse_.end();
    const bool is_same = dump(fuse_.disk.path("lower")) == before_;
    if (faults.empty() && is_same) return;
    std::fprintf(stderr, "%s%s", faults.c_str(), is_same ? "" : "the lower has changed\n");
    std::abort();
  }

 private:
  bool put_handles(uint32_t opcode, Record& record) {
    for (const size_t offset : handle_offsets(opcode, record.payload)) {
      if (record.payload.size() < offset + sizeof(uint64_t)) continue;
      if (handles_.empty()) return false;
      const uint64_t handle = handles_[(record.handle + offset) % handles_.size()];
      change<uint64_t>(record.payload, offset, [handle](uint64_t& field) { field = handle; });
    }
    return true;
  }

  uint64_t node_of(uint8_t number) const {
    constexpr uint64_t kUnknown[] = {0, 2, uint64_t{1} << 40, ~uint64_t{0}};
    return number < 240 ? nodes_[number % nodes_.size()] : kUnknown[number % 4];
  }

  void send_with_false_length(uint32_t opcode, uint64_t node, const std::string& payload) {
    fuse_in_header header = {};
    header.len = static_cast<uint32_t>(sizeof header + payload.size() + 1);
    header.opcode = opcode;
    header.unique = fuse_.next_unique();
    header.nodeid = node;
    const uint64_t awaited = wants_reply(opcode) ? header.unique : 0;
    fuse_.send_bytes(bytes_of(header) + payload, awaited);
    if (awaited != 0 && fuse_.wait_for(awaited).error != EINVAL) std::abort();
  }

  /// What the kernel would know from the answer.
  void learn(uint32_t opcode, const std::string& payload, const Answer& answer) {
    if (answer.error != 0) return;
    switch (opcode) {
      case FUSE_LOOKUP:
      case FUSE_MKNOD:
      case FUSE_MKDIR:
      case FUSE_SYMLINK:
      case FUSE_LINK:
        return learn_node(answer);
      case FUSE_CREATE:
      case FUSE_TMPFILE:
        learn_node(answer);
        handles_.push_back(answer.as<fuse_open_out>(sizeof(fuse_entry_out)).fh);
        return;
      case FUSE_OPEN:
        handles_.push_back(answer.as<fuse_open_out>().fh);
        return;
      case FUSE_RELEASE:
        std::erase(handles_, value_at<uint64_t>(payload));
        return;
      default:
        return;
    }
  }
  void learn_node(const Answer& answer) {
    const uint64_t node = answer.as<fuse_entry_out>().nodeid;
    if (node != 0) nodes_.push_back(node);
  }

  FakeFuse fuse_;
  std::string before_;
  std::vector<uint64_t> nodes_ = {kRootId};
  std::vector<uint64_t> handles_;
};

}  // namespace

void fuse_requests(std::string_view text) {
  Kernel kernel;
  for (size_t left = kMostRecords; left > 0; --left) {
    auto record = take_record(text);
    if (!record || !kernel.send(std::move(*record))) break;
  }
  kernel.end();
}

}  // namespace overpass::fuzz
