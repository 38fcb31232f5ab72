// SPDX-License-Identifier: MIT
//
// Extended attributes of names, descriptors and symbolic links, of any length.

#include "sys/xattr.h"

#include <gtest/gtest.h>
#include <linux/limits.h>

#include <algorithm>

#include "scratch.h"
#include "sys/open.h"

namespace overpass::sys {
namespace {

using unit::error_of;
using unit::must;
using unit::Scratch;

/// How the file is named: by directory and name, by a descriptor, by an O_PATH descriptor.
enum class By { Name, Descriptor, Path };

class XattrOf : public testing::TestWithParam<By> {
 protected:
  XattrOf() {
    disk.write("file", "");
    root = disk.open("", O_PATH | O_DIRECTORY);
    file = disk.open("file", GetParam() == By::Path ? O_PATH : O_RDONLY);
  }
  Place place() const { return GetParam() == By::Name ? Place{root, "file"} : place_of(file); }

  Scratch disk;
  UniqueFd root, file;
};

TEST_P(XattrOf, IsReadAsItWasSet) {
  using namespace std::string_literals;
  for (const std::string& value : {"text"s, ""s, "a\0b"s, std::string(2000, 'x')}) {
    must(set_xattr(place(), "user.a", value));
    EXPECT_EQ(must(get_xattr(place(), "user.a")), value);
    char stored[4096];
    const ssize_t length = ::lgetxattr(disk.path("file").c_str(), "user.a", stored, sizeof stored);
    EXPECT_EQ(std::string(stored, static_cast<size_t>(length)), value);
  }
}

TEST_P(XattrOf, SaysItsLengthAndWhenThereIsNoRoom) {
  must(set_xattr(place(), "user.a", "12345"));
  EXPECT_EQ(must(get_xattr(place(), "user.a", std::span<char>())), 5U);
  char small[4], fitting[5];
  EXPECT_EQ(error_of(get_xattr(place(), "user.a", std::span(small))), ERANGE);
  EXPECT_EQ(must(get_xattr(place(), "user.a", std::span(fitting))), 5U);
}

TEST_P(XattrOf, IsCreatedOrReplacedAsTheFlagsSay) {
  EXPECT_EQ(error_of(set_xattr(place(), "user.a", "1", XATTR_REPLACE)), ENODATA);
  must(set_xattr(place(), "user.a", "1", XATTR_CREATE));
  EXPECT_EQ(error_of(set_xattr(place(), "user.a", "2", XATTR_CREATE)), EEXIST);
  must(set_xattr(place(), "user.a", "2", XATTR_REPLACE));
  EXPECT_EQ(must(get_xattr(place(), "user.a")), "2");
}

TEST_P(XattrOf, IsGoneWhenItIsRemoved) {
  must(set_xattr(place(), "user.a", "1"));
  must(remove_xattr(place(), "user.a"));
  EXPECT_EQ(error_of(get_xattr(place(), "user.a")), ENODATA);
  EXPECT_EQ(error_of(remove_xattr(place(), "user.a")), ENODATA);
}

TEST_P(XattrOf, IsListedAmongManyWithLongNames) {
  std::vector<std::string> expected;
  for (int i = 0; i < 12; ++i) {
    expected.push_back("user." + std::to_string(100 + i) + std::string(200, 'n'));
    must(set_xattr(place(), expected.back().c_str(), ""));
  }
  std::vector<std::string> names = must(list_xattrs(place()));
  std::erase_if(names, [](const std::string& name) { return !name.starts_with("user."); });
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, expected);
}

INSTANTIATE_TEST_SUITE_P(By, XattrOf, testing::Values(By::Name, By::Descriptor, By::Path),
                         [](const auto& parameter) {
                           switch (parameter.param) {
                             case By::Name:
                               return "Name";
                             case By::Descriptor:
                               return "Descriptor";
                             case By::Path:
                               break;
                           }
                           return "PathDescriptor";
                         });

TEST(Xattr, OfASymbolicLinkIsItsOwn) {
  const Scratch disk;
  disk.write("file", "");
  std::filesystem::create_symlink("file", disk.path("link"));
  const UniqueFd root = disk.open("", O_PATH | O_DIRECTORY);
  // Users' attributes are not for links: the file behind it must not get it instead.
  EXPECT_EQ(error_of(set_xattr({root, "link"}, "user.a", "1")), EPERM);
  EXPECT_EQ(disk.xattr("file", "user.a"), "-");
  if (::geteuid() != 0) return;
  must(set_xattr({root, "link"}, "trusted.a", "1"));
  EXPECT_EQ(disk.xattr("file", "trusted.a"), "-");
  const UniqueFd link = must(open_at(root, "link", O_PATH));
  EXPECT_EQ(must(get_xattr({root, "link"}, "trusted.a")), "1");
}

TEST(Xattr, OfAnAbsentFileIsAnError) {
  const Scratch disk;
  const UniqueFd root = disk.open("", O_PATH | O_DIRECTORY);
  EXPECT_EQ(error_of(get_xattr({root, "absent"}, "user.a")), ENOENT);
  EXPECT_EQ(error_of(list_xattrs({root, "absent"})), ENOENT);
}

}  // namespace
}  // namespace overpass::sys
