// SPDX-License-Identifier: MIT
//
// What the name index relies on: equal bytes are equal, seeds part directories.

#include "base/hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace overpass {
namespace {

TEST(Hash, OfTheSameBytesIsTheSame) {
  const std::string name = "name";
  EXPECT_EQ(hash_bytes(name), hash_bytes("name"));
  EXPECT_EQ(hash_bytes(name, 7), hash_bytes("name", 7));
}

TEST(Hash, TellsZeroBytesAndLengthsApart) {
  using namespace std::string_view_literals;
  EXPECT_NE(hash_bytes(""sv), hash_bytes("\0"sv));
  EXPECT_NE(hash_bytes("a"sv), hash_bytes("a\0"sv));
}

TEST(Hash, OfOneNameDiffersByItsDirectory) {
  std::set<uint64_t> seen;
  for (uint64_t directory = 0; directory < 1000; ++directory) {
    seen.insert(hash_bytes("name", directory));
  }
  EXPECT_EQ(seen.size(), 1000U);
}

TEST(Hash, SpreadsNamesThatAreAlike) {
  // In buckets of a power of two, as the index has them.
  constexpr size_t kNames = 4096, kBuckets = 1024;
  std::vector<size_t> buckets(kBuckets);
  for (size_t i = 0; i < kNames; ++i) ++buckets[hash_bytes("file" + std::to_string(i)) % kBuckets];
  EXPECT_LT(*std::max_element(buckets.begin(), buckets.end()), 20U);
}

TEST(StreamHash, DoesNotDependOnTheCuts) {
  std::string text(5000, 'x');
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7);
  StreamHash whole;
  whole.update(text);
  for (const size_t piece : {1UL, 63UL, 240UL, 4999UL}) {
    StreamHash cut;
    for (size_t at = 0; at < text.size(); at += piece) {
      cut.update(std::string_view(text).substr(at, piece));
    }
    EXPECT_EQ(cut.digest(), whole.digest()) << piece;
  }
  whole.update("x");
  EXPECT_NE(whole.digest(), StreamHash().digest());
}

}  // namespace
}  // namespace overpass
