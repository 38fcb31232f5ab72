// SPDX-License-Identifier: MIT
//
// Placeholders in values of overpass.toml.

#include "config/placeholders.h"

#include <gtest/gtest.h>

namespace overpass::config {
namespace {

std::string filled(std::string_view value, std::string_view name) {
  const auto text = fill_in(value, name);
  return text ? *text : "error: " + text.error().line();
}

TEST(Placeholders, AreFilledIn) {
  EXPECT_EQ(filled("/a/b", "box"), "/a/b");
  EXPECT_EQ(filled("~/chroots/%n/upper", "box"), "~/chroots/box/upper");
  EXPECT_EQ(filled("/%i/%n", "build@trixie"), "/trixie/build@trixie");
  EXPECT_EQ(filled("100%%n", "box"), "100%n");
  EXPECT_EQ(filled("%n%n%%", "box"), "boxbox%");
  EXPECT_EQ(filled("%i", "a@b@c"), "b@c");
  EXPECT_EQ(filled("/%n", "%i@x"), "/%i@x") << "a name is not searched for placeholders";
}

TEST(Placeholders, OfATemplateHaveSomeInstance) { EXPECT_EQ(filled("/%i", "build@"), "/instance"); }

TEST(Placeholders, ThatAreWrongAreNamed) {
  EXPECT_EQ(filled("/%q", "box"),
            "error: unknown placeholder '%q' (there are %n, %i and, for a percent sign, %%)");
  EXPECT_EQ(filled("/a%", "box"),
            "error: a percent sign stands at the end of '/a%' (write %% for a percent sign)");
  EXPECT_EQ(filled("/%i", "box"),
            "error: %i has no meaning in a mount without an '@' in its name (call the table "
            "[mount.\"box@\"], or write %n)");
  EXPECT_EQ(filled("/a/%i", "build@.."), "error: '..' cannot be filled in for a placeholder");
  EXPECT_EQ(filled("/a/%n", "."), "error: '.' cannot be filled in for a placeholder");
}

TEST(TemplateOf, IsTheNameUpToTheSign) {
  EXPECT_EQ(template_of("build@trixie"), "build@");
  EXPECT_EQ(template_of("a@b@c"), "a@");
  EXPECT_EQ(template_of("build@"), "");
  EXPECT_EQ(template_of("build"), "");
  EXPECT_TRUE(is_template("build@"));
  EXPECT_FALSE(is_template("build@x"));
}

}  // namespace
}  // namespace overpass::config
