// SPDX-License-Identifier: MIT
//
// A status as a person reads it.

#include "cli/status_report.h"

#include <gtest/gtest.h>

namespace overpass::cli {
namespace {

constexpr std::string_view kStatus = R"({"version":"0.1.0","pid":4711,"mountpoint":"/m",
"transport":{"active":false,"reason":"io_uring is off: enable_uring is N"},
"passthrough":{"active":true,"reason":""},"threads":2,"read_only":false,
"requests":{"LOOKUP":12,"GETATTR":0,"OPEN":3},"layers":["/u","/l"]})";

TEST(StatusReport, SummarizesOneLinePerFeature) {
  EXPECT_EQ(summarize_status(kStatus),
            "version: 0.1.0\n"
            "pid: 4711\n"
            "mountpoint: /m\n"
            "transport: inactive: io_uring is off: enable_uring is N\n"
            "passthrough: active\n"
            "threads: 2\n"
            "read_only: false\n"
            "requests:\n"
            "  LOOKUP: 12\n"
            "  OPEN: 3\n"
            "layers: [\"/u\",\"/l\"]\n");
}

TEST(StatusReport, KeepsAReasonOfAnActiveFeature) {
  EXPECT_EQ(summarize_status(R"({"a":{"active":true,"reason":"directly"}})"),
            "a: active: directly\n");
  EXPECT_EQ(summarize_status(R"({"a":{"active":"?"}})"), "a: inactive\n");
}

TEST(StatusReport, RefusesWhatIsNoObject) {
  for (const auto text : {"", "{", "[]", "null", "{\"a\":}"}) {
    const auto summary = summarize_status(text);
    ASSERT_FALSE(summary) << text;
    EXPECT_EQ(summary.error().line(),
              "the status is not understood (another version of overpass may serve the mount)");
  }
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
