// SPDX-License-Identifier: MIT
//
// How marks are spelled, read and written, and what is kept from users.

#include "layer/markers.h"

#include <gtest/gtest.h>

#include "../sys/scratch.h"
#include "sys/open.h"

namespace overpass::layer {
namespace {

using unit::must;
using unit::Scratch;

TEST(XattrNames, OfTheFormatAreEscapedAndBackAgain) {
  for (const Prefix prefix : {Prefix::Trusted, Prefix::User}) {
    const std::string own =
        prefix == Prefix::Trusted ? "trusted.overlay.opaque" : "user.overlay.opaque";
    EXPECT_TRUE(is_private_xattr(own, prefix));
    EXPECT_EQ(shown_xattr_name(own, prefix), std::nullopt);
    const std::string stored = stored_xattr_name(own, prefix);
    EXPECT_NE(stored, own);
    EXPECT_TRUE(is_private_xattr(stored, prefix));
    EXPECT_EQ(shown_xattr_name(stored, prefix), own);
    // An overlay in an overlay in an overlay.
    EXPECT_EQ(shown_xattr_name(stored_xattr_name(stored, prefix), prefix), stored);
  }
  EXPECT_EQ(stored_xattr_name("trusted.overlay.opaque", Prefix::Trusted),
            "trusted.overlay.overlay.opaque");
}

TEST(XattrNames, OfTheOtherPrefixAndOfUsersAreOrdinary) {
  for (const char* name : {"user.a", "user.overlay", "user.overlayx.a", "security.capability",
                           "system.posix_acl_access", "trusted.a", "user.overlay.opaque"}) {
    EXPECT_EQ(stored_xattr_name(name, Prefix::Trusted), name);
    EXPECT_EQ(shown_xattr_name(name, Prefix::Trusted), name);
  }
  EXPECT_FALSE(is_private_xattr("trusted.overlay.opaque", Prefix::User));
}

TEST(XattrNames, OfFuseOverlayfsAreNeverShown) {
  for (const Prefix prefix : {Prefix::Trusted, Prefix::User}) {
    EXPECT_TRUE(is_private_xattr("user.fuseoverlayfs.opaque", prefix));
    EXPECT_EQ(shown_xattr_name("user.fuseoverlayfs.opaque", prefix), std::nullopt);
  }
}

TEST(WhiteoutNames, HideTheNameBehindTheirPrefix) {
  EXPECT_EQ(hidden_by(".wh.name"), "name");
  EXPECT_EQ(hidden_by("name"), std::nullopt);
  EXPECT_EQ(hidden_by(".who"), std::nullopt);
  EXPECT_EQ(hidden_by(".wh"), std::nullopt);
  EXPECT_EQ(whiteout_name_of("name"), ".wh.name");
  EXPECT_TRUE(is_whiteout_name(".wh..wh..opq"));
}

class MarksOnDisk : public testing::TestWithParam<Prefix> {
 protected:
  void SetUp() override {
    if (GetParam() == Prefix::Trusted && ::geteuid() != 0) GTEST_SKIP() << "needs root";
    disk.directory("d");
  }
  const char* mark(Mark which) const { return name_of(which, GetParam()); }
  Opacity opacity(bool foreign = false) const {
    return must(opacity_of({root, "d"}, GetParam(), foreign));
  }

  Scratch disk;
  UniqueFd root = disk.open("", O_RDONLY | O_DIRECTORY);
};

TEST_P(MarksOnDisk, MakeADirectoryOpaque) {
  EXPECT_EQ(opacity(), Opacity::None);
  must(set_opaque({root, "d"}, GetParam()));
  EXPECT_EQ(disk.xattr("d", mark(Mark::Opaque)), "y");
  EXPECT_EQ(opacity(), Opacity::Opaque);
  const UniqueFd d = disk.open("d", O_PATH | O_DIRECTORY);
  EXPECT_EQ(must(opacity_of(sys::place_of(d), GetParam(), false)), Opacity::Opaque);
}

TEST_P(MarksOnDisk, MayBeOnADirectoryThatItsOwnerMayNotWriteTo) {
  ASSERT_EQ(::chmod(disk.path("d").c_str(), 0555), 0);
  must(set_opaque({root, "d"}, GetParam()));
  EXPECT_EQ(opacity(), Opacity::Opaque);
  EXPECT_EQ(disk.stat("d").st_mode & 07777, 0555U);
}

TEST_P(MarksOnDisk, MeanNothingWithOtherValues) {
  for (const char* value : {"n", "", "yes", "Y", "xx", "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}) {
    disk.set_xattr("d", mark(Mark::Opaque), value);
    EXPECT_EQ(opacity(), Opacity::None) << value;
  }
  disk.set_xattr("d", mark(Mark::Opaque), "x");
  EXPECT_EQ(opacity(), Opacity::HasXwhiteouts);
}

TEST_P(MarksOnDisk, OfFuseOverlayfsCountWhereTheyMayBe) {
  disk.set_xattr("d", "user.fuseoverlayfs.opaque", "y");
  EXPECT_EQ(opacity(/*foreign=*/true), Opacity::Opaque);
  EXPECT_EQ(opacity(/*foreign=*/false), Opacity::None);
  disk.directory("e");
  disk.write("e/.wh..wh..opq", "");
  EXPECT_EQ(must(opacity_of({root, "e"}, GetParam(), true)), Opacity::Opaque);
  EXPECT_EQ(must(opacity_of({root, "e"}, GetParam(), false)), Opacity::None);
}

TEST_P(MarksOnDisk, MakeWhiteoutsOfEmptyFilesOnly) {
  disk.write("d/empty", "");
  disk.write("d/full", "text");
  disk.write("d/ordinary", "");
  for (const char* name : {"d/empty", "d/full"}) disk.set_xattr(name, mark(Mark::Whiteout), "");
  const UniqueFd d = disk.open("d", O_PATH | O_DIRECTORY);
  auto hides = [&](const char* name) {
    return must(is_xwhiteout({d, name}, must(sys::stat({d, name})), GetParam()));
  };
  EXPECT_TRUE(hides("empty"));
  EXPECT_FALSE(hides("full"));
  EXPECT_FALSE(hides("ordinary"));
}

TEST_P(MarksOnDisk, AreAbsentWhereTheyCannotBe) {
  std::filesystem::create_symlink("target", disk.path("link"));
  EXPECT_FALSE(must(has_mark({root, "link"}, Mark::Metacopy, GetParam())));
}

INSTANTIATE_TEST_SUITE_P(With, MarksOnDisk, testing::Values(Prefix::Trusted, Prefix::User),
                         [](const auto& parameter) {
                           return parameter.param == Prefix::Trusted ? "Trusted" : "User";
                         });

TEST(Whiteout, IsACharacterDeviceOfNumberZero) {
  const Scratch disk;
  disk.whiteout("whiteout");
  disk.write("file", "");
  ASSERT_EQ(::mkfifo(disk.path("fifo").c_str(), 0600), 0);
  const UniqueFd root = disk.open("", O_PATH | O_DIRECTORY);
  EXPECT_TRUE(is_whiteout(must(sys::stat({root, "whiteout"}))));
  EXPECT_FALSE(is_whiteout(must(sys::stat({root, "file"}))));
  EXPECT_FALSE(is_whiteout(must(sys::stat({root, "fifo"}))));
  const UniqueFd dev = must(sys::open_path("/dev", O_PATH | O_DIRECTORY));
  EXPECT_FALSE(is_whiteout(must(sys::stat({dev, "null"}))));
}

}  // namespace
}  // namespace overpass::layer
