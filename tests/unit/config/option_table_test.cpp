// SPDX-License-Identifier: MIT
//
// The table agrees with itself.

#include "config/option_table.h"

#include <gtest/gtest.h>

#include <set>

namespace overpass::config {
namespace {

TEST(OptionTable, HasEverySpellingAndKeyOnce) {
  std::set<std::string_view> spellings, keys, flags;
  for (const OptionEntry& entry : option_table()) {
    if (!entry.name.empty()) {
      EXPECT_TRUE(spellings.insert(entry.name).second) << entry.name;
    }
    if (!entry.negation.empty()) {
      EXPECT_TRUE(spellings.insert(entry.negation).second) << entry.negation;
    }
    if (!entry.key.empty()) {
      EXPECT_TRUE(keys.insert(entry.key).second) << entry.key;
    }
    EXPECT_FALSE(entry.help.empty()) << entry.name;
    EXPECT_FALSE(entry.name.empty() && entry.key.empty());
  }
}

TEST(OptionTable, GivesEachNegationAFlag) {
  for (const OptionEntry& entry : option_table()) {
    if (!entry.negation.empty()) {
      EXPECT_EQ(entry.kind, Kind::Flag) << entry.name;
    }
  }
}

TEST(OptionTable, FindsByNameNegationAndKey) {
  EXPECT_EQ(find_option("upperdir").entry->key, "upper");
  EXPECT_FALSE(find_option("suid").negated);
  EXPECT_TRUE(find_option("nosuid").negated);
  EXPECT_EQ(find_option("nosuid").entry, find_option("suid").entry);
  EXPECT_EQ(find_option_by_key("upper"), find_option("upperdir").entry);
  EXPECT_EQ(find_option("").entry, nullptr);
  EXPECT_EQ(find_option("mountpoint").entry, nullptr);
  EXPECT_NE(find_option_by_key("mountpoint"), nullptr);
  EXPECT_EQ(find_option_by_key(""), nullptr);
  EXPECT_EQ(find_option_by_key("upperdir"), nullptr);
}

TEST(SpellChoice, ReadsAsASentence) {
  EXPECT_EQ(spell_choice("a"), "a");
  EXPECT_EQ(spell_choice("a|b"), "a or b");
  EXPECT_EQ(spell_choice("a|b|c"), "a, b or c");
}

TEST(SwitchWord, KnowsFourWordsEach) {
  for (const auto word : {"on", "yes", "true", "1"}) EXPECT_EQ(switch_word(word), "on");
  for (const auto word : {"off", "no", "false", "0"}) EXPECT_EQ(switch_word(word), "off");
  for (const auto word : {"", "On", "2", "auto"}) EXPECT_EQ(switch_word(word), "");
}

}  // namespace
}  // namespace overpass::config
