// SPDX-License-Identifier: MIT
//
// What tests of handlers share: a FakeFuse whose every reply is looked at when the test ends, and
// the requests that most of them begin with.

#ifndef OVERPASS_TESTS_UNIT_FUSE_FUSE_TEST_H_
#define OVERPASS_TESTS_UNIT_FUSE_FUSE_TEST_H_

#include <fcntl.h>
#include <gtest/gtest.h>

#include <string>

#include "fake_fuse.h"
#include "raw_requests.h"

namespace overpass::unit {

class FuseTest : public testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(fuse.end(), ""); }

  fuse_entry_out look_up(uint64_t parent, std::string_view name) {
    return fuse.call(FUSE_LOOKUP, parent, name_of(name)).as<fuse_entry_out>();
  }
  /// The node of a path of the union, "" for its root. Counts a lookup of each component.
  uint64_t node_of(std::string_view path) {
    uint64_t node = kRootId;
    while (!path.empty()) {
      const size_t slash = path.find('/');
      node = look_up(node, path.substr(0, slash)).nodeid;
      path = slash == std::string_view::npos ? "" : path.substr(slash + 1);
    }
    return node;
  }

  Answer try_open(uint64_t node, int flags) {
    fuse_open_in open = {};
    open.flags = static_cast<uint32_t>(flags);
    return fuse.call(FUSE_OPEN, node, bytes_of(open));
  }
  uint64_t open(uint64_t node, int flags) { return try_open(node, flags).as<fuse_open_out>().fh; }
  Answer release(uint64_t node, uint64_t handle) {
    fuse_release_in release = {};
    release.fh = handle;
    return fuse.call(FUSE_RELEASE, node, bytes_of(release));
  }

  Answer read(uint64_t node, uint64_t handle, uint64_t offset = 0, uint32_t size = 4096,
              uint32_t opcode = FUSE_READ) {
    fuse_read_in read = {};
    read.fh = handle;
    read.offset = offset;
    read.size = size;
    return fuse.call(opcode, node, bytes_of(read));
  }
  Answer write(uint64_t node, uint64_t handle, std::string_view text, uint64_t offset = 0) {
    fuse_write_in write = {};
    write.fh = handle;
    write.offset = offset;
    write.size = static_cast<uint32_t>(text.size());
    return fuse.call(FUSE_WRITE, node, bytes_of(write) + std::string(text));
  }
  fuse_attr attributes(uint64_t node) {
    return fuse.call(FUSE_GETATTR, node, bytes_of(fuse_getattr_in{})).as<fuse_attr_out>().attr;
  }
  /// The JSON that `overpass status` asks for, and the number that it has under a key.
  std::string status();
  int64_t count_of(const std::string& key);

  FakeFuse fuse;
};

}  // namespace overpass::unit

#endif  // OVERPASS_TESTS_UNIT_FUSE_FUSE_TEST_H_
