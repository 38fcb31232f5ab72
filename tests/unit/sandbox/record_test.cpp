// SPDX-License-Identifier: MIT

#include "sandbox/record.h"

#include <gtest/gtest.h>

namespace overpass::sandbox {
namespace {

TEST(Record, IsReadAsItWasWritten) {
  Record record = new_record();
  record.is_root = record.has_one_owner = true;
  record.has_network = false;
  record.keeps_bases = true;
  record.scope = {.only = "/home/u/a 'b' \"c\"",
                  .ignored = {"*.key"},
                  .through = {"/x"},
                  .in_memory = {"/tmp"},
                  .sockets = {"/s"},
                  .read_only = {"/y", "/z\n"},
                  .hidden = {"/\xc3\xa4"},
                  .log = "/l",
                  .rules = {"hide .env"}};
  EXPECT_EQ(record.file_system_at("/", "u:2").directory, 1U);
  EXPECT_EQ(record.file_system_at("/home", "v:2").directory, 2U);
  EXPECT_EQ(record.file_system_at("/", "u:2").directory, 1U);
  record.file_systems[0].layers = {std::string(32, '1'), std::string(32, '0')};
  record.file_systems[0].moving = 7;
  record.snapshots = {{"first", "then", {std::string(32, '0')}}, {"2", "later", {}}};
  record.dropped = {std::string(32, '2')};
  const auto read = parse_record(text_of(record), "sandbox.toml");
  ASSERT_TRUE(read) << read.error().line();
  EXPECT_EQ(text_of(*read), text_of(record));
  EXPECT_EQ(read->scope.read_only, record.scope.read_only);
  EXPECT_EQ(read->file_systems.size(), 2U);
  EXPECT_FALSE(read->has_network);
  EXPECT_TRUE(read->keeps_bases);
  EXPECT_EQ(read->file_systems[0].layers, record.file_systems[0].layers);
  EXPECT_EQ(read->file_systems[0].moving, 7U);
  EXPECT_EQ(read->dropped, record.dropped);
  EXPECT_EQ(read->find_snapshot("2"), 1U);
  EXPECT_EQ(read->find_snapshot("third"), std::nullopt);
  EXPECT_EQ(read->snapshots[0].layers, record.snapshots[0].layers);
}

TEST(Record, GivesNoDirectoryTwice) {
  Record record;
  record.file_systems = {{"/a", 7, ""}, {"/b", 2, ""}};
  EXPECT_EQ(record.file_system_at("/c", "").directory, 8U);
  record.file_systems[0].moving = 9;
  EXPECT_EQ(record.free_directory(), 10U);
}

TEST(Record, TellsFileSystemsApartThatWereMountedAtOnePlace) {
  Record record;
  EXPECT_EQ(record.file_system_at("/run", "first:1").directory, 1U);
  EXPECT_EQ(record.file_system_at("/run", "second:1").directory, 2U);
  EXPECT_EQ(record.file_system_at("/run", "first:1").directory, 1U);
  EXPECT_NE(file_system_identity("/proc"), file_system_identity("/"));
  EXPECT_EQ(file_system_identity("/usr/bin"), file_system_identity("/usr/bin/."));
  EXPECT_EQ(file_system_identity("/nothing/here"), "");
}

TEST(Record, IsRefusedWhereItCannotBeRight) {
  for (const char* text :
       {"", "format = 2", "format = 1\n[[file_system]]\nat = 'x'\ndirectory = 1",
        "format = 1\n[[file_system]]\nat = '/a/../b'\ndirectory = 1",
        "format = 1\n[[file_system]]\nat = '/a'\ndirectory = 0",
        "format = 1\n[[file_system]]\nat = '/a'\ndirectory = '1/../..'",
        "format = 1\n[[file_system]]\nat = '/a'",
        "format = ", "format = 1\n[[file_system]]\nat = '/a'\ndirectory = 1\nlayers = ['../x']",
        "format = 1\n[[snapshot]]\nlabel = '../x'",
        "format = 1\n[[snapshot]]\nlabel = 'x'\nlayers = ['/']", "\xc3\xa4"}) {
    EXPECT_FALSE(parse_record(text, "sandbox.toml")) << text;
  }
}

}  // namespace
}  // namespace overpass::sandbox
