// SPDX-License-Identifier: MIT

#include "cli/fsmonitor_token.h"

#include <gtest/gtest.h>

namespace overpass::cli {
namespace {

TEST(FsmonitorToken, IsReadAsItWasWritten) {
  for (const char* top : {"", "project", "a:b/c\nd", ":"}) {
    const FsmonitorToken written = {UINT64_MAX, 12, 99, top};
    const auto read = read_fsmonitor_token(text_of(written));
    ASSERT_TRUE(read.has_value()) << top;
    EXPECT_EQ(read->mount, UINT64_MAX);
    EXPECT_EQ(read->number, 12U);
    EXPECT_EQ(read->ino, 99U);
    EXPECT_EQ(read->top, top);
  }
}

TEST(FsmonitorToken, IsOfOneDirectoryOfOneMount) {
  const FsmonitorToken token = {1, 2, 3, "top"};
  EXPECT_TRUE(token.is_of_same({1, 7, 3, "top"}));
  EXPECT_FALSE(token.is_of_same({9, 2, 3, "top"}));
  EXPECT_FALSE(token.is_of_same({1, 2, 9, "top"}));
  EXPECT_FALSE(token.is_of_same({1, 2, 3, "to"}));
}

TEST(FsmonitorToken, IsNoOtherText) {
  for (const char* text :
       {"", "1732867200000000000", "overpass-1", "overpass-1:", "overpass-1:1:2:3",
        "overpass-1:1:2", "overpass-2:1:2:3:", "overpass-1:1::3:", "overpass-1:1:-2:3:",
        "overpass-1: 1:2:3:", "overpass-1:1:2:18446744073709551616:", "Overpass-1:1:2:3:"}) {
    EXPECT_FALSE(read_fsmonitor_token(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace overpass::cli
