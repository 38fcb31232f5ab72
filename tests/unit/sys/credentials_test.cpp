// SPDX-License-Identifier: MIT
//
// Whose rights a call has, thread by thread. Each test runs in a thread of its own, since threads
// keep what they are given.

#include "sys/credentials.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "scratch.h"
#include "sys/attributes.h"
#include "sys/names.h"
#include "sys/open.h"

namespace overpass::sys {
namespace {

using unit::error_of;
using unit::must;
using unit::Scratch;

class Credentials : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    disk.directory("everybodys", 01777);
  }

  /// Runs `work` in a thread as the daemon's are.
  static void in_a_thread(const std::function<void()>& work) {
    std::thread([&] {
      trim_capabilities();
      work();
    }).join();
  }

  Scratch disk;
};

TEST_F(Credentials, OfACallerOwnWhatIsMadeForHim) {
  in_a_thread([&] {
    const UniqueFd root = disk.open("everybodys", O_RDONLY | O_DIRECTORY);
    {
      const ActingAs acting(1234, 5678);
      must(make_directory(root, "his", 0700));
    }
    must(make_directory(root, "ours", 0700));
  });
  EXPECT_EQ(disk.stat("everybodys/his").st_uid, 1234U);
  EXPECT_EQ(disk.stat("everybodys/his").st_gid, 5678U);
  EXPECT_EQ(disk.stat("everybodys/ours").st_uid, 0U);
}

TEST_F(Credentials, OfACallerAreNoOthersAtTheSameTime) {
  in_a_thread([&] {
    const ActingAs acting(1234, 5678);
    in_a_thread([&] {
      const UniqueFd root = disk.open("everybodys", O_RDONLY | O_DIRECTORY);
      const ActingAs other(4321, 8765);
      must(make_directory(root, "others", 0700));
    });
    const UniqueFd root = disk.open("everybodys", O_RDONLY | O_DIRECTORY);
    must(make_directory(root, "his", 0700));
  });
  EXPECT_EQ(disk.stat("everybodys/others").st_uid, 4321U);
  EXPECT_EQ(disk.stat("everybodys/his").st_uid, 1234U);
}

TEST_F(Credentials, OfACallerKeepTheRightsOfTheDaemon) {
  // Permissions were checked by the kernel already; the daemon's own marks need its capabilities.
  disk.directory("closed", 0700);
  in_a_thread([&] {
    const UniqueFd root = disk.open("closed", O_RDONLY | O_DIRECTORY);
    const ActingAs acting(1234, 5678);
    EXPECT_EQ(error_of(make_directory(root, "made", 0700)), 0);
  });
}

TEST_F(Credentials, WithoutFsetidLoseSetIdBitsByWriting) {
  disk.write("program", "text", 06777);
  in_a_thread([&] {
    const UniqueFd file = disk.open("program", O_RDWR);
    EXPECT_EQ(::write(raw(file), "TEXT", 4), 4);
  });
  EXPECT_EQ(disk.stat("program").st_mode & 07777, 0777U);
}

TEST_F(Credentials, KeepASetGroupIdBitWhereThatIsWanted) {
  disk.write("file", "");
  disk.write("other", "");
  for (const char* name : {"file", "other"}) {
    ASSERT_EQ(::chown(disk.path(name).c_str(), 1000, 4242), 0);
  }
  in_a_thread([&] {
    const UniqueFd root = disk.open("", O_RDONLY | O_DIRECTORY);
    {
      const KeepingSetgid keeping(true);
      must(change_mode({root, "file"}, 02755));
    }
    must(change_mode({root, "other"}, 02755));
  });
  EXPECT_EQ(disk.stat("file").st_mode & 07777, 02755U);
  EXPECT_EQ(disk.stat("other").st_mode & 07777, 0755U);
}

TEST_F(Credentials, HaveAnUmaskForEachThread) {
  in_a_thread([&] {
    set_thread_umask(077);
    in_a_thread([&] {
      set_thread_umask(0);
      const UniqueFd root = disk.open("", O_RDONLY | O_DIRECTORY);
      must(make_directory(root, "open", 0777));
    });
    const UniqueFd root = disk.open("", O_RDONLY | O_DIRECTORY);
    must(make_directory(root, "closed", 0777));
  });
  EXPECT_EQ(disk.stat("open").st_mode & 07777, 0777U);
  EXPECT_EQ(disk.stat("closed").st_mode & 07777, 0700U);
}

}  // namespace
}  // namespace overpass::sys
