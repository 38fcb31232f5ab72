// SPDX-License-Identifier: MIT
//
// The inode table by itself: node ids and their generations, names, lookup counts, the index of
// hard links. What several threads do to it at once is inode_table_threads_test.cpp's subject.

#include "overlay/state/inode_table.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <set>
#include <string>
#include <vector>

#include "overlay/state/open_mode.h"

namespace overpass::overlay {
namespace {

constexpr uint64_t kGenerationShift = 32;

class InodeTableTest : public testing::Test {
 protected:
  InodeTableTest()
      : table_([this](Inode& inode) { destroyed_.insert(inode.ino); }), root_(make_root()) {}

  InodeRef make_root() {
    InodeRef root = table_.make(1, S_IFDIR);
    root->directory = std::make_unique<Directory>();
    return root;
  }

  InodeRef add(const InodeRef& parent, std::string_view name, uint64_t number,
               mode_t type = S_IFREG) {
    InodeRef inode = table_.make(number, type);
    if (S_ISDIR(type)) inode->directory = std::make_unique<Directory>();
    return table_.insert(std::move(inode), parent, name);
  }

  std::set<uint64_t> destroyed_;
  InodeTable table_;
  const InodeRef root_;
};

using NodeIds = InodeTableTest;
using Names = InodeTableTest;
using LookupCounts = InodeTableTest;
using HardLinkIndex = InodeTableTest;
using IdleInodes = InodeTableTest;
using InodeMemory = InodeTableTest;

TEST_F(NodeIds, OfTheRootIsTheOneThatFuseAssumes) {
  EXPECT_EQ(root_->id, kRootNode);
  EXPECT_EQ(&table_.root(), root_.get());
  EXPECT_EQ(table_.find(kRootNode).get(), root_.get());
}

TEST_F(NodeIds, LeadToTheirInode) {
  const InodeRef file = add(root_, "file", 2);
  EXPECT_EQ(table_.find(file->id).get(), file.get());
}

TEST_F(NodeIds, ThatWereNeverHandedOutLeadNowhere) {
  const InodeRef file = add(root_, "file", 2);
  const auto id = static_cast<uint64_t>(file->id);
  for (const uint64_t wrong : {uint64_t{0}, id + 64, id + (uint64_t{1} << kGenerationShift),
                               uint64_t{0xffffffff}, ~uint64_t{0}}) {
    EXPECT_FALSE(table_.find(NodeId{wrong})) << wrong;
  }
}

TEST_F(NodeIds, AreNeverTheSameForTwoInodesInMemory) {
  std::vector<InodeRef> inodes;
  std::set<NodeId> ids = {root_->id};
  for (uint64_t i = 0; i < 1000; ++i) {
    inodes.push_back(table_.make(i, S_IFREG));
    ids.insert(inodes.back()->id);
  }
  EXPECT_EQ(ids.size(), inodes.size() + 1);
  EXPECT_FALSE(ids.contains(NodeId{0}));
}

TEST_F(NodeIds, OfInodesThatWentAreStaleAlthoughTheirSlotIsUsedAgain) {
  std::set<uint32_t> slots;
  std::set<NodeId> ids;
  for (uint64_t i = 0; i < 640; ++i) {
    const InodeRef inode = table_.make(i, S_IFREG);
    EXPECT_TRUE(ids.insert(inode->id).second);
    slots.insert(static_cast<uint32_t>(inode->id));
  }
  EXPECT_LT(slots.size(), 100U);
  for (const NodeId id : ids) EXPECT_FALSE(table_.find(id));
  EXPECT_EQ(table_.size(), 1U);
}

TEST_F(NodeIds, OfInodesThatWentAreStaleAlsoAfterTheirSlotsWereGivenBack) {
  std::set<NodeId> ids;
  std::vector<InodeRef> kept;
  for (int round = 0; round < 4; ++round) {
    std::vector<InodeRef> inodes;
    for (uint64_t i = 0; i < 1000; ++i) {
      inodes.push_back(table_.make(i, S_IFREG));
      EXPECT_TRUE(ids.insert(inodes.back()->id).second);
    }
    kept.push_back(inodes[500]);
    inodes.clear();
    EXPECT_EQ(table_.fallen(), 999U);
    EXPECT_EQ(table_.gone(), 999U * static_cast<unsigned>(round + 1));
    table_.shrink();
    EXPECT_EQ(table_.fallen(), 0U);
    for (const InodeRef& inode : kept) EXPECT_EQ(table_.find(inode->id).get(), inode.get());
  }
  for (const InodeRef& inode : kept) ids.erase(inode->id);
  for (const NodeId id : ids) EXPECT_FALSE(table_.find(id));
}

TEST_F(Names, LeadToTheirInodeAfterTheirTableWasShrunk) {
  std::vector<InodeRef> inodes;
  for (uint64_t i = 0; i < 5000; ++i) inodes.push_back(add(root_, std::to_string(i), i));
  inodes.resize(100);
  table_.shrink();
  for (size_t i = 0; i < inodes.size(); ++i) {
    EXPECT_EQ(table_.find(*root_, std::to_string(i)).get(), inodes[i].get());
  }
  EXPECT_FALSE(table_.find(*root_, "100"));
}

TEST_F(IdleInodes, AreThoseThatOnlyTheKernelKnows) {
  const InodeRef held = add(root_, "held", 2);
  table_.remember(*held);
  const InodeRef unknown = add(root_, "unknown", 3);
  NodeId parent, child;
  {
    const InodeRef directory = add(root_, "directory", 4, S_IFDIR);
    const InodeRef file = add(directory, "file", 5);
    parent = directory->id;
    child = file->id;
    table_.remember(*directory);
    table_.remember(*file);
  }
  EXPECT_EQ(table_.find_idle(10), std::vector<NodeId>{child});
  table_.forget(child, 1);
  EXPECT_EQ(table_.find_idle(10), std::vector<NodeId>{parent});
}

TEST_F(IdleInodes, HaveASecondChanceIfTheyAreAskedFor) {
  std::vector<NodeId> ids;
  for (uint64_t i = 0; i < 1000; ++i) {
    const InodeRef inode = add(root_, std::to_string(i), i);
    table_.remember(*inode);
    ids.push_back(inode->id);
  }
  EXPECT_EQ(table_.find_idle(10).size(), 10U);
  for (size_t i = 0; i < ids.size(); i += 2) (void)table_.find(ids[i]);
  const std::set<NodeId> asked_for = [&] {
    std::set<NodeId> every_other;
    for (size_t i = 0; i < ids.size(); i += 2) every_other.insert(ids[i]);
    return every_other;
  }();
  for (const NodeId idle : table_.find_idle(400)) EXPECT_FALSE(asked_for.contains(idle));
  const std::vector<NodeId> all = table_.find_idle(2000);
  EXPECT_GE(all.size(), 500U);
  EXPECT_EQ(std::set<NodeId>(all.begin(), all.end()).size(), all.size()) << "each is named once";
}

TEST_F(Names, LeadToTheirInode) {
  const InodeRef file = add(root_, "file", 2);
  EXPECT_EQ(table_.find(*root_, "file").get(), file.get());
  EXPECT_FALSE(table_.find(*root_, "fil"));
  EXPECT_FALSE(table_.find(*root_, "file2"));
}

TEST_F(Names, OfDifferentDirectoriesHaveNothingToDoWithEachOther) {
  const InodeRef one = add(root_, "one", 2, S_IFDIR);
  const InodeRef two = add(root_, "two", 3, S_IFDIR);
  const InodeRef first = add(one, "same", 4);
  const InodeRef second = add(two, "same", 5);
  EXPECT_EQ(table_.find(*one, "same").get(), first.get());
  EXPECT_EQ(table_.find(*two, "same").get(), second.get());
  EXPECT_FALSE(table_.find(*root_, "same"));
}

TEST_F(Names, AreKeptApartInManyDirectoriesThatHaveTheSameOnes) {
  std::vector<InodeRef> directories, files;
  for (uint64_t i = 0; i < 300; ++i) {
    directories.push_back(add(root_, std::to_string(i), i, S_IFDIR));
    for (const char* name : {"a", "b", "c", "Makefile"}) {
      files.push_back(add(directories.back(), name, 1000 + files.size()));
    }
  }
  size_t next = 0;
  for (const InodeRef& directory : directories) {
    for (const char* name : {"a", "b", "c", "Makefile"}) {
      ASSERT_EQ(table_.find(*directory, name).get(), files[next++].get());
    }
  }
}

TEST_F(Names, MayBeAnyBytesOfAnyLength) {
  std::vector<std::string> names = {
      std::string(255, 'x'), std::string(254, 'x'), "\n", "\xff\xfe", "name with blanks", "a:b,c"};
  std::vector<InodeRef> files;
  for (const std::string& name : names) files.push_back(add(root_, name, files.size()));
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(table_.find(*root_, names[i]).get(), files[i].get());
  }
}

TEST_F(Names, BelongToTheInodeThatWasThereFirst) {
  const InodeRef first = add(root_, "file", 2);
  const InodeRef second = add(root_, "file", 3);
  EXPECT_EQ(second.get(), first.get());
  EXPECT_TRUE(destroyed_.contains(3));
}

TEST_F(Names, AreFreeAgainWhenTheirInodeWent) {
  add(root_, "file", 2).reset();
  EXPECT_FALSE(table_.find(*root_, "file"));
  const InodeRef next = add(root_, "file", 3);
  EXPECT_EQ(next->ino, 3U);
}

TEST_F(Names, CanBeTakenOutAndPutElsewhere) {
  const InodeRef directory = add(root_, "directory", 2, S_IFDIR);
  const InodeRef file = add(root_, "old", 3);
  table_.unindex(file->link);
  file->link.parent = directory;
  file->link.name = "new";
  table_.index(file->link);
  EXPECT_FALSE(table_.find(*root_, "old"));
  EXPECT_EQ(table_.find(*directory, "new").get(), file.get());
}

TEST_F(Names, KeepTheirDirectoryInMemory) {
  InodeRef directory = add(root_, "directory", 2, S_IFDIR);
  InodeRef file = add(directory, "file", 3);
  directory.reset();
  EXPECT_TRUE(destroyed_.empty());
  file.reset();
  EXPECT_EQ(destroyed_, (std::set<uint64_t>{2, 3}));
}

TEST_F(LookupCounts, KeepAnInodeUntilTheKernelForgetsAllOfThem) {
  InodeRef file = add(root_, "file", 2);
  const NodeId id = file->id;
  table_.remember(*file);
  table_.remember(*file);
  file.reset();
  table_.forget(id, 1);
  EXPECT_TRUE(table_.find(id));
  table_.forget(id, 1);
  EXPECT_FALSE(table_.find(id));
  EXPECT_TRUE(destroyed_.contains(2));
}

TEST_F(LookupCounts, MayBeForgottenInOneGo) {
  InodeRef file = add(root_, "file", 2);
  const NodeId id = file->id;
  for (int i = 0; i < 10; ++i) table_.remember(*file);
  file.reset();
  table_.forget(id, 10);
  EXPECT_FALSE(table_.find(id));
}

TEST_F(LookupCounts, NeverFallBelowNothing) {
  const InodeRef file = add(root_, "file", 2);
  table_.remember(*file);
  table_.forget(file->id, 1000);
  table_.forget(file->id, 1);
  table_.forget(NodeId{0}, 1);
  table_.forget(NodeId{12345678}, 1);
  EXPECT_TRUE(table_.find(file->id));
  EXPECT_EQ(file->references, 1U);
}

TEST_F(LookupCounts, OfAnEarlierInodeDoNotTouchTheNextOneInItsSlot) {
  InodeRef file = table_.make(2, S_IFREG);
  const NodeId old = file->id;
  file.reset();
  std::vector<InodeRef> others;
  do {
    others.push_back(table_.make(3, S_IFREG));
    table_.remember(*others.back());
  } while (static_cast<uint32_t>(others.back()->id) != static_cast<uint32_t>(old));
  table_.forget(old, 1);
  EXPECT_EQ(others.back()->lookups, 1U);
}

TEST_F(LookupCounts, AreDroppedWithTheTable) {
  std::set<uint64_t> gone;
  {
    InodeTable table([&](Inode& inode) { gone.insert(inode.ino); });
    InodeRef parent = table.make(1, S_IFDIR);
    for (uint64_t i = 2; i < 50; ++i) {
      InodeRef child = table.insert(table.make(i, S_IFDIR), parent, "child");
      table.remember(*child);
      parent = std::move(child);
    }
  }
  EXPECT_EQ(gone.size(), 49U);
}

TEST_F(HardLinkIndex, LeadsToTheInodeOfAFile) {
  const InodeRef file = add(root_, "file", 2);
  const FileKey key = {7, 42};
  file->make_extras().upper_key = key;
  EXPECT_EQ(table_.index_by_key(file, key).get(), file.get());
  EXPECT_EQ(table_.find_by_key(key).get(), file.get());
  EXPECT_FALSE(table_.find_by_key({7, 43}));
  EXPECT_FALSE(table_.find_by_key({8, 42}));
}

TEST_F(HardLinkIndex, ReturnsTheInodeThatHasTheKeyAlready) {
  const InodeRef first = add(root_, "first", 2);
  const InodeRef second = add(root_, "second", 3);
  (void)table_.index_by_key(first, {7, 42});
  EXPECT_EQ(table_.index_by_key(second, {7, 42}).get(), first.get());
  EXPECT_EQ(table_.index_by_key(first, {7, 42}).get(), first.get());
}

TEST_F(HardLinkIndex, CanBeHandedToASuccessor) {
  const InodeRef old = add(root_, "old", 2);
  const InodeRef next = add(root_, "next", 3);
  (void)table_.index_by_key(old, {7, 42});
  table_.replace_by_key(next, {7, 42});
  EXPECT_EQ(table_.find_by_key({7, 42}).get(), next.get());
}

TEST_F(HardLinkIndex, LosesInodesThatGo) {
  InodeRef file = add(root_, "file", 2);
  file->make_extras().upper_key = {7, 42};
  (void)table_.index_by_key(file, {7, 42});
  file.reset();
  EXPECT_FALSE(table_.find_by_key({7, 42}));
}

TEST_F(HardLinkIndex, KeepsASuccessorWhenTheInodeBeforeItGoes) {
  InodeRef old = add(root_, "old", 2);
  old->make_extras().upper_key = {7, 42};
  (void)table_.index_by_key(old, {7, 42});
  const InodeRef next = add(root_, "next", 3);
  next->make_extras().upper_key = {7, 42};
  table_.replace_by_key(next, {7, 42});
  old.reset();
  EXPECT_EQ(table_.find_by_key({7, 42}).get(), next.get());
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kCountsMemory = false;
#else
constexpr bool kCountsMemory = true;
#endif

size_t allocated() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// The bytes that each of 100,000 inodes takes as a walk leaves them: as many to a directory and
/// with names as long as those below /usr, of which two in five would not fit into a std::string.
TEST_F(InodeMemory, OfAMillionFilesIsAQuarterOfAGibibyte) {
  constexpr size_t kFiles = 100'000, kFilesOfADirectory = 10;
  const size_t before = allocated();
  std::vector<NodeId> ids;
  ids.reserve(kFiles + kFiles / kFilesOfADirectory);
  const size_t own = ids.capacity() * sizeof(NodeId);
  InodeRef directory;
  for (size_t i = 0; i < kFiles; ++i) {
    if (i % kFilesOfADirectory == 0) {
      directory = add(root_, "directory-" + std::to_string(i), 2 * kFiles + i, S_IFDIR);
      table_.remember(*directory);
      ids.push_back(directory->id);
    }
    const char* const longer = i % 5 < 2 ? "-and-more" : "";
    const InodeRef file = add(directory, "file" + std::to_string(i) + longer + ".h", i);
    table_.remember(*file);
    ids.push_back(file->id);
  }
  const size_t used = allocated() - before - own;
  const double each = static_cast<double>(used) / static_cast<double>(ids.size());
  RecordProperty("bytes_per_inode", std::to_string(each));
  RecordProperty("sizeof_inode", std::to_string(sizeof(Inode)));
  EXPECT_LE(kCountsMemory ? each : 0, 256.0);
  directory.reset();
  for (const NodeId id : ids) table_.forget(id, 1);
  EXPECT_EQ(table_.size(), 1U);
  EXPECT_LT(kCountsMemory ? allocated() : 0, before + own + 128 * kFiles);
}

}  // namespace
}  // namespace overpass::overlay
