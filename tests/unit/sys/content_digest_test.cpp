// SPDX-License-Identifier: MIT
//
// Equal contents have equal digests however they are stored; every difference shows.

#include "sys/content_digest.h"

#include <gtest/gtest.h>

#include "scratch.h"

namespace overpass::sys {

namespace {

using unit::error_of;
using unit::must;
using unit::Scratch;

constexpr off_t kSize = (off_t{5} << 20) + 123;

/// Where reads come from must not matter.
class ContentDigest : public testing::TestWithParam<ReadFrom> {
 protected:
  /// `pieces`: offsets at which a few bytes stand; the rest is a hole.
  UniqueFd file(const std::vector<off_t>& pieces, off_t size = kSize) {
    UniqueFd made = scratch.open("file" + std::to_string(++serial), O_RDWR | O_CREAT);
    EXPECT_EQ(::ftruncate(raw(made), size), 0);
    for (const off_t offset : pieces) EXPECT_EQ(::pwrite(raw(made), "text", 4, offset), 4);
    EXPECT_EQ(::fsync(raw(made)), 0);
    return made;
  }
  Digest digest(BorrowedFd of, off_t size = kSize) {
    return must(digest_of_content(of, size, GetParam()));
  }

  Scratch scratch;
  int serial = 0;
};

TEST_P(ContentDigest, IsThatOfTheBytesWhetherStoredOrNot) {
  const UniqueFd sparse = file({4096, 3 << 20});
  const UniqueFd full = file({4096, 3 << 20});
  const std::string zeros(1 << 20, '\0');
  ASSERT_EQ(::pwrite(raw(full), zeros.data(), zeros.size(), 1 << 20), 1 << 20);
  ASSERT_EQ(::pwrite(raw(full), zeros.data(), 123, 5 << 20), 123);
  ASSERT_EQ(::fsync(raw(full)), 0);
  EXPECT_EQ(digest(sparse), digest(full));
  EXPECT_EQ(digest(file({})), Digest(digest(file({}, 10), 10))) << "nothing but zeros";
}

TEST_P(ContentDigest, TellsEachDifference) {
  const Digest one = digest(file({4096, 3 << 20}));
  EXPECT_NE(one, digest(file({4096})));
  EXPECT_NE(one, digest(file({4096, (3 << 20) + 1})));
  EXPECT_NE(one, digest(file({4096, 3 << 20, kSize - 4})));
  EXPECT_NE(one, digest(file({4096, 2 << 20}))) << "the same block elsewhere";
}

TEST_P(ContentDigest, GoesNoFurtherThanItIsAskedTo) {
  EXPECT_EQ(digest(file({100, 5000}), 4000), digest(file({100}), 4000));
  EXPECT_NE(digest(file({100, 5000}), 5001), digest(file({100}), 5001));
}

TEST_P(ContentDigest, TakesWhatIsMissingForZeros) {
  EXPECT_EQ(digest(file({100}, 200)), digest(file({100})));
}

TEST_P(ContentDigest, LeavesTheDescriptorAsItWas) {
  const UniqueFd one = file({100});
  const int before = ::fcntl(raw(one), F_GETFL);
  digest(one);
  EXPECT_EQ(::fcntl(raw(one), F_GETFL), before);
}

TEST_P(ContentDigest, EndsWhereTheObserverSaysSo) {
  struct Ending : CopyObserver {
    Result<void> reached(off_t offset) override {
      last = offset;
      return offset >= 2 << 20 ? Result<void>(fail(EINTR)) : Result<void>();
    }
    off_t last = 0;
  } ending;
  const UniqueFd one = file({0, 1 << 20, 2 << 20, 3 << 20});
  EXPECT_EQ(error_of(digest_of_content(one, kSize, GetParam(), &ending)), EINTR);
  EXPECT_EQ(ending.last, 2 << 20);
}

INSTANTIATE_TEST_SUITE_P(From, ContentDigest, testing::Values(ReadFrom::Cache, ReadFrom::Disk),
                         [](const auto& row) {
                           return row.param == ReadFrom::Cache ? "TheCache" : "TheDisk";
                         });

}  // namespace

}  // namespace overpass::sys
