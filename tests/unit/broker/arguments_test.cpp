// SPDX-License-Identifier: MIT

#include "broker/arguments.h"

#include <gtest/gtest.h>

#include <vector>

#include "command_line/help.h"

namespace overpass::broker {
namespace {

Expected<Arguments> read(const command_line::Arguments& words) { return read_arguments(words); }

TEST(BrokerArguments, HaveDefaults) {
  const auto arguments = read({});
  ASSERT_TRUE(arguments.has_value());
  EXPECT_EQ(arguments->action, Action::Serve);
  EXPECT_EQ(arguments->socket, "/run/overpass/broker.sock");
  EXPECT_EQ(arguments->user, "overpass-broker");
  EXPECT_EQ(arguments->limits.files_per_user, 32768U);
}

TEST(BrokerArguments, AreTakenInBothSpellings) {
  const auto arguments =
      read({"--socket", "/a", "--user=7", "--files-per-user", "12", "--clients=3",
            "--clients-per-user=2", "--requests-per-second=9", "--list"});
  ASSERT_TRUE(arguments.has_value());
  EXPECT_EQ(arguments->socket, "/a");
  EXPECT_EQ(arguments->user, "7");
  EXPECT_EQ(arguments->limits.files_per_user, 12U);
  EXPECT_EQ(arguments->limits.clients, 3U);
  EXPECT_EQ(arguments->limits.clients_per_user, 2U);
  EXPECT_EQ(arguments->limits.requests_per_second, 9U);
  EXPECT_EQ(arguments->action, Action::List);
}

TEST(BrokerArguments, ThatAreWrongAreNamed) {
  for (const auto& [words, part] : std::vector<std::pair<command_line::Arguments, std::string>>{
           {{"--file"}, "unknown option '--file' (did you mean '--files'?)"},
           {{"x"}, "'x'"},
           {{"--socket"}, "'--socket' needs a value"},
           {{"--socket="}, "'--socket' needs a value"},
           {{"--clients", "0"}, "from 1 to 4096, not '0'"},
           {{"--clients", "4097"}, "not '4097'"},
           {{"--clients", "7x"}, "not '7x'"},
           {{"--files-per-user", "-1"}, "not '-1'"}}) {
    const auto arguments = read(words);
    ASSERT_FALSE(arguments.has_value()) << part;
    EXPECT_NE(arguments.error().line().find(part), std::string::npos) << arguments.error().line();
  }
}

TEST(BrokerArguments, AreAllInTheHelp) {
  for (const char* name :
       {"--socket", "--user", "--clients ", "--clients-per-user", "--files ", "--files-per-user",
        "--requests-per-second", "--list", "--help", "--version"}) {
    EXPECT_NE(command_line::help_of(kBrokerCommand).find(name), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace overpass::broker
