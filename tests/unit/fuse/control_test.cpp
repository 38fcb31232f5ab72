// SPDX-License-Identifier: MIT
//
// Commands to the daemon: how they come, whose they may be.

#include "fuse/control.h"

#include <unistd.h>

#include "fuse_test.h"

namespace overpass::unit {
namespace {

class Control : public FuseTest {
 protected:
  int set(std::string_view command, std::string_view value, uint64_t node = kRootId) {
    const SetxattrIn in = {static_cast<uint32_t>(value.size()), 0};
    return fuse
        .call(FUSE_SETXATTR, node, bytes_of(in) + name_of(attribute(command)) + std::string(value))
        .error;
  }
  int read(std::string_view text, uint64_t node = kRootId, uint32_t size = 64) {
    return fuse
        .call(FUSE_GETXATTR, node,
              bytes_of(fuse_getxattr_in{.size = size}) + name_of(attribute(text)))
        .error;
  }
  static std::string attribute(std::string_view text) {
    return std::string(fuse::kControlXattr) + std::string(text);
  }
};

TEST_F(Control, CommandsAreRead) {
  EXPECT_EQ(read("refresh:"), 0);
  EXPECT_EQ(read("refresh:", kRootId, 0), 0);
  EXPECT_EQ(read("refresh"), 0);
}

/// The kernel has the root locked until the answer, and refresh would wait for it.
TEST_F(Control, RefreshIsNotSet) { EXPECT_EQ(set("refresh", ""), EOPNOTSUPP); }

TEST_F(Control, ValuesArrive) {
  EXPECT_EQ(read("refresh:x"), EINVAL);
  EXPECT_EQ(read("refresh::"), EINVAL);
}

TEST_F(Control, UnknownCommandsAreRefused) {
  for (const char* name : {"", "refres", "refreshh", "REFRESH"}) {
    EXPECT_EQ(set(name, ""), EOPNOTSUPP) << name;
    EXPECT_EQ(read(name), EOPNOTSUPP) << name;
  }
}

TEST_F(Control, OnlyTheRootTakesCommands) {
  fuse.disk.write("lower/file", "");
  const uint64_t node = node_of("file");
  EXPECT_EQ(set("refresh", "", node), EOPNOTSUPP);
  EXPECT_EQ(read("refresh:", node), EOPNOTSUPP);
}

TEST_F(Control, CommandsAreForRootAndTheDaemonsUser) {
  fuse.caller.uid = 12'345;
  EXPECT_EQ(set("refresh", ""), EPERM);
  EXPECT_EQ(read("refresh:"), EPERM);
  EXPECT_EQ(read("unknown:"), EPERM);
  fuse.caller.uid = 0;
  EXPECT_EQ(read("refresh:"), 0);
  fuse.caller.uid = ::geteuid();
  EXPECT_EQ(read("refresh:"), 0);
}

TEST_F(Control, InASandboxCommandsAreForTheParentAlone) {
  fuse.options.ends_with_starter = true;
  for (const uint32_t pid : {0U, 1U, static_cast<uint32_t>(::getpid())}) {
    if (pid == static_cast<uint32_t>(::getppid())) continue;
    fuse.caller.pid = pid;
    EXPECT_EQ(set("refresh", ""), EPERM) << pid;
    EXPECT_EQ(read("refresh:"), EPERM) << pid;
  }
  fuse.caller.pid = static_cast<uint32_t>(::getppid());
  fuse.caller.uid = 12'345;
  EXPECT_EQ(read("refresh:"), ::getppid() == 0 ? EPERM : 0);
}

TEST(ControlText, IsANameAndAValue) {
  const auto split = [](std::string_view text) {
    const fuse::ControlText read = fuse::read_control_text(text);
    return std::pair(read.name, read.value);
  };
  using Pair = std::pair<std::string_view, std::string_view>;
  EXPECT_EQ(split("name:value"), Pair("name", "value"));
  EXPECT_EQ(split("name:a:b"), Pair("name", "a:b"));
  EXPECT_EQ(split("name:"), Pair("name", ""));
  EXPECT_EQ(split("name"), Pair("name", ""));
  EXPECT_EQ(split(""), Pair("", ""));
}

}  // namespace
}  // namespace overpass::unit
