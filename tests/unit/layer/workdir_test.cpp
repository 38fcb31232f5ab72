// SPDX-License-Identifier: MIT
//
// Temporaries: emptied away before, published or discarded after, and whiteouts that share an
// inode.

#include "layer/workdir.h"

#include <gtest/gtest.h>
#include <stdio.h>

#include <set>
#include <thread>

#include "../base/together.h"
#include "../sys/scratch.h"
#include "sys/names.h"

namespace overpass::layer {
namespace {

using unit::error_of;
using unit::must;
using unit::Scratch;

class Work : public testing::Test {
 protected:
  Work() {
    disk.directory("upper");
    disk.directory("work");
    upper = disk.open("upper", O_RDONLY | O_DIRECTORY);
    work = disk.open("work", O_RDONLY | O_DIRECTORY);
  }

  std::vector<std::string> temporaries() const {
    std::vector<std::string> names = disk.names("work/work");
    std::erase_if(names, [](const std::string& name) { return name[0] != '#'; });
    return names;
  }

  Scratch disk;
  UniqueFd upper, work;
};

TEST_F(Work, IsEmptiedOfTheLeftoversOfACrash) {
  disk.write("work/work/#3", "half a copy");
  disk.write("work/work/#4/deep/down/file", "");
  disk.whiteout("work/work/#4/whiteout");
  std::filesystem::create_directory_symlink(disk.directory("elsewhere"), disk.path("work/work/#5"));
  disk.write("elsewhere/file", "not ours");
  const Workdir workdir = must(Workdir::prepare(work));
  EXPECT_EQ(temporaries(), std::vector<std::string>());
  EXPECT_TRUE(disk.exists("elsewhere/file"));
}

TEST_F(Work, IsMarkedVolatileByEachDaemonOfAMount) {
  Workdir first = must(Workdir::prepare(work));
  EXPECT_TRUE(first.mark_volatile());
  Workdir second = Workdir::adopt(disk.open("work/work", O_RDONLY | O_DIRECTORY), {});
  EXPECT_TRUE(second.mark_volatile());
  EXPECT_TRUE(disk.exists("work/work/incompat/volatile/dirty"));
}

TEST_F(Work, IsAsBeforeWhenTheMountIsRefused) {
  Workdir fresh = must(Workdir::prepare(work));
  fresh.undo(work);
  EXPECT_EQ(disk.names("work"), std::vector<std::string>());
  disk.directory("work/work");
  Workdir again = must(Workdir::prepare(work));
  again.undo(work);
  EXPECT_EQ(disk.names("work"), std::vector<std::string>{"work"});
  EXPECT_EQ(disk.names("work/work"), std::vector<std::string>());
}

TEST_F(Work, IsNoPlaceForAFileOfThatName) {
  disk.write("work/work", "a file");
  EXPECT_EQ(error_of(Workdir::prepare(work)), ENOTDIR);
  EXPECT_EQ(disk.read("work/work"), "a file");
}

TEST_F(Work, FindsTheAbilitiesOfTheFileSystem) {
  const Workdir workdir = must(Workdir::prepare(work));
  EXPECT_TRUE(workdir.features().whiteouts);
  EXPECT_TRUE(workdir.features().entry_types);
  EXPECT_EQ(workdir.features().rename_exchange,
            ::renameat2(raw(work), "work", raw(work), "work", RENAME_EXCHANGE) == 0);
  EXPECT_EQ(temporaries(), std::vector<std::string>());
}

TEST_F(Work, HandsOutNamesThatAreDifferentInAllThreads) {
  Workdir workdir = must(Workdir::prepare(work));
  std::vector<std::vector<std::string>> names(4);
  std::vector<std::function<void()>> threads;
  for (auto& mine : names) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) mine.push_back(workdir.temporary_name());
    });
  }
  unit::run_together(threads);
  std::set<std::string> all;
  for (const auto& mine : names) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 2000U);
}

TEST_F(Work, DiscardsUnpublishedTemporaries) {
  Workdir workdir = must(Workdir::prepare(work));
  {
    const PendingUpper temporary(workdir);
    must(sys::make_directory(workdir.fd(), temporary.name(), 0700));
    disk.write("work/work/" + std::string(temporary.name()) + "/file", "");
    EXPECT_EQ(temporaries().size(), 1U);
  }
  EXPECT_EQ(temporaries(), std::vector<std::string>());
}

TEST_F(Work, PublishesInOneStep) {
  Workdir workdir = must(Workdir::prepare(work));
  disk.write("upper/file", "old");
  {
    PendingUpper temporary(workdir);
    disk.write("work/work/" + std::string(temporary.name()), "new");
    must(temporary.publish(upper, "file"));
  }
  EXPECT_EQ(disk.read("upper/file"), "new");
}

TEST_F(Work, DiscardsTheObjectThatItReplaced) {
  Workdir workdir = must(Workdir::prepare(work));
  if (!workdir.features().rename_exchange) GTEST_SKIP() << "no RENAME_EXCHANGE here";
  disk.write("upper/d/file", "old");
  {
    PendingUpper temporary(workdir);
    must(workdir.make_whiteout(temporary.place()));
    must(temporary.publish(upper, "d", RENAME_EXCHANGE));
  }
  EXPECT_TRUE(disk.is_whiteout("upper/d"));
  EXPECT_EQ(temporaries(), std::vector<std::string>());
}

TEST_F(Work, DiscardsATemporaryWhosePublicationFailed) {
  Workdir workdir = must(Workdir::prepare(work));
  disk.write("upper/d/file", "");
  {
    PendingUpper temporary(workdir);
    disk.write("work/work/" + std::string(temporary.name()), "new");
    EXPECT_EQ(error_of(temporary.publish(upper, "d")), EISDIR);
  }
  EXPECT_EQ(temporaries(), std::vector<std::string>());
  EXPECT_TRUE(disk.exists("upper/d/file"));
}

TEST_F(Work, MakesWhiteoutsThatShareAnInode) {
  Workdir workdir = must(Workdir::prepare(work));
  for (const char* name : {"a", "b", "c"}) must(workdir.place_whiteout(upper, name));
  for (const char* name : {"upper/a", "upper/b", "upper/c"}) EXPECT_TRUE(disk.is_whiteout(name));
  EXPECT_EQ(disk.stat("upper/a").st_ino, disk.stat("upper/c").st_ino);
  disk.write("upper/file", "");
  EXPECT_EQ(error_of(workdir.place_whiteout(upper, "file")), EEXIST);
}

TEST_F(Work, MakesWhiteoutsWithoutTheSharedOneToo) {
  Workdir workdir = must(Workdir::prepare(work));
  std::filesystem::remove(disk.path("work/work/whiteout"));
  must(workdir.place_whiteout(upper, "a"));
  EXPECT_TRUE(disk.is_whiteout("upper/a"));
}

TEST_F(Work, MakesMoreWhiteoutsThanAnInodeHasLinks) {
  Workdir workdir = must(Workdir::prepare(work));
  // ext4 stops at 65,000 links; where there is no such bound this makes that many and no more.
  constexpr int kMany = 65100;
  disk.directory("upper/many");
  const UniqueFd many = disk.open("upper/many", O_RDONLY | O_DIRECTORY);
  for (int i = 0; i < kMany; ++i) must(workdir.place_whiteout(many, std::to_string(i).c_str()));
  EXPECT_TRUE(disk.is_whiteout("upper/many/0"));
  EXPECT_TRUE(disk.is_whiteout("upper/many/" + std::to_string(kMany - 1)));
}

}  // namespace
}  // namespace overpass::layer
