// SPDX-License-Identifier: MIT
//
// Requests that no kernel sends: cut short, with false lengths, with names that are none. Each is
// answered with EINVAL, or with nothing if it wants no reply, and has no effect.

#include "fuse/request_shape.h"

#include <functional>

#include "fuse_test.h"
#include "sample_requests.h"

namespace overpass::unit {
namespace {

class RequestShape : public FuseTest {
 protected:
  /// The errno of a request whose header is wrong in what `spoil` makes of it; 0 if it wants none.
  int error_of(const Sample& sample, const std::function<void(fuse_in_header&)>& spoil) {
    fuse.start();
    fuse_in_header header = {};
    header.len = static_cast<uint32_t>(sizeof header + sample.payload.size());
    header.opcode = sample.opcode;
    header.nodeid = kRootId;
    header.unique = fuse.next_unique();
    spoil(header);
    const bool is_answered = wants_reply(sample.opcode);
    fuse.send_bytes(bytes_of(header) + sample.payload, is_answered ? header.unique : 0);
    return is_answered ? fuse.wait_for(header.unique).error : 0;
  }
  int error_of(uint32_t opcode, const std::string& payload) {
    return fuse.call(opcode, kRootId, payload).error;
  }
  std::vector<Sample> samples() {
    const uint64_t node = node_of("file");
    return sample_requests(node, open(node, O_RDWR));
  }
  void SetUp() override { fuse.disk.write("lower/file", "text"); }
};

TEST_F(RequestShape, IsRefusedHoweverItIsCutShort) {
  for (const Sample& sample : samples()) {
    // Beyond the attribute or the name that it ends with, TMPFILE and BATCH_FORGET say no more.
    size_t needed = sample.payload.size();
    if (sample.opcode == FUSE_TMPFILE) needed = sizeof(fuse_create_in);
    for (size_t size = 0; size < needed; ++size) {
      const std::string cut = sample.payload.substr(0, size);
      if (!wants_reply(sample.opcode)) {
        (void)fuse.send(sample.opcode, kRootId, cut);
      } else {
        EXPECT_EQ(error_of(sample.opcode, cut), EINVAL) << sample.name << " of " << size;
      }
    }
  }
  EXPECT_EQ(fuse.disk.names("upper"), std::vector<std::string>{"file"});
}

TEST_F(RequestShape, IsRefusedWithAFalseLength) {
  for (const Sample& sample : samples()) {
    if (!wants_reply(sample.opcode)) continue;
    EXPECT_EQ(error_of(sample, [](fuse_in_header& header) { ++header.len; }), EINVAL);
    EXPECT_EQ(error_of(sample, [](fuse_in_header& header) { --header.len; }), EINVAL);
    EXPECT_EQ(error_of(sample, [](fuse_in_header& header) { header.len = 0; }), EINVAL);
  }
  EXPECT_EQ(fuse.disk.names("upper"), std::vector<std::string>{"file"});
}

TEST_F(RequestShape, IsRefusedWithANameThatIsNone) {
  const std::string mkdir = bytes_of(fuse_mkdir_in{.mode = 0755});
  const std::string rename = bytes_of(fuse_rename2_in{.newdir = kRootId});
  for (const std::string& name :
       {name_of(""), name_of("a/b"), name_of("/"), name_of("../outside"), std::string("no end")}) {
    EXPECT_EQ(error_of(FUSE_LOOKUP, name), EINVAL) << name;
    EXPECT_EQ(error_of(FUSE_MKDIR, mkdir + name), EINVAL) << name;
    EXPECT_EQ(error_of(FUSE_UNLINK, name), EINVAL) << name;
    EXPECT_EQ(error_of(FUSE_RENAME2, rename + name_of("file") + name), EINVAL) << name;
    EXPECT_EQ(error_of(FUSE_RENAME2, rename + name + name_of("file")), EINVAL) << name;
  }
  for (const char* dots : {".", ".."}) {
    EXPECT_EQ(error_of(FUSE_RMDIR, name_of(dots)), EINVAL);
    EXPECT_EQ(error_of(FUSE_MKDIR, mkdir + name_of(dots)), EINVAL);
    EXPECT_EQ(look_up(kRootId, dots).nodeid, kRootId);  // As for handles that are exported.
  }
  EXPECT_TRUE(fuse.disk.names("upper").empty());
  EXPECT_FALSE(fuse.disk.exists("outside"));
}

TEST_F(RequestShape, LeavesNamesThatAreTooLongToTheFileSystem) {
  for (const size_t length : {size_t{256}, size_t{1024}, size_t{4096}, size_t{100'000}}) {
    const std::string name = name_of(std::string(length, 'n'));
    EXPECT_EQ(error_of(FUSE_LOOKUP, name), ENAMETOOLONG) << length;
    EXPECT_EQ(error_of(FUSE_MKDIR, bytes_of(fuse_mkdir_in{.mode = 0755}) + name), ENAMETOOLONG);
    EXPECT_EQ(error_of(FUSE_UNLINK, name), ENAMETOOLONG);
  }
  const std::string longest(255, 'n');
  EXPECT_EQ(error_of(FUSE_MKDIR, bytes_of(fuse_mkdir_in{.mode = 0755}) + name_of(longest)), 0);
  EXPECT_TRUE(fuse.disk.exists("upper/" + longest));
}

TEST_F(RequestShape, IsRefusedIfItClaimsMoreBytesThanItHas) {
  const uint64_t node = node_of("file");
  fuse_write_in write = {.fh = open(node, O_RDWR), .size = 5};
  EXPECT_EQ(fuse.call(FUSE_WRITE, node, bytes_of(write) + "1234").error, EINVAL);
  write.size = ~0U;
  EXPECT_EQ(fuse.call(FUSE_WRITE, node, bytes_of(write) + "1234").error, EINVAL);
  EXPECT_EQ(fuse.disk.read("upper/file"), "text");
  const std::string value = bytes_of(SetxattrIn{~0U, 0}) + name_of("user.a") + "value";
  EXPECT_EQ(error_of(FUSE_SETXATTR, value), EINVAL);
  const fuse_ioctl_in ioctl = {.cmd = FS_IOC_SETFLAGS, .in_size = 8};
  EXPECT_EQ(error_of(FUSE_IOCTL, bytes_of(ioctl) + "1234"), EINVAL);
  const fuse_batch_forget_in forget = {.count = ~0U};
  (void)fuse.send(FUSE_BATCH_FORGET, 0, bytes_of(forget) + bytes_of(fuse_forget_one{node, 9}));
  EXPECT_EQ(attributes(node).size, 4U);  // Not forgotten.
}

TEST_F(RequestShape, IsThatOfAnAnswerToNoQuestion) {
  // NOTIFY_REPLY answers NOTIFY_RETRIEVE, which the daemon never sends.
  fuse.start();
  (void)fuse.send(FUSE_NOTIFY_REPLY, kRootId, std::string(200, '\0'));
  EXPECT_EQ(fuse.call(FUSE_STATFS, kRootId).error, 0);
}

}  // namespace
}  // namespace overpass::unit
