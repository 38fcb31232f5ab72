// SPDX-License-Identifier: MIT

#include "fuse/concurrent_callers.h"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace overpass::fuse {
namespace {

/// The callers that are taken to run side by side, after these requests.
std::vector<uint64_t> side_by_side(ConcurrentCallers& callers, std::string_view requests) {
  for (const char caller : requests)
    callers.note(caller == '.' ? 0 : static_cast<uint64_t>(caller));
  std::vector<uint64_t> found;
  for (const uint64_t caller : callers.take()) {
    if (caller != 0) found.push_back(caller);
  }
  return found;
}

std::vector<uint64_t> side_by_side(std::string_view requests) {
  ConcurrentCallers callers;
  return side_by_side(callers, requests);
}

using Callers = std::vector<uint64_t>;

TEST(ConcurrentCallers, AreNoneWithoutRequests) {
  EXPECT_EQ(side_by_side(""), Callers());
  EXPECT_EQ(side_by_side("..."), Callers());
}

TEST(ConcurrentCallers, AreTheOneThatIsAlone) {
  EXPECT_EQ(side_by_side("AAAAAAAAAAAAAAAA"), Callers{'A'});
  EXPECT_EQ(side_by_side("AAAAAAA.AAAAABAA"), Callers{'A'});
}

TEST(ConcurrentCallers, AreThoseThatComeBackAfterEachOther) {
  EXPECT_EQ(side_by_side("ABABABABABABABAB").size(), 2U);
  EXPECT_EQ(side_by_side("AABBAAABAABBABBB").size(), 2U);
  EXPECT_EQ(side_by_side("ABCABCABCABCABC").size(), 3U);
}

TEST(ConcurrentCallers, AreNotThoseThatRunOneAfterAnother) {
  EXPECT_EQ(side_by_side("AAAABBBBCCCCDDDD"), Callers());
}

TEST(ConcurrentCallers, AreCountedAnewEachTime) {
  ConcurrentCallers callers;
  EXPECT_EQ(side_by_side(callers, "ABABABABABABABAB").size(), 2U);
  EXPECT_EQ(side_by_side(callers, "BBBBBBBBBBBBBBBB"), Callers{'B'});
  EXPECT_EQ(side_by_side(callers, ""), Callers());
}

TEST(ConcurrentCallers, AreTheLastOnesWhereThereAreTooMany) {
  EXPECT_LE(side_by_side("ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP").size(), ConcurrentCallers::kMost);
}

}  // namespace
}  // namespace overpass::fuse
