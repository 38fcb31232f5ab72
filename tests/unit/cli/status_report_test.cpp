// SPDX-License-Identifier: MIT
//
// What a mount says of itself, in a line, and why it says nothing.

#include "cli/status_report.h"

#include <gtest/gtest.h>

namespace overpass::cli {
namespace {

constexpr std::string_view kStatus = R"({"inodes":0,"layers":[{"role":"upper","path":"/u"},
{"role":"lower","path":"/l","write_protected":true}],"mountpoint":"/m",
"passthrough":{"active":false,"reason":"switched off by option"},"pid":4711,"read_only":false,
"requests":{"LOOKUP":12,"GETATTR":0,"OPEN":3},"threads":2,"transport":"/dev/fuse",
"transport_reason":"the kernel does not offer it","version":"0.1.0","words":["a","b"]})";

TEST(LineOfMount, TellsTheDaemonAndTheLayers) {
  EXPECT_EQ(line_of_mount("/m", std::string(kStatus)),
            "'/m': pid 4711, upper '/u', 1 lower, no passthrough");
  EXPECT_EQ(line_of_mount("/m", std::string(R"({"pid":1,"layers":[{"role":"lower","path":"/a"},
      {"role":"lower","path":"/b"},7,{"role":"x"}],"passthrough":{"active":true}})")),
            "'/m': pid 1, read-only, 2 lowers, passthrough");
  EXPECT_EQ(line_of_mount("/a\nb", problem("dead", "umount it")), "'/a?b': dead (umount it)");
  EXPECT_EQ(line_of_mount("/m", std::string("{}")), "'/m': another user's, no passthrough");
  EXPECT_EQ(line_of_mount("/m", std::string("?")), "'/m': served by another version of overpass");
}

TEST(JsonOfMount, HasTheMountpointOfTheTable) {
  EXPECT_EQ(json_of_mount("/n", std::string(R"({"mountpoint":"/m","pid":1})")),
            R"({"mountpoint":"/n","pid":1})");
  EXPECT_EQ(json_of_mount("/n", problem("dead", "umount it")),
            R"J({"mountpoint":"/n","error":"dead (umount it)"})J");
}

TEST(DaemonPid, IsReadFromTheStatus) {
  EXPECT_EQ(daemon_pid(kStatus), 4711);
  for (const auto text : {"", "{}", "{\"pid\":\"1\"}", "{\"pid\":0}", "{\"pid\":-1}"}) {
    EXPECT_EQ(daemon_pid(text), std::nullopt) << text;
  }
}

TEST(ReadStatus, TellsWhyThereIsNone) {
  const auto missing = read_status("/nothing/here");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().cause, "'/nothing/here' cannot be opened: No such file or directory");
  EXPECT_TRUE(read_status("/proc").error().cause.starts_with("'/proc' gives no status: "));
}

}  // namespace
}  // namespace overpass::cli
