// SPDX-License-Identifier: MIT
//
// Content and holes, between files of one file system and of two.

#include "sys/copy_data.h"

#include <gtest/gtest.h>

#include <csignal>
#include <random>

#include <sys/resource.h>

#include "scratch.h"
#include "sys/file_io.h"

namespace overpass::sys {
namespace {

using unit::content_of;
using unit::error_of;
using unit::must;
using unit::Scratch;

std::string noise(size_t length) {
  std::mt19937 random(static_cast<unsigned>(length));
  std::string text(length, '\0');
  for (char& byte : text) byte = static_cast<char>(random());
  return text;
}

/// To where: the same file system, or one in memory.
class CopyData : public testing::TestWithParam<bool> {
 protected:
  std::string copy(size_t size) {
    const UniqueFd from = source.open("file");
    const UniqueFd to = target.open("copy", O_RDWR | O_CREAT | O_TRUNC);
    must(copy_data(from, to, static_cast<off_t>(size)));
    return content_of(to);
  }

  Scratch source;
  Scratch target{GetParam() ? std::filesystem::path("/dev/shm") : Scratch::suitable_parent()};
};

TEST_P(CopyData, TakesFilesOfEverySize) {
  for (const size_t size : {0UL, 1UL, 4095UL, 4096UL, 4097UL, 1UL << 20, (3UL << 20) + 5}) {
    const std::string text = noise(size);
    source.write("file", text);
    EXPECT_EQ(copy(size), text) << size;
  }
}

TEST_P(CopyData, TakesNoMoreThanItIsAskedFor) {
  const std::string text = noise(100000);
  source.write("file", text);
  EXPECT_EQ(copy(12345), text.substr(0, 12345));
}

TEST_P(CopyData, KeepsHoles) {
  constexpr off_t kSize = off_t{64} << 20;
  {
    const UniqueFd file = source.open("file", O_RDWR | O_CREAT);
    ASSERT_EQ(::ftruncate(raw(file), kSize), 0);
    ASSERT_EQ(::pwrite(raw(file), "begin", 5, 4096), 5);
    ASSERT_EQ(::pwrite(raw(file), "middle", 6, kSize / 2), 6);
  }
  const std::string copied = copy(kSize);
  EXPECT_EQ(copied, content_of(source.open("file")));
  EXPECT_EQ(copied.substr(kSize / 2, 6), "middle");
  const struct stat stat = target.stat("copy");
  EXPECT_EQ(stat.st_size, kSize);
  EXPECT_LT(stat.st_blocks * 512, 4 << 20) << "the holes were filled";
}

TEST_P(CopyData, TakesAFileThatEndsInAHole) {
  {
    const UniqueFd file = source.open("file", O_RDWR | O_CREAT);
    ASSERT_EQ(::pwrite(raw(file), "text", 4, 0), 4);
    ASSERT_EQ(::ftruncate(raw(file), 1 << 20), 0);
  }
  EXPECT_EQ(copy(1 << 20).size(), size_t{1 << 20});
}

TEST_P(CopyData, TellsThatThereIsNoRoom) {
  source.write("file", noise(1 << 20));
  const UniqueFd from = source.open("file");
  const UniqueFd to = target.open("copy", O_RDWR | O_CREAT | O_TRUNC);
  rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {65536, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const int error = error_of(copy_data(from, to, 1 << 20));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(error, EFBIG);
}

/// Notes how far a copy came and ends it there.
struct Following : CopyObserver {
  explicit Following(off_t last) : end(last) {}
  Result<void> reached(off_t offset) override {
    EXPECT_GT(offset, at);
    EXPECT_LE(offset - at, off_t{8} << 20) << "too long without a word";
    at = offset;
    return offset >= end ? Result<void>(fail(EINTR)) : Result<void>();
  }
  const off_t end;
  off_t at = 0;
};

TEST_P(CopyData, TellsHowFarItIs) {
  const std::string text = noise((17 << 20) + 5);
  source.write("file", text);
  const UniqueFd from = source.open("file");
  const UniqueFd to = target.open("copy", O_RDWR | O_CREAT | O_TRUNC);
  Following following(off_t{1} << 40);
  must(copy_data(from, to, static_cast<off_t>(text.size()), &following, Afterwards::Synced));
  EXPECT_TRUE(following.at == static_cast<off_t>(text.size()) || following.at == 0) << "or a clone";
  EXPECT_EQ(content_of(to), text);
}

TEST_P(CopyData, EndsWhenItsObserverSaysSo) {
  source.write("file", noise(17 << 20));
  const UniqueFd from = source.open("file");
  const UniqueFd to = target.open("copy", O_RDWR | O_CREAT | O_TRUNC);
  if (clone_file(from, to)) return;  // Nothing to end.
  Following following(1);
  EXPECT_EQ(error_of(copy_data(from, to, 17 << 20, &following)), EINTR);
  EXPECT_LE(following.at, off_t{8} << 20);
}

INSTANTIATE_TEST_SUITE_P(To, CopyData, testing::Bool(), [](const auto& parameter) {
  return parameter.param ? "AnotherFileSystem" : "TheSameFileSystem";
});

}  // namespace
}  // namespace overpass::sys
