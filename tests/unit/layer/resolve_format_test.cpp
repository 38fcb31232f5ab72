// SPDX-License-Identifier: MIT
//
// Defaults of each world, what chosen parts of the format imply, and what contradicts itself: as
// Linux 6.18 settles it, with overpass's own defaults.

#include "layer/resolve_format.h"

#include <gtest/gtest.h>

namespace overpass::layer {
namespace {

constexpr bool kWithUpper = true;
constexpr bool kNoUpper = false;

FormatSettings resolved(const FormatChoice& choice, Prefix prefix = Prefix::Trusted,
                        bool has_upper = kWithUpper) {
  EXPECT_TRUE(check_choice(choice, has_upper));
  return resolve_format(choice, prefix, has_upper).settings;
}

TEST(ResolveFormat, RenamesLowerDirectoriesByDefaultAsRoot) {
  const FormatSettings settings = resolved({});
  EXPECT_TRUE(settings.follows_redirects && settings.writes_redirects);
  EXPECT_FALSE(settings.index || settings.follows_metacopy || settings.writes_metacopy ||
               settings.nfs_export);
  EXPECT_EQ(settings.verity, Verity::Off);
  EXPECT_EQ(settings.uuid, Uuid::Auto);
  EXPECT_EQ(settings.xino, Xino::Auto);
}

TEST(ResolveFormat, TrustsNoUserMarksByDefault) {
  const FormatSettings settings = resolved({}, Prefix::User);
  EXPECT_FALSE(settings.follows_redirects || settings.writes_redirects);
  EXPECT_FALSE(settings.follows_metacopy || settings.writes_metacopy || settings.index);
}

TEST(ResolveFormat, TrustsUserMarksByChoice) {
  FormatSettings settings = resolved({.redirect_dir = RedirectDir::On}, Prefix::User);
  EXPECT_TRUE(settings.follows_redirects && settings.writes_redirects);
  EXPECT_FALSE(settings.follows_metacopy);
  settings = resolved({.redirect_dir = RedirectDir::Follow}, Prefix::User);
  EXPECT_TRUE(settings.follows_redirects);
  EXPECT_FALSE(settings.writes_redirects);
}

TEST(ResolveFormat, SwitchesRedirectsOnWithMetacopies) {
  for (const Prefix prefix : {Prefix::Trusted, Prefix::User}) {
    const FormatSettings settings = resolved({.metacopy = true}, prefix);
    EXPECT_TRUE(settings.follows_redirects && settings.writes_redirects);
    EXPECT_TRUE(settings.follows_metacopy && settings.writes_metacopy);
  }
}

TEST(ResolveFormat, FollowsOldRedirectsWhenOffOnlyAsRoot) {
  EXPECT_TRUE(resolved({.redirect_dir = RedirectDir::Off}).follows_redirects);
  EXPECT_FALSE(resolved({.redirect_dir = RedirectDir::Off}).writes_redirects);
  EXPECT_FALSE(resolved({.redirect_dir = RedirectDir::Off}, Prefix::User).follows_redirects);
  EXPECT_FALSE(resolved({.redirect_dir = RedirectDir::NoFollow}).follows_redirects);
}

TEST(ResolveFormat, IndexesForNfsExport) {
  const FormatSettings settings = resolved({.nfs_export = true});
  EXPECT_TRUE(settings.nfs_export && settings.index);
}

TEST(ResolveFormat, WritesNothingWithoutAnUpper) {
  const FormatChoice choice = {
      .redirect_dir = RedirectDir::On, .index = true, .metacopy = true, .uuid = Uuid::On};
  ASSERT_TRUE(check_choice(choice, kNoUpper));
  const ResolvedFormat format = resolve_format(choice, Prefix::Trusted, kNoUpper);
  EXPECT_TRUE(format.settings.follows_redirects && format.settings.follows_metacopy);
  EXPECT_FALSE(format.settings.writes_redirects || format.settings.writes_metacopy ||
               format.settings.index);
  EXPECT_EQ(format.settings.uuid, Uuid::Null);
  EXPECT_FALSE(format.reasons.index.empty() || format.reasons.uuid.empty() ||
               format.reasons.redirect_dir.empty());
}

TEST(ResolveFormat, ExportsAReadOnlyUnionOnlyWithoutRedirects) {
  const ResolvedFormat dropped = resolve_format({.nfs_export = true}, Prefix::Trusted, kNoUpper);
  EXPECT_FALSE(dropped.settings.nfs_export);
  EXPECT_FALSE(dropped.reasons.nfs_export.empty());
  const FormatSettings kept = resolved({.redirect_dir = RedirectDir::NoFollow, .nfs_export = true},
                                       Prefix::Trusted, kNoUpper);
  EXPECT_TRUE(kept.nfs_export);
  EXPECT_FALSE(kept.index);
}

struct ConflictRow {
  const char* name;
  FormatChoice choice;
  bool has_upper;
  const char* words;  // Of the message; null: no conflict.
};

class FormatConflicts : public testing::TestWithParam<ConflictRow> {};

TEST_P(FormatConflicts, AreThoseOfOverlayfs) {
  const ConflictRow& row = GetParam();
  const auto checked = check_choice(row.choice, row.has_upper);
  ASSERT_EQ(checked.has_value(), row.words == nullptr);
  if (checked) return;
  EXPECT_NE(checked.error().cause.find(row.words), std::string::npos) << checked.error().line();
  EXPECT_FALSE(checked.error().remedy.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Choices, FormatConflicts,
    testing::Values(
        ConflictRow{"MetacopyWithoutRedirects",
                    {.redirect_dir = RedirectDir::NoFollow, .metacopy = true},
                    kWithUpper,
                    "metacopy=on and redirect_dir=nofollow exclude each other"},
        ConflictRow{"MetacopyWithRedirectsOff",
                    {.redirect_dir = RedirectDir::Off, .metacopy = true},
                    kWithUpper,
                    "metacopy=on and redirect_dir=off exclude each other"},
        ConflictRow{"MetacopyWithRedirectsFollowed",
                    {.redirect_dir = RedirectDir::Follow, .metacopy = true},
                    kWithUpper,
                    "metacopy=on and redirect_dir=follow exclude each other"},
        ConflictRow{"MetacopyReadOnlyWithRedirectsFollowed",
                    {.redirect_dir = RedirectDir::Follow, .metacopy = true},
                    kNoUpper,
                    nullptr},
        ConflictRow{"MetacopyReadOnlyWithoutRedirects",
                    {.redirect_dir = RedirectDir::NoFollow, .metacopy = true},
                    kNoUpper,
                    "metacopy=on and redirect_dir=nofollow exclude each other"},
        ConflictRow{"MetacopyWithRedirects",
                    {.redirect_dir = RedirectDir::On, .metacopy = true},
                    kWithUpper,
                    nullptr},
        ConflictRow{"MetacopyExported",
                    {.metacopy = true, .nfs_export = true},
                    kWithUpper,
                    "nfs_export=on and metacopy=on exclude each other"},
        ConflictRow{"ExportWithoutIndex",
                    {.index = false, .nfs_export = true},
                    kWithUpper,
                    "nfs_export=on needs an index"},
        ConflictRow{
            "ReadOnlyExportWithoutIndex", {.index = false, .nfs_export = true}, kNoUpper, nullptr},
        ConflictRow{"ReadOnlyExportWithoutIndexAndRedirects",
                    {.redirect_dir = RedirectDir::NoFollow, .index = false, .nfs_export = true},
                    kNoUpper,
                    "nfs_export=on needs an index"},
        ConflictRow{"ExportWithIndex", {.index = true, .nfs_export = true}, kWithUpper, nullptr},
        ConflictRow{
            "VerityWithoutMetacopy",
            {.redirect_dir = RedirectDir::Off, .metacopy = false, .verity = Verity::Require},
            kWithUpper,
            nullptr}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace overpass::layer
