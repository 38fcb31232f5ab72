// SPDX-License-Identifier: MIT
//
// Single transfers with flags, and what is said of the page cache.

#include "sys/file_io.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/uio.h>

#include <string>

#include "scratch.h"

namespace overpass::sys {
namespace {

using unit::error_of;
using unit::must;

TEST(ReadOnce, StopsAtTheEndOfTheFile) {
  const unit::Scratch disk;
  disk.write("file", "0123456789");
  const UniqueFd fd = disk.open("file");
  std::string buffer(8, ' ');
  EXPECT_EQ(must(read_once(fd, buffer, 6, 0)), 4u);
  EXPECT_EQ(buffer, "6789    ");
  EXPECT_EQ(must(read_once(fd, buffer, 10, 0)), 0u);
  EXPECT_EQ(error_of(read_once(fd, buffer, -1 - 100, 0)), EINVAL);
}

TEST(WriteOnce, PutsAnAppendAtTheEnd) {
  const unit::Scratch disk;
  disk.write("file", "0123456789");
  const UniqueFd fd = disk.open("file", O_RDWR);
  const std::string text = "abc";
  EXPECT_EQ(must(write_once(fd, text, 2, 0)), 3u);
  EXPECT_EQ(must(write_once(fd, text, 0, RWF_APPEND)), 3u);
  EXPECT_EQ(disk.read("file"), "01abc56789abc");
  EXPECT_EQ(error_of(write_once(disk.open("file"), text, 0, 0)), EBADF);
}

TEST(PageCache, HoldsWhatWasJustWritten) {
  const unit::Scratch disk;
  disk.write("file", std::string(10'000, 'x'));
  const UniqueFd fd = disk.open("file");
  const auto answer = is_in_page_cache(fd, 0, 10'000);
  if (answer.failed_with(ENOSYS)) GTEST_SKIP() << "the kernel has no cachestat(2)";
  EXPECT_TRUE(must(answer));
  EXPECT_TRUE(must(is_in_page_cache(fd, 5'000, 100))) << "a part of a page";
  EXPECT_TRUE(must(is_in_page_cache(fd, 0, 1'000'000)))
      << "beyond the end there is nothing to read";
  EXPECT_TRUE(must(is_in_page_cache(fd, 10'000, 1)));
}

TEST(PageCache, DoesNotHoldWhatWasThrownOut) {
  const unit::Scratch disk;
  disk.write("file", std::string(1 << 20, 'x'));
  const UniqueFd fd = disk.open("file", O_RDWR);
  must(sync_file(fd));
  if (::posix_fadvise(raw(fd), 0, 0, POSIX_FADV_DONTNEED) != 0) GTEST_SKIP() << "no advice";
  const auto answer = is_in_page_cache(fd, 0, 1 << 20);
  if (answer.failed_with(ENOSYS)) GTEST_SKIP() << "the kernel has no cachestat(2)";
  std::string buffer(1, ' ');
  // In memory (tmpfs) nothing is ever thrown out, and reading without waiting says so.
  const bool is_in_memory = read_once(fd, buffer, 0, RWF_NOWAIT).has_value();
  EXPECT_EQ(must(answer), is_in_memory);
}

}  // namespace
}  // namespace overpass::sys
