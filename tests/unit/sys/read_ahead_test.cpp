// SPDX-License-Identifier: MIT

#include "sys/read_ahead.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

namespace overpass::unit {
namespace {

TEST(ReadAhead, OfAFileSystemThatIsNotThereCannotBeSet) {
  const auto read_aheads = sys::open_read_aheads();
  if (read_aheads.failed_with(ENOENT)) GTEST_SKIP() << "needs sysfs";
  ASSERT_TRUE(read_aheads.has_value());
  const auto set = sys::set_read_ahead(*read_aheads, makedev(0, 1048575), 512);
  EXPECT_TRUE(set.failed_with(ENOENT)) << to_int(set.error());
}

}  // namespace
}  // namespace overpass::unit
