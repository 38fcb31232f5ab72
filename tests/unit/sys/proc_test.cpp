// SPDX-License-Identifier: MIT
//
// The procfs that is kept, and which system calls there are.

#include "sys/proc.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "scratch.h"
#include "sys/calls.h"
#include "sys/file_io.h"
#include "sys/open.h"

namespace overpass::sys {
namespace {

using unit::error_of;
using unit::must;
using unit::Scratch;

TEST(Proc, ShowsThisProcessBeforeAndAfterItIsKept) {
  for (int round = 0; round < 2; ++round) {
    EXPECT_TRUE(proc_has_own_numbers());
    EXPECT_EQ(must(read_proc("self/stat")).substr(0, std::to_string(::getpid()).size()),
              std::to_string(::getpid()));
    EXPECT_EQ(error_of(read_proc("self/absent")), ENOENT);
    must(keep_proc());
  }
}

TEST(Proc, LeadsToAnOpenFileByItsNumber) {
  const Scratch disk;
  disk.write("file", "content");
  const UniqueFd path = disk.open("file", O_PATH);
  const UniqueFd file = must(reopen(path, O_RDONLY));
  EXPECT_EQ(must(read_to_end(file)), "content");
  const UniqueFd same = must(open_path(ProcPath(place_of(path)).c_str(), O_RDONLY));
  EXPECT_EQ(must(read_to_end(same)), "content");
  const UniqueFd root = disk.open("", O_PATH | O_DIRECTORY);
  const UniqueFd named = must(open_path(ProcPath(Place{root, "file"}).c_str(), O_RDONLY));
  EXPECT_EQ(must(read_to_end(named)), "content");
}

TEST(Proc, OfAChildIsItsOwn) {
  const int parents = raw(own_files());
  ASSERT_GE(parents, 0);
  const pid_t child = ::fork();
  if (child == 0) {
    // The number is free for something else, and the child's files are found by theirs.
    const bool is_closed = ::fcntl(parents, F_GETFD) < 0;
    int ends[2];
    if (::pipe(ends) < 0) ::_exit(2);
    const bool is_own =
        ::faccessat(raw(own_files()), FdName(BorrowedFd{ends[1]}).c_str(), F_OK, 0) == 0;
    ::_exit(is_closed && is_own ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(Calls, AreAllThereWithoutAFilter) {
  const auto refused = find_refused_call(true);
  EXPECT_FALSE(refused) << refused->name;
  must(try_thread());
}

}  // namespace
}  // namespace overpass::sys
