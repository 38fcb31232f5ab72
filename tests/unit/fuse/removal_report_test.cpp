// SPDX-License-Identifier: MIT
//
// The attribute that tells which names have gone, and its text.

#include "fuse/removal_report.h"

#include "fuse_test.h"

namespace overpass::unit {
namespace {

using Paths = std::vector<std::string>;

class RemovalReports : public FuseTest {
 protected:
  Answer ask(const std::string& number, uint64_t node = kRootId, uint32_t size = 65'536) {
    const std::string name = std::string(fuse::kRemovalsXattr) + number;
    return fuse.call(FUSE_GETXATTR, node, bytes_of(fuse_getxattr_in{.size = size}) + name_of(name));
  }
  fuse::RemovalReport report(uint64_t number) {
    auto report = fuse::read_removal_report(ask(std::to_string(number)).payload);
    if (!report) throw std::runtime_error("no report");
    return std::move(*report);
  }
};

TEST_F(RemovalReports, TellWhatHasGone) {
  fuse.disk.write("lower/d/file", "");
  const uint64_t next = report(0).since.next;
  ASSERT_EQ(fuse.call(FUSE_UNLINK, node_of("d"), name_of("file")).error, 0);
  const fuse::RemovalReport told = report(next);
  EXPECT_TRUE(told.since.is_whole);
  EXPECT_EQ(told.since.paths, Paths({"d/file"}));
  EXPECT_EQ(report(told.since.next).since.paths, Paths());
  EXPECT_EQ(ask(std::to_string(next), kRootId, 0).as<fuse_getxattr_out>().size,
            ask(std::to_string(next)).payload.size());
}

TEST_F(RemovalReports, TellWhereTheUpperIs) {
  const fuse::RemovalReport told = report(0);
  struct stat upper = {};
  ASSERT_EQ(::stat(told.upper.c_str(), &upper), 0);
  EXPECT_EQ(told.ino, upper.st_ino);
  EXPECT_EQ(told.device, upper.st_dev);
  EXPECT_FALSE(told.shares_files);
}

TEST_F(RemovalReports, AreForThoseWhoMaySeeAll) {
  fuse.caller.uid = 12'345;
  EXPECT_EQ(ask("0").error, EPERM);
}

TEST_F(RemovalReports, AreOfTheRootAndOfNumbers) {
  fuse.disk.write("lower/file", "");
  EXPECT_EQ(ask("0", node_of("file")).error, EOPNOTSUPP);
  for (const char* number : {"", "-1", "x", "1x", "99999999999999999999"}) {
    EXPECT_EQ(ask(number).error, EOPNOTSUPP) << number;
  }
}

TEST(RemovalReport, IsReadAsItWasWritten) {
  const fuse::RemovalReport written = {
      {7, 12, true, {"a", "d/b c", "\xff\n"}}, true, "/u p", 66, 99};
  const auto read = fuse::read_removal_report(fuse::text_of(written));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->since.mount, 7U);
  EXPECT_EQ(read->since.next, 12U);
  EXPECT_TRUE(read->since.is_whole);
  EXPECT_EQ(read->since.paths, written.since.paths);
  EXPECT_TRUE(read->shares_files);
  EXPECT_EQ(read->upper, "/u p");
  EXPECT_EQ(read->device, 66U);
  EXPECT_EQ(read->ino, 99U);
}

TEST(RemovalReport, IsNotReadIfItIsCut) {
  const std::string text = fuse::text_of({{7, 12, false, {"path"}}, false, "/upper", 66, 99});
  for (size_t length = 0; length < text.size(); ++length) {
    const auto read = fuse::read_removal_report(std::string_view(text).substr(0, length));
    // What ends behind the upper is a report without paths.
    EXPECT_EQ(read.has_value(), length == text.size() - sizeof "path") << length;
  }
}

}  // namespace
}  // namespace overpass::unit
