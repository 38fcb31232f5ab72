// SPDX-License-Identifier: MIT
//
// The table of flags, row by row, and what each flag does to a real file.

#include "io/rw_flags.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/uio.h>

#include <string>

#include "../sys/scratch.h"
#include "sys/file_io.h"

namespace overpass::io {
namespace {

using unit::must;

struct Case {
  const char* what;
  int open_flags;
  Trait traits;
  int for_read;
  int for_write;
};

constexpr Case kCases[] = {
    {"nothing", O_RDWR, Trait::None, 0, 0},
    {"append", O_RDWR | O_APPEND, Trait::None, 0, RWF_APPEND},
    {"data sync", O_RDWR | O_DSYNC, Trait::None, 0, RWF_DSYNC},
    {"sync", O_RDWR | O_SYNC, Trait::None, 0, RWF_SYNC | RWF_DSYNC},
    {"append and sync", O_WRONLY | O_APPEND | O_SYNC, Trait::None, 0,
     RWF_APPEND | RWF_SYNC | RWF_DSYNC},
    {"page of an appending handle", O_RDWR | O_APPEND, Trait::Writeback, 0, 0},
    {"page of a syncing handle", O_RDWR | O_SYNC, Trait::Writeback, 0, 0},
    {"page of all kinds", O_RDWR | O_APPEND | O_SYNC | O_DIRECT,
     Trait::Writeback | Trait::KillSetIds, 0, 0},
    {"set-id bits", O_RDWR, Trait::KillSetIds, 0, 0},
    {"append and set-id bits", O_RDWR | O_APPEND, Trait::KillSetIds, 0, RWF_APPEND},
    {"without waiting", O_RDWR, Trait::NoWait, RWF_NOWAIT, RWF_NOWAIT},
    {"page without waiting", O_RDWR | O_APPEND, Trait::NoWait | Trait::Writeback, RWF_NOWAIT,
     RWF_NOWAIT},
    {"append without waiting", O_RDWR | O_APPEND, Trait::NoWait, RWF_NOWAIT,
     RWF_NOWAIT | RWF_APPEND},
    {"high priority", O_RDWR, Trait::HighPriority, RWF_HIPRI, RWF_HIPRI},
    {"of the descriptor only", O_RDWR | O_DIRECT | O_NONBLOCK | O_NOATIME | O_TRUNC, Trait::None, 0,
     0},
    {"the flag of an exec", 040, Trait::None, 0, 0},
};

TEST(RwFlags, FollowTheTable) {
  for (const Case& row : kCases) {
    EXPECT_EQ(read_flags(row.open_flags, row.traits), row.for_read) << row.what;
    EXPECT_EQ(write_flags(row.open_flags, row.traits), row.for_write) << row.what;
  }
}

TEST(RwFlags, NeverMoveAPageThatIsWrittenBack) {
  for (int bits = 0; bits < 16; ++bits) {
    const Trait others = static_cast<Trait>(bits);
    for (const int open_flags : {O_APPEND, O_APPEND | O_SYNC, O_APPEND | O_DIRECT, ~0}) {
      EXPECT_EQ(write_flags(open_flags, others | Trait::Writeback) & RWF_APPEND, 0)
          << open_flags << " " << bits;
    }
  }
}

/// Writes through a handle opened with `open_flags` at offset 0 of a file that holds "0123456789".
std::string after_write(int open_flags, Trait traits, const std::string& text) {
  const unit::Scratch disk;
  disk.write("file", "0123456789");
  const UniqueFd fd = disk.open("file", O_RDWR);
  EXPECT_EQ(must(sys::write_once(fd, text, 0, write_flags(open_flags, traits))), text.size());
  return disk.read("file");
}

TEST(RwFlags, PutAnAppendAtTheEndOfTheFile) {
  EXPECT_EQ(after_write(O_WRONLY, Trait::None, "abc"), "abc3456789");
  EXPECT_EQ(after_write(O_WRONLY | O_APPEND, Trait::None, "abc"), "0123456789abc");
  EXPECT_EQ(after_write(O_WRONLY | O_APPEND | O_DSYNC, Trait::None, "abc"), "0123456789abc");
  EXPECT_EQ(after_write(O_WRONLY | O_APPEND, Trait::Writeback, "abc"), "abc3456789");
}

TEST(RwFlags, AreTakenByTheFileSystem) {
  const unit::Scratch disk;
  disk.write("file", "0123456789");
  const UniqueFd fd = disk.open("file", O_RDWR);
  for (const Case& row : kCases) {
    if (has(row.traits, Trait::NoWait)) continue;  // Not every file system can promise that.
    std::string buffer(4, ' ');
    EXPECT_EQ(must(sys::read_once(fd, buffer, 2, row.for_read)), 4u) << row.what;
    EXPECT_EQ(buffer, "2345") << row.what;
    EXPECT_EQ(must(sys::write_once(fd, buffer, 2, row.for_write)), 4u) << row.what;
  }
}

}  // namespace
}  // namespace overpass::io
