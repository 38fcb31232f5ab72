// SPDX-License-Identifier: MIT

#include "cli/run_call.h"

#include <gtest/gtest.h>

namespace overpass::cli {
namespace {

/// The sandbox "box" exists, and so does one called as a program; programs are make and npm.
Expected<RunCall> call(const Arguments& words) {
  const auto parsed = command_line::parse(words, kRunCommand);
  if (!parsed) return std::unexpected(parsed.error());
  return read_run_call(*parsed,
                       {[](const std::string& name) { return name == "box" || name == "make"; },
                        [](const std::string& name) { return name == "make" || name == "npm"; }});
}

struct Division {
  Arguments words;
  std::string name;
  Arguments command;
};

TEST(RunCall, TellsTheNameFromTheCommand) {
  const Division kCases[] = {
      {{}, "", {}},
      {{"npm"}, "", {"npm"}},
      {{"npm", "install", "--global"}, "", {"npm", "install", "--global"}},
      {{"/bin/true"}, "", {"/bin/true"}},
      {{"box"}, "box", {}},
      {{"box", "npm", "-g"}, "box", {"npm", "-g"}},
      {{"box", "--", "npm", "--"}, "box", {"npm", "--"}},
      {{"new"}, "new", {}},
      {{"new", "--", "npm"}, "new", {"npm"}},
      {{"new", "--root", "--", "npm", "--root"}, "new", {"npm", "--root"}},
      {{"npm", "--", "x"}, "npm", {"x"}},
      {{"nmp", "install"}, "", {"nmp", "install"}},
      {{"make", "npm"}, "make", {"npm"}},
      {{"--", "make", "-j2"}, "", {"make", "-j2"}},
      {{"--root", "npm", "--root"}, "", {"npm", "--root"}},
      {{"./npm", "--", "x"}, "", {"./npm", "--", "x"}},
  };
  for (const Division& one : kCases) {
    const auto read = call(one.words);
    ASSERT_TRUE(read) << read.error().line();
    EXPECT_EQ(read->name, one.name) << ::testing::PrintToString(one.words);
    EXPECT_EQ(read->command, one.command) << ::testing::PrintToString(one.words);
  }
}

TEST(RunCall, TakesOptionsOnBothSidesOfTheName) {
  const auto read = call({"--root", "box", "--no-net", "--keep", "--", "npm"});
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->is_root);
  EXPECT_FALSE(read->has_network);
  EXPECT_TRUE(read->is_kept);
  EXPECT_TRUE(read->has_settings());
  EXPECT_FALSE(call({"--keep", "box"})->has_settings());
  EXPECT_FALSE(read->keeps_bases);
  EXPECT_TRUE(call({"--keep-bases", "box"})->keeps_bases);
  EXPECT_TRUE(call({"--keep-bases", "box"})->has_settings());
}

TEST(RunCall, RefusesWhatCannotBeMeant) {
  for (const Arguments& words :
       std::initializer_list<Arguments>{{"--keep", "--discard", "npm"},
                                        {"--rw", "/", "npm"},
                                        {"--rw", "/nothing/here", "npm"},
                                        {"--rw", "/dev/null", "npm"},
                                        {"--ro", "/nothing/here", "npm"},
                                        {"--hide", "/", "npm"},
                                        {"--rw", "/usr", "--hide", "/usr/lib/x", "npm"},
                                        {"--rule", "hid x", "npm"},
                                        {"--tmp", "none", "npm"},
                                        {"--socket", "/usr", "npm"},
                                        {"a b", "--", "npm"},
                                        {"--nothing", "npm"}}) {
    EXPECT_FALSE(call(words)) << ::testing::PrintToString(words);
  }
}

TEST(RunCall, MakesPathsPlain) {
  const auto read =
      call({"--rw", "/usr/../usr/lib", "--ro", "/usr/bin/", "--hide", "/usr//share/x/", "npm"});
  ASSERT_TRUE(read) << read.error().line();
  EXPECT_EQ(read->scope.through.at(0), "/usr/lib");
  EXPECT_EQ(read->scope.read_only.at(0), "/usr/bin");
  EXPECT_EQ(read->scope.hidden.at(0), "/usr/share/x");
}

}  // namespace
}  // namespace overpass::cli
