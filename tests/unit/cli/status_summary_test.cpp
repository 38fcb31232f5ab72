// SPDX-License-Identifier: MIT
//
// A status as a person reads it.

#include "cli/status_summary.h"

#include <gtest/gtest.h>

namespace overpass::cli {
namespace {

TEST(StatusSummary, HasSectionsWithALineForEachFeature) {
  EXPECT_EQ(summarize_status(
                R"({"inodes":0,"layers":[{"role":"upper","path":"/u"},
{"role":"lower","path":"/l","write_protected":true}],"mountpoint":"/m",
"passthrough":{"active":false,"reason":"switched off by option"},"pid":4711,"read_only":false,
"requests":{"LOOKUP":12,"GETATTR":0,"OPEN":3,"FORGET":7},"threads":2,"transport":"/dev/fuse",
"latencies":{"LOOKUP":{"median_us":48.0,"p99_us":2560.0},"OPEN":{"median_us":1.25,"p99_us":3e6}},
"transport_reason":"the kernel does not offer it","version":"0.1.0","words":["a","b"]})"),
            "Mount\n"
            "  mountpoint: /m\n"
            "  version: 0.1.0\n"
            "  pid: 4711\n"
            "  read_only: false\n"
            "  threads: 2\n"
            "  transport: /dev/fuse: the kernel does not offer it\n"
            "\n"
            "Layers\n"
            "  upper: /u\n"
            "  lower: /l (the kernel refuses writes)\n"
            "\n"
            "Data\n"
            "  passthrough: inactive: switched off by option\n"
            "\n"
            "In use\n"
            "  inodes: 0\n"
            "\n"
            "Other\n"
            "  words:\n"
            "    a\n"
            "    b\n"
            "\n"
            "Requests                count     median        99%\n"
            "  LOOKUP:                  12      48 us     2.6 ms\n"
            "  OPEN:                     3     1.2 us      3.0 s\n"
            "  FORGET:                   7\n");
}

TEST(StatusSummary, KeepsAReasonOfAnActiveFeature) {
  EXPECT_EQ(summarize_status(R"({"a":{"active":true,"reason":"directly"}})"),
            "Other\n  a: active: directly\n");
  EXPECT_EQ(summarize_status(R"({"a":{"active":"?"}})"), "Other\n  a: inactive\n");
}

TEST(StatusSummary, TakesReasonsThatBelongToNothingAsTheyAre) {
  EXPECT_EQ(summarize_status(R"({"a":1,"a_reason":"","b_reason":"x","_reason":"y"})"),
            "Other\n  a: 1\n  b_reason: x\n  _reason: y\n");
  EXPECT_EQ(summarize_status("{}"), "");
}

TEST(StatusSummary, ListsCopiesThatTakeLong) {
  EXPECT_EQ(summarize_status(R"({"copies":[
      {"file":"/d/a","phase":"copying","done":10485760,"total":41943040,"since":1,"seconds":12.4},
      {"file":"/b","phase":"syncing","done":0,"total":0,"seconds":1},
      {"file":"/c","phase":"copying","done":1,"total":2,"seconds":0.9}]})"),
            "Data\n  copies:\n    /d/a: copying, 10 of 40 MiB (25%), for 12 s\n"
            "    /b: syncing, 0 of 0 MiB (0%), for 1 s\n");
  EXPECT_EQ(summarize_status(R"({"copies":[]})"), "Data\n  copies: none that takes long\n");
  EXPECT_EQ(summarize_status(R"({"copies":[1,{"seconds":"x"},{"file":"/a","seconds":5}]})"),
            "Data\n  copies: none that takes long\n");
}

TEST(StatusSummary, TakesMembersOfOtherShapes) {
  EXPECT_EQ(
      summarize_status(R"({"layers":[7,{"role":"x"}],"requests":{"A":"b"},"latencies":{}})"),
      "Layers\n  7\n  {\"role\":\"x\"}\n"
      "\nRequests                count     median        99%\n  A:                        b\n");
}

TEST(StatusSummary, TellsHowManyRequestsASecondThereHaveBeen) {
  EXPECT_EQ(summarize_status(R"({"requests":{"LOOKUP":30,"OPEN":3,"READ":5}})",
                             R"({"requests":{"LOOKUP":10,"OPEN":3}})", std::chrono::seconds(2)),
            "Requests                count     median        99%   a second\n"
            "  LOOKUP:                  30                               10\n"
            "  OPEN:                     3\n"
            "  READ:                     5                                2\n");
  EXPECT_FALSE(summarize_status("{}", "[]", std::chrono::seconds(1)));
}

TEST(StatusSummary, SaysThatThereIsNone) {
  EXPECT_EQ(summarize_status(R"({"transfers":"","rules":{"count":0}})"),
            "Mount\n  rules: none\n\nData\n  transfers: none\n");
}

TEST(StatusSummary, RefusesOtherValuesThanObjects) {
  for (const auto text : {"", "{", "[]", "null", "{\"a\":}"}) {
    const auto summary = summarize_status(text);
    ASSERT_FALSE(summary) << text;
    EXPECT_EQ(summary.error().line(),
              "the status is not understood (another version of overpass may serve the mount)");
  }
}

}  // namespace
}  // namespace overpass::cli
