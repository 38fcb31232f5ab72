// SPDX-License-Identifier: MIT
//
// A status as a person reads it.

#include "cli/status_report.h"

#include <gtest/gtest.h>

namespace overpass::cli {
namespace {

constexpr std::string_view kStatus = R"({"inodes":0,"layers":[{"role":"upper","path":"/u"},
{"role":"lower","path":"/l","write_protected":true}],"mountpoint":"/m",
"passthrough":{"active":false,"reason":"switched off by option"},"pid":4711,"read_only":false,
"requests":{"LOOKUP":12,"GETATTR":0,"OPEN":3},"threads":2,"transport":"/dev/fuse",
"transport_reason":"the kernel does not offer it","version":"0.1.0","words":["a","b"]})";

TEST(StatusReport, SummarizesOneLinePerFeature) {
  EXPECT_EQ(summarize_status(kStatus),
            "version: 0.1.0\n"
            "pid: 4711\n"
            "mountpoint: /m\n"
            "layers:\n"
            "  role=upper path=/u\n"
            "  role=lower path=/l write_protected=true\n"
            "passthrough: inactive: switched off by option\n"
            "transport: /dev/fuse: the kernel does not offer it\n"
            "threads: 2\n"
            "inodes: 0\n"
            "read_only: false\n"
            "words:\n"
            "  a\n"
            "  b\n"
            "requests:\n"
            "  LOOKUP: 12\n"
            "  OPEN: 3\n");
}

TEST(StatusReport, KeepsAReasonOfAnActiveFeature) {
  EXPECT_EQ(summarize_status(R"({"a":{"active":true,"reason":"directly"}})"),
            "a: active: directly\n");
  EXPECT_EQ(summarize_status(R"({"a":{"active":"?"}})"), "a: inactive\n");
}

TEST(StatusReport, TakesReasonsThatBelongToNothingAsTheyAre) {
  EXPECT_EQ(summarize_status(R"({"a":1,"a_reason":"","b_reason":"x","_reason":"y"})"),
            "a: 1\nb_reason: x\n_reason: y\n");
  EXPECT_EQ(summarize_status("{}"), "");
}

TEST(StatusReport, ListsCopiesThatTakeLong) {
  EXPECT_EQ(summarize_status(R"({"copies":[
      {"file":"/d/a","phase":"copying","done":10485760,"total":41943040,"since":1,"seconds":12.4},
      {"file":"/b","phase":"syncing","done":0,"total":0,"seconds":1},
      {"file":"/c","phase":"copying","done":1,"total":2,"seconds":0.9}]})"),
            "copies:\n  /d/a: copying, 10 of 40 MiB (25%), for 12 s\n"
            "  /b: syncing, 0 of 0 MiB (0%), for 1 s\n");
  EXPECT_EQ(summarize_status(R"({"copies":[]})"), "copies: none that takes long\n");
  EXPECT_EQ(summarize_status(R"({"copies":[1,{"seconds":"x"},{"file":"/a","seconds":5}]})"),
            "copies: none that takes long\n");
}

TEST(StatusReport, RefusesOtherValuesThanObjects) {
  for (const auto text : {"", "{", "[]", "null", "{\"a\":}"}) {
    const auto summary = summarize_status(text);
    ASSERT_FALSE(summary) << text;
    EXPECT_EQ(summary.error().line(),
              "the status is not understood (another version of overpass may serve the mount)");
  }
}

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
