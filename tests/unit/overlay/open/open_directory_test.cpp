// SPDX-License-Identifier: MIT
//
// Listings: what they show, that offsets hold, that names which were there all the time are listed
// exactly once whatever changes meanwhile, and that they agree with lookups.

#include "overlay/open/open_directory.h"

#include <dirent.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <thread>

#include "../union.h"

namespace overpass::overlay {
namespace {

using unit::Collector;
using unit::must;
using unit::Shown;
using unit::Union;
using Names = std::vector<std::string>;

/// Where the entries of the directory "d" are.
struct Arrangement {
  const char* name;
  std::vector<std::string> layers;
};

class Listing : public testing::TestWithParam<Arrangement> {
 protected:
  Listing() : u_({.lowers = 5}) {
    for (const std::string& layer : GetParam().layers) u_.disk.directory(layer + "/d");
    for (int i = 0; i < 300; ++i) {
      const std::string& layer = GetParam().layers[static_cast<size_t>(i) % layer_count()];
      u_.disk.write(layer + "/d/entry" + std::to_string(i), "");
      expected_.insert("entry" + std::to_string(i));
    }
  }

  size_t layer_count() const { return GetParam().layers.size(); }

  /// The rest of the listing from `offset`, which must not repeat a name.
  std::set<std::string> rest(OpenDirectory& directory, int64_t offset, bool with_attributes) {
    std::set<std::string> names;
    while (true) {
      Collector collector(7);
      must(directory.read(u_.overlay(), offset, with_attributes, collector));
      if (collector.entries.empty()) return names;
      for (const Shown& entry : collector.entries) {
        EXPECT_TRUE(names.insert(entry.name).second) << entry.name << " is listed twice";
      }
      offset = collector.entries.back().next_offset;
    }
  }

  Union u_;
  std::set<std::string> expected_;
};

TEST_P(Listing, ShowsEveryNameOnceHoweverManyAreTakenAtATime) {
  for (const bool with_attributes : {false, true}) {
    for (const size_t at_a_time : {size_t{1}, size_t{2}, size_t{50}, size_t{10'000}}) {
      std::set<std::string> names;
      for (const Shown& entry : u_.list("d", with_attributes, at_a_time)) {
        EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
      }
      EXPECT_EQ(names.size(), expected_.size() + 2);
      EXPECT_TRUE(names.contains(".") && names.contains(".."));
    }
  }
}

TEST_P(Listing, ContinuesAtEveryOffsetItEverGave) {
  const std::vector<Shown> all = u_.list("d", true, 20);
  OpenDirectory directory(u_.at("d"));
  // Backwards, so that none is where the stream stands anyway.
  std::set<std::string> wanted;
  for (size_t i = all.size(); i-- > 0;) {
    if (i % 10 == 0) {
      EXPECT_EQ(rest(directory, all[i].next_offset, true), wanted) << i;
    }
    wanted.insert(all[i].name);
  }
}

TEST_P(Listing, ShowsTheNumbersThatLookupsShow) {
  for (const bool with_attributes : {false, true}) {
    u_.remount();
    std::map<std::string, uint64_t> numbers;
    for (const Shown& entry : u_.list("d", with_attributes)) numbers[entry.name] = entry.ino;
    EXPECT_EQ(numbers["."], u_.at("d")->ino);
    EXPECT_EQ(numbers[".."], u_.at("")->ino);
    for (const std::string& name : expected_)
      EXPECT_EQ(numbers[name], u_.stat("d/" + name).stx_ino);
  }
}

TEST_P(Listing, HandsOutTheInodesThatLookupsFind) {
  for (const Shown& entry : u_.list("d", true)) {
    if (entry.name[0] == '.') continue;
    ASSERT_TRUE(entry.inode);
    EXPECT_EQ(u_.at("d/" + entry.name).get(), entry.inode.get());
    EXPECT_EQ(entry.type, DT_REG);
  }
}

TEST_P(Listing, LeavesOutNamesRemovedBeforeIt) {
  for (const char* name : {"entry0", "entry1", "entry299"}) {
    ASSERT_EQ(u_.remove(std::string("d/") + name), 0);
    expected_.erase(name);
  }
  for (const bool with_attributes : {false, true}) {
    EXPECT_EQ(u_.names("d", with_attributes), Names(expected_.begin(), expected_.end()));
  }
}

TEST_P(Listing, CanBeEmptiedWhileItIsRead) {
  // As `rm -r` does: read some, remove them, read on.
  OpenDirectory directory(u_.at("d"));
  int64_t offset = 0;
  while (true) {
    Collector collector(13);
    must(directory.read(u_.overlay(), offset, true, collector));
    if (collector.entries.empty()) break;
    offset = collector.entries.back().next_offset;
    for (const Shown& entry : collector.entries) {
      if (entry.name[0] == '.') continue;
      EXPECT_EQ(u_.remove("d/" + entry.name), 0) << entry.name;
      EXPECT_EQ(expected_.erase(entry.name), 1U) << entry.name;
    }
  }
  EXPECT_TRUE(expected_.empty());
  EXPECT_EQ(u_.names("d"), Names());
  EXPECT_EQ(u_.remove_directory("d"), 0);
}

TEST_P(Listing, ShowsLastingNamesOnceWhileOthersComeAndGo) {
  OpenDirectory directory(u_.at("d"));
  std::set<std::string> listed;
  int64_t offset = 0;
  for (int round = 0;; ++round) {
    Collector collector(11);
    must(directory.read(u_.overlay(), offset, true, collector));
    if (collector.entries.empty()) break;
    offset = collector.entries.back().next_offset;
    for (const Shown& entry : collector.entries) {
      EXPECT_TRUE(listed.insert(entry.name).second) << entry.name << " is listed twice";
    }
    const std::string number = std::to_string(round);
    if (expected_.erase("entry" + number) == 1) {
      ASSERT_EQ(u_.remove("d/entry" + number), 0);
    }
    u_.write("d/new" + number, "");
    ASSERT_EQ(u_.chmod("d/entry200", 0600), 0);
    ASSERT_EQ(u_.rename("d/new" + number, "d/newer" + number), 0);
  }
  for (const std::string& name : expected_) EXPECT_TRUE(listed.contains(name)) << name;
}

TEST_P(Listing, NeverHandsOutAnInodeForANameThatIsGone) {
  OpenDirectory directory(u_.at("d"));
  Collector first(1);
  must(directory.read(u_.overlay(), 0, true, first));
  for (const std::string& name : expected_) ASSERT_EQ(u_.remove("d/" + name), 0);
  EXPECT_EQ(rest(directory, 0, true), (std::set<std::string>{".", ".."}));
}

TEST_P(Listing, BeginsAnewAtItsBeginning) {
  OpenDirectory directory(u_.at("d"));
  EXPECT_EQ(rest(directory, 0, true).size(), expected_.size() + 2);
  u_.write("d/later", "");
  EXPECT_TRUE(rest(directory, 0, true).contains("later"));
}

TEST_P(Listing, IsReadByManyAtOnce) {
  OpenDirectory shared(u_.at("d"));
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      OpenDirectory own(u_.at("d"));
      for (int round = 0; round < 3; ++round) {
        EXPECT_EQ(rest(own, 0, i % 2 == 0).size(), expected_.size() + 2);
        Collector collector(5);
        must(shared.read(u_.overlay(), 0, true, collector));
      }
    });
  }
}

INSTANTIATE_TEST_SUITE_P(
    Of, Listing,
    testing::Values(Arrangement{"OneLower", {"lower1"}}, Arrangement{"TheUpper", {"upper"}},
                    Arrangement{"UpperAndLower", {"upper", "lower1"}},
                    Arrangement{"TwoLowers", {"lower1", "lower2"}},
                    Arrangement{"AllLayers",
                                {"upper", "lower1", "lower2", "lower3", "lower4", "lower5"}}),
    [](const auto& of) { return std::string(of.param.name); });

TEST(ListingOfMarks, ShowsTheSameNamesAsLookups) {
  Union u({.lowers = 3});
  u.disk.write("lower3/d/hidden by a device", "");
  u.disk.whiteout("lower2/d/hidden by a device");
  u.disk.write("lower3/d/hidden by a name", "");
  u.disk.write("lower2/d/.wh.hidden by a name", "");
  u.disk.write("lower3/d/hidden by an attribute", "");
  u.disk.write("lower2/d/hidden by an attribute", "");
  u.disk.set_xattr("lower2/d/hidden by an attribute", "trusted.overlay.whiteout", "");
  u.disk.set_xattr("lower2/d", "trusted.overlay.opaque", "x");
  u.disk.write("lower1/d/shown", "");
  u.disk.write("lower3/d/shown too", "");
  u.disk.write("lower3/d/hidden in the upper", "");
  u.disk.whiteout("upper/d/hidden in the upper");
  for (const bool with_attributes : {false, true}) {
    EXPECT_EQ(u.names("d", with_attributes), (Names{"shown", "shown too"})) << with_attributes;
  }
}

TEST(ListingOfMarks, HidesThemAllInADirectoryOfOneLayer) {
  Union u;
  u.disk.write("lower1/d/shown", "");
  u.disk.whiteout("lower1/d/device");
  u.disk.write("lower1/d/.wh.name", "");
  u.disk.write("lower1/d/.wh..wh..opq", "");
  for (const bool with_attributes : {false, true}) {
    EXPECT_EQ(u.names("d", with_attributes), Names{"shown"}) << with_attributes;
  }
}

TEST(ListingOfTypes, SaysTheTypeOfEachEntry) {
  Union u;
  u.disk.write("lower1/d/file", "");
  u.disk.directory("lower1/d/directory");
  ASSERT_EQ(::symlink("x", u.disk.path("lower1/d/link").c_str()), 0);
  ASSERT_EQ(::mkfifo(u.disk.path("lower1/d/fifo").c_str(), 0600), 0);
  u.disk.directory("upper/d");
  const std::map<std::string, unsigned char> expected = {{".", DT_DIR},    {"..", DT_DIR},
                                                         {"file", DT_REG}, {"directory", DT_DIR},
                                                         {"link", DT_LNK}, {"fifo", DT_FIFO}};
  for (const bool with_attributes : {false, true}) {
    std::map<std::string, unsigned char> types;
    for (const Shown& entry : u.list("d", with_attributes)) types[entry.name] = entry.type;
    EXPECT_EQ(types, expected) << with_attributes;
  }
}

TEST(ListingOfCopiedUpFiles, KeepsTheirNumbersOverARemount) {
  Union u;
  for (const char* name : {"a", "b"}) u.disk.write(std::string("lower1/d/") + name, "text");
  const uint64_t number = u.stat("d/a").stx_ino;
  ASSERT_EQ(u.chmod("d/a", 0600), 0);
  EXPECT_EQ(u.stat("d/a").stx_ino, number);
  u.remount();
  for (const Shown& entry : u.list("d")) {
    EXPECT_EQ(entry.ino == number, entry.name == "a") << entry.name;
  }
  EXPECT_EQ(u.stat("d/a").stx_ino, number);
}

TEST(ListingOfCopiedUpFiles, FindsThemInTheirNewLayer) {
  Union u;
  for (int i = 0; i < 20; ++i) u.disk.write("lower1/d/" + std::to_string(i), "text");
  OpenDirectory directory(u.at("d"));
  Collector first(5);
  must(directory.read(u.overlay(), 0, true, first));
  for (int i = 0; i < 20; ++i) ASSERT_EQ(u.chmod("d/" + std::to_string(i), 0600), 0);
  Collector others(100);
  must(directory.read(u.overlay(), first.entries.back().next_offset, true, others));
  for (const Shown& entry : others.entries) {
    if (!entry.inode) continue;
    EXPECT_EQ(u.at("d/" + entry.name).get(), entry.inode.get());
  }
  EXPECT_EQ(first.entries.size() + others.entries.size(), 22U);
}

TEST(ListingInMemory, ShowsLastingNamesOnceWhenItsEndIsRemoved) {
  // tmpfs begins anew when it is asked to continue at an offset behind which nothing is left.
  Union u({.on = "/dev/shm"});
  u.disk.directory("upper/d");
  for (int i = 0; i < 30; ++i) u.disk.write("upper/d/" + std::to_string(i), "");
  OpenDirectory directory(u.at("d"));
  std::set<std::string> listed;
  int64_t offset = 0;
  for (bool first = true;; first = false) {
    Collector collector(20);
    must(directory.read(u.overlay(), offset, true, collector));
    if (collector.entries.empty()) break;
    for (const Shown& entry : collector.entries) {
      ASSERT_TRUE(listed.insert(entry.name).second) << entry.name << " is listed twice";
    }
    offset = collector.entries.back().next_offset;
    if (!first) continue;
    // Newest first: these come last.
    for (int i = 0; i < 5; ++i) ASSERT_EQ(u.remove("d/" + std::to_string(i)), 0);
  }
}

TEST(ListingWithoutAttributes, ShowsTheNumbersOfCopiedUpFilesAfterARemount) {
  Union u;
  u.disk.write("lower1/d/a", "text");
  const uint64_t number = u.stat("d/a").stx_ino;
  ASSERT_EQ(u.chmod("d/a", 0600), 0);
  u.remount();
  const std::vector<Shown> all = u.list("d", /*with_attributes=*/false);
  const auto a = std::find_if(all.begin(), all.end(), [](auto& one) { return one.name == "a"; });
  ASSERT_NE(a, all.end());
  EXPECT_EQ(a->ino, number);
}

TEST(ListingWithoutAttributes, HidesAttributeWhiteoutsOfASingleLower) {
  Union u;
  u.disk.write("lower1/d/hidden", "");
  u.disk.set_xattr("lower1/d/hidden", "trusted.overlay.whiteout", "");
  u.disk.set_xattr("lower1/d", "trusted.overlay.opaque", "x");
  EXPECT_EQ(u.names("d", true), std::vector<std::string>());
  EXPECT_EQ(u.names("d", false), std::vector<std::string>());
}

TEST(ListingWithoutAttributes, HidesAttributeWhiteoutsOfTheUpper) {
  Union u;
  u.disk.write("lower1/d/hidden", "");
  u.disk.write("upper/d/hidden", "");
  u.disk.set_xattr("upper/d/hidden", "trusted.overlay.whiteout", "");
  u.disk.set_xattr("upper/d", "trusted.overlay.opaque", "x");
  EXPECT_EQ(u.names("d", true), std::vector<std::string>());
  EXPECT_EQ(u.names("d", false), std::vector<std::string>());
  EXPECT_EQ(u.remove_directory("d"), 0);
}

}  // namespace
}  // namespace overpass::overlay
