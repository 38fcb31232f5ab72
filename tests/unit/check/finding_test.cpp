// SPDX-License-Identifier: MIT
//
// The table of kinds as a contract: identifiers are unique and plain, and the texts make sentences.

#include "check/finding.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace overpass::check {

namespace {

TEST(Kinds, HaveIdentifiersThatAreUniqueAndPlain) {
  std::set<std::string_view> seen;
  for (const KindRow& row : kinds()) {
    EXPECT_TRUE(seen.insert(row.id).second) << row.id;
    EXPECT_EQ(row.id.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string_view::npos)
        << row.id;
  }
}

TEST(Kinds, HaveAMeaningAndARemedy) {
  for (const KindRow& row : kinds()) {
    EXPECT_FALSE(row.meaning.empty() || row.meaning.ends_with('.')) << row.id;
    EXPECT_FALSE(row.remedy.empty() || row.remedy.ends_with('.')) << row.id;
    EXPECT_EQ(row_of(row.kind).id, row.id);
  }
}

TEST(Kinds, AreRepairableOnlyWhenSomethingIsWrong) {
  for (const KindRow& row : kinds()) {
    EXPECT_TRUE(!row.is_repairable || row.severity == Severity::Warning) << row.id;
  }
}

}  // namespace

}  // namespace overpass::check
