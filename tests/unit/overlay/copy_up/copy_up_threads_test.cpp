// SPDX-License-Identifier: MIT
//
// Copy-up while others want the same file: write it, read it, rename it, remove it. Who copies is
// left to chance; what comes out is not.

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "../../base/together.h"
#include "../union.h"
#include "overlay/change/create.h"
#include "overlay/change/remove.h"
#include "overlay/change/rename.h"
#include "overlay/copy_up/copy_up.h"
#include "overlay/find/attributes.h"
#include "overlay/find/locate.h"
#include "overlay/find/lookup.h"

namespace overpass::overlay {
namespace {

using unit::error_of;
using unit::Handle;
using unit::must;
using unit::run_together;
using unit::Union;

/// Bytes this process has written or had copied, as the kernel counts them.
size_t bytes_written() {
  std::ifstream stream("/proc/self/io");
  std::string key;
  size_t value = 0;
  while (stream >> key >> value) {
    if (key == "wchar:") return value;
  }
  return 0;
}

class CopyUpTogether : public testing::Test {
 protected:
  static constexpr size_t kSize = 2 << 20;

  /// Makes `name` in the lower and finds it in the union.
  InodeRef add(const std::string& name, size_t size = kSize) {
    u_.disk.write("lower1/" + name, std::string(size, 'x'));
    return u_.at(name);
  }

  /// open(2) of a file found before: walks the path once more upon ESTALE.
  Handle open(const InodeRef& inode, int flags) {
    auto opened = u_.open_node(inode, flags);
    if (!opened.failed_with(ESTALE)) return must(std::move(opened));
    return must(u_.open_node(current(inode), flags));
  }

  void overwrite(const InodeRef& inode, char text) {
    open(inode, O_RDWR).write(std::string(1, text));
  }

  std::string expected(char first, size_t size = kSize) {
    return first + std::string(size - 1, 'x');
  }

  Union u_;
};

TEST_F(CopyUpTogether, IsDoneOnceForAllFirstWriters) {
  for (int round = 0; round < 10; ++round) {
    const std::string name = "d" + std::to_string(round) + "/file";
    const InodeRef inode = add(name);
    const size_t before = bytes_written();
    const auto write = [&] { overwrite(inode, 'w'); };
    run_together({write, write, write, write});
    // Two copies would be twice as much; other small writes are far less than a second one.
    EXPECT_LT(bytes_written() - before, 2 * kSize);
    EXPECT_EQ(u_.disk.read("upper/" + name), expected('w'));
    EXPECT_EQ(u_.disk.stat("upper/" + name).st_nlink, 1U);
    EXPECT_EQ(u_.disk.names("work/work"), std::vector<std::string>{"whiteout"});
  }
}

TEST_F(CopyUpTogether, MakesEachDirectoryOnTheWayOnce) {
  std::vector<std::function<void()>> works;
  for (int i = 0; i < 4; ++i) {
    const InodeRef inode = add("a/b/c/d/file" + std::to_string(i), 10);
    works.emplace_back([this, inode] { overwrite(inode, 'w'); });
  }
  run_together(works);
  EXPECT_EQ(u_.names("a/b/c/d").size(), 4U);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(u_.disk.read("upper/a/b/c/d/file" + std::to_string(i)), expected('w', 10));
  }
  EXPECT_EQ(u_.disk.names("work/work"), std::vector<std::string>{"whiteout"});
}

TEST_F(CopyUpTogether, LeavesReadersTheWholeFile) {
  for (int round = 0; round < 10; ++round) {
    const InodeRef inode = add("file" + std::to_string(round));
    std::atomic<bool> is_over = false;
    const auto reader = [&] {
      do {
        const std::string text = open(inode, O_RDONLY).read();
        ASSERT_TRUE(text == expected('x') || text == expected('w')) << text.size();
      } while (!is_over);
    };
    run_together({reader, reader, [&] {
                    overwrite(inode, 'w');
                    is_over = true;
                  }});
  }
}

TEST_F(CopyUpTogether, SurvivesTheRemovalOfItsFile) {
  for (int round = 0; round < 20; ++round) {
    const std::string name = "file" + std::to_string(round);
    const InodeRef inode = add(name);
    run_together({[&] {
                    Handle handle = must(u_.open_node(inode, O_RDWR));
                    handle.write("w");
                    EXPECT_EQ(handle.read(), expected('w'));
                  },
                  [&] { EXPECT_EQ(u_.remove(name), 0); }});
    EXPECT_FALSE(u_.shows(name));
    EXPECT_TRUE(u_.disk.is_whiteout("upper/" + name));
  }
}

TEST_F(CopyUpTogether, SurvivesARenameOfItsFile) {
  for (int round = 0; round < 20; ++round) {
    const std::string name = "file" + std::to_string(round);
    const InodeRef inode = add(name);
    run_together(
        {[&] { overwrite(inode, 'w'); }, [&] { EXPECT_EQ(u_.rename(name, "new" + name), 0); }});
    EXPECT_EQ(u_.read("new" + name), expected('w'));
    EXPECT_FALSE(u_.shows(name));
    EXPECT_EQ(u_.at("new" + name).get(), current(inode).get());
  }
}

TEST_F(CopyUpTogether, SurvivesItsReplacementByARename) {
  for (int round = 0; round < 20; ++round) {
    const std::string name = "file" + std::to_string(round);
    const InodeRef inode = add(name);
    u_.write("other" + name, "other");
    run_together(
        {[&] { overwrite(inode, 'w'); }, [&] { EXPECT_EQ(u_.rename("other" + name, name), 0); }});
    EXPECT_EQ(u_.read(name), "other");
  }
}

TEST_F(CopyUpTogether, TakesEveryKindOfChangeAtOnce) {
  for (int round = 0; round < 20; ++round) {
    const std::string name = "file" + std::to_string(round);
    const InodeRef inode = add(name);
    run_together({[&] { overwrite(inode, 'w'); }, [&] { EXPECT_EQ(u_.chmod(name, 0600), 0); },
                  [&] { EXPECT_EQ(u_.link(name, "link" + name), 0); },
                  [&] { EXPECT_EQ(u_.truncate(name, 5), 0); }});
    const sys::Stat stat = u_.stat(name);
    EXPECT_EQ(stat.stx_mode & 07777, 0600U);
    EXPECT_EQ(stat.stx_nlink, 2U);
    EXPECT_EQ(u_.read("link" + name), "wxxxx");
  }
}

TEST_F(CopyUpTogether, NeverShowsATruncatedFileToOthersThatNeedIt) {
  // An O_TRUNC open copies nothing; a chmod that joins it must not find itself with less than that.
  for (int round = 0; round < 20; ++round) {
    const std::string name = "file" + std::to_string(round);
    const InodeRef inode = add(name);
    run_together({[&] { must(u_.open_node(inode, O_WRONLY | O_TRUNC)).write("new"); },
                  [&] { EXPECT_EQ(u_.chmod(name, 0600), 0); }});
    EXPECT_EQ(u_.read(name), "new");
    EXPECT_EQ(u_.stat(name).stx_mode & 07777, 0600U);
  }
}

TEST_F(CopyUpTogether, KeepsDirectoriesAndTheirRemovalApart) {
  // rmdir of a directory of a lower against the copy-up of it by a creation inside.
  for (int round = 0; round < 40; ++round) {
    const std::string name = "d" + std::to_string(round);
    u_.disk.directory("lower1/" + name);
    const InodeRef directory = u_.at(name);
    int made = -1, removed = -1;
    run_together({[&] {
                    made =
                        error_of(make_directory(u_.overlay(), unit::kRoot, directory, "sub", 0755));
                  },
                  [&] { removed = u_.remove_directory(name); }});
    if (made == 0) {
      EXPECT_EQ(removed, ENOTEMPTY);
      EXPECT_TRUE(u_.shows(name + "/sub"));
    } else {
      EXPECT_EQ(made, ENOENT);
      EXPECT_EQ(removed, 0);
      EXPECT_FALSE(u_.shows(name));
    }
  }
}

TEST_F(CopyUpTogether, KeepsListingsWhole) {
  for (int i = 0; i < 60; ++i) add("d/file" + std::to_string(i), 1);
  std::atomic<bool> is_over = false;
  const auto lister = [&] {
    do {
      EXPECT_EQ(u_.names("d").size(), 60U);
    } while (!is_over);
  };
  run_together({lister, lister, [&] {
                  for (int i = 0; i < 60; ++i) {
                    EXPECT_EQ(u_.chmod("d/file" + std::to_string(i), 0600), 0);
                  }
                  is_over = true;
                }});
}

TEST(HardLinksTogether, AreOneInodeHoweverTheyAreFound) {
  Union u;
  constexpr int kFiles = 200;
  for (int i = 0; i < kFiles; ++i) {
    const std::string number = std::to_string(i);
    u.disk.write("upper/a/" + number, "text");
    u.disk.directory("upper/b");
    ASSERT_EQ(
        ::link(u.disk.path("upper/a/" + number).c_str(), u.disk.path("upper/b/" + number).c_str()),
        0);
  }
  const InodeRef a = u.at("a"), b = u.at("b");
  std::atomic<int> both = 0;
  std::vector<InodeRef> of_a(kFiles), of_b(kFiles);
  const auto walk = [&](const InodeRef& directory, std::vector<InodeRef>& found) {
    for (size_t i = 0; i < found.size(); ++i) {
      // In step, so that both look at the same time.
      ++both;
      while (both < 2 * static_cast<int>(i + 1)) std::this_thread::yield();
      found[i] = must(lookup(u.overlay(), directory, std::to_string(i).c_str())).inode;
    }
  };
  run_together({[&] { walk(a, of_a); }, [&] { walk(b, of_b); }});
  for (size_t i = 0; i < kFiles; ++i) EXPECT_EQ(of_a[i].get(), of_b[i].get()) << i;
}

}  // namespace
}  // namespace overpass::overlay
