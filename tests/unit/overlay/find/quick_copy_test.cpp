// SPDX-License-Identifier: MIT

#include "overlay/find/quick_copy.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "../../sys/scratch.h"
#include "overlay/state/caller.h"
#include "sys/open.h"

namespace overpass::overlay {
namespace {

class QuickCopy : public testing::Test {
 protected:
  /// The answer for a file of this text, longer by a hole of `hole` bytes.
  bool must_wait(const std::string& text, off_t hole, off_t offset, size_t length) {
    const std::string path = disk.write("file", text);
    EXPECT_EQ(::truncate(path.c_str(), static_cast<off_t>(text.size()) + hole), 0);
    const auto file = sys::open_path(path.c_str(), O_RDWR);
    EXPECT_TRUE(file.has_value());
    const auto checked = check_quick_to_read(*file, offset, length);
    EXPECT_TRUE(checked || checked.failed_with(kMustWait));
    return !checked;
  }

  unit::Scratch disk;
};

TEST_F(QuickCopy, ReadsFewBytesThatWereJustWritten) {
  EXPECT_FALSE(must_wait("text", 0, 0, 4));
  EXPECT_FALSE(must_wait(std::string(kQuickCopy, 'x'), 0, 0, kQuickCopy));
}

TEST_F(QuickCopy, ReadsNoBytesOfAnything) { EXPECT_FALSE(must_wait("", 1 << 20, 5000, 0)); }

TEST_F(QuickCopy, WaitsForManyBytes) {
  EXPECT_TRUE(must_wait(std::string(kQuickCopy + 1, 'x'), 0, 0, kQuickCopy + 1));
}

TEST_F(QuickCopy, WaitsForWhatIsNotInMemory) {
  EXPECT_TRUE(must_wait("text", 50'000, 0, 50'000));
  EXPECT_TRUE(must_wait("text", 50'000, 20'000, 4096));
}

}  // namespace
}  // namespace overpass::overlay
