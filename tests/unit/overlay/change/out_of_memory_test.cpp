// SPDX-License-Identifier: MIT
//
// Operations whose memory runs out half way, at each point where it can. The kernel is told of the
// failure and believes it: what it takes for absent must be absent, and nothing may count as open.

#include <gtest/gtest.h>

#include "../../base/failing_allocation.h"
#include "../union.h"
#include "overlay/change/create.h"
#include "overlay/find/attributes.h"
#include "overlay/find/lookup.h"
#include "overlay/state/links.h"

namespace overpass::overlay {
namespace {

using unit::fail_each_allocation;
using unit::kRoot;
using unit::must;
using unit::Union;

/// So many of each are enough for every allocation of one operation.
constexpr size_t kNames = 200;

class OutOfMemory : public testing::TestWithParam<const char*> {
 protected:
  /// The names "0", "1", ... in "d": free, or hidden by whiteouts.
  OutOfMemory() {
    u.disk.write("lower1/d/other", "text");
    u.disk.write("upper/file", "text");
    u.disk.directory("upper/d");
    for (size_t i = 0; has_whiteouts() && i < kNames; ++i) {
      u.disk.write("lower1/d/" + std::to_string(i), "lower");
      u.disk.whiteout("upper/d/" + std::to_string(i));
    }
    directory = u.at("d");
    // Some memory is taken once and kept.
    u.write("d/warm", "");
    EXPECT_EQ(u.make_directory("d/directory"), 0);
    EXPECT_EQ(u.link("file", "d/link"), 0);
  }

  bool has_whiteouts() const { return GetParam() == std::string("Whiteout"); }

  /// After an attempt to make `name`: the disk, the memory and the answer agree.
  void expect_made(const std::string& name, bool made) {
    const std::string on_disk = "upper/d/" + name;
    EXPECT_EQ(u.shows("d/" + name), made);
    EXPECT_EQ(u.disk.is_whiteout(on_disk), !made && has_whiteouts());
    EXPECT_EQ(u.disk.exists(on_disk), made || has_whiteouts());
  }

  Union u;
  InodeRef directory;
};

TEST_P(OutOfMemory, LeavesNoFileBehindThatWasToBeMadeAndOpened) {
  fail_each_allocation(
      [&](size_t nth) {
        auto created =
            create_file(u.overlay(), kRoot, directory, std::to_string(nth).c_str(), O_RDWR, 0644);
        if (created) release_file(u.overlay(), *created->opened.file);
        return created;
      },
      [&](size_t nth, bool made) { expect_made(std::to_string(nth), made); });
  u.write("d/199", "still works");
}

TEST_P(OutOfMemory, LeavesNoDirectoryBehindThatWasToBeMade) {
  fail_each_allocation(
      [&](size_t nth) {
        return make_directory(u.overlay(), kRoot, directory, std::to_string(nth).c_str(), 0755);
      },
      [&](size_t nth, bool made) { expect_made(std::to_string(nth), made); });
}

TEST_P(OutOfMemory, LeavesNoNodeOrLinkBehindThatWasToBeMade) {
  fail_each_allocation(
      [&](size_t nth) {
        return make_symlink(u.overlay(), kRoot, directory, std::to_string(nth).c_str(), "target");
      },
      [&](size_t nth, bool made) { expect_made(std::to_string(nth), made); });
}

TEST_P(OutOfMemory, LeavesNoNameBehindThatAFileWasToBeGiven) {
  const InodeRef file = u.at("file");
  fail_each_allocation(
      [&](size_t nth) {
        return make_link(u.overlay(), kRoot, file, directory, std::to_string(nth).c_str());
      },
      [&](size_t nth, bool made) {
        expect_made(std::to_string(nth), made);
        EXPECT_EQ(u.stat("file").stx_nlink, u.disk.stat("upper/file").st_nlink);
      });
}

TEST_P(OutOfMemory, LeavesAnUnnamedFileReachable) {
  std::vector<Created> files;
  for (size_t i = 0; i < kNames / 2; ++i) {
    files.push_back(must(create_unnamed(u.overlay(), kRoot, directory, O_RDWR, 0600)));
  }
  fail_each_allocation(
      [&](size_t nth) {
        return make_link(u.overlay(), kRoot, files[nth].entry.inode, directory,
                         std::to_string(nth).c_str());
      },
      [&](size_t nth, bool made) {
        expect_made(std::to_string(nth), made);
        EXPECT_EQ(must(attributes(u.overlay(), files[nth].entry.inode)).stx_nlink, made ? 1U : 0U);
      });
  for (Created& file : files) release_file(u.overlay(), *file.opened.file);
}

INSTANTIATE_TEST_SUITE_P(At, OutOfMemory, testing::Values("Nothing", "Whiteout"),
                         [](const auto& parameter) { return std::string(parameter.param); });

struct Way {
  const char* name;
  bool passthrough;
  int flags;
};

class OutOfMemoryAtOpen : public testing::TestWithParam<Way> {};

TEST_P(OutOfMemoryAtOpen, NothingCountsAsOpen) {
  Union u({.passthrough = GetParam().passthrough});
  u.disk.write("lower1/file", "text");
  const InodeRef file = u.at("file");
  fail_each_allocation(
      [&](size_t) {
        auto opened = open_file(u.overlay(), kRoot, file, GetParam().flags);
        if (opened) release_file(u.overlay(), *opened->file);
        return opened;
      },
      [&](size_t, bool) {
        {
          const Lock lock(file->mutex);
          EXPECT_EQ(file->opens == nullptr ? 0 : file->opens->handles(), 0U);
        }
        // Any other way of opening it is possible still.
        EXPECT_EQ(u.read("file"), "text");
      });
  EXPECT_EQ(u.open("file", O_RDWR).read(), "text");
}

INSTANTIATE_TEST_SUITE_P(By, OutOfMemoryAtOpen,
                         testing::Values(Way{"PassedThroughReader", true, O_RDONLY},
                                         Way{"PassedThroughWriter", true, O_RDWR},
                                         Way{"CachedReader", false, O_RDONLY},
                                         Way{"CachedWriter", false, O_WRONLY}),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace overpass::overlay
