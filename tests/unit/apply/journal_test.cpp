// SPDX-License-Identifier: MIT

#include "apply/journal.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "../sys/scratch.h"
#include "sys/open.h"

namespace overpass::unit {
namespace {

using apply::Act;
using apply::Journal;
using apply::JournalPart;
using apply::Step;

class JournalFile : public testing::Test {
 protected:
  JournalFile() {
    disk.directory("store");
    directory = *sys::open_path(disk.path("store").c_str(), O_RDONLY | O_DIRECTORY);
  }

  Scratch disk;
  UniqueFd directory;
};

Journal example() {
  Step step;
  step.act = Act::Overwrite;
  step.path = "new/\xff%41\n";
  step.old_path = "old";
  step.temporary = ".overpass-1-1";
  step.replaced = layer::BaseStamp{.ino = 7,
                                   .size = 8,
                                   .mtime_seconds = 9,
                                   .ctime_seconds = 10,
                                   .mtime_nanoseconds = 11,
                                   .ctime_nanoseconds = 12,
                                   .mode = 0100644};
  step.prepared = uint64_t{1} << 60;
  step.prepared_digest = ~uint64_t{0};
  step.kept_digest = 3;
  step.given = step.replaced;
  Step plain;
  plain.act = Act::Take;
  plain.old_path = "gone";
  JournalPart part;
  part.directory = 3;
  part.target = "/home";
  part.gives_owner = false;
  part.is_whole = true;
  part.steps = {step, plain};
  part.dropped = {.trees = {"t"}, .names = {"a/b"}, .parents = {"a"}};
  part.identity = "id:2";
  part.partly = {"picked"};
  part.merged = {"new/\xff%41\n"};
  Journal journal;
  journal.merges = true;
  journal.kind = apply::Kind::Redo;
  journal.phase = apply::Phase::Publishing;
  journal.id = "17";
  journal.created = "2026-11-29T08:00:00Z";
  journal.summary = "1 modified";
  journal.source = "redo/16";
  journal.paths = {"a"};
  journal.parts = {part};
  return journal;
}

TEST_F(JournalFile, IsReadAsItWasWritten) {
  ASSERT_TRUE(write_journal(directory, example()));
  const auto read = apply::read_journal(directory);
  ASSERT_TRUE(read);
  const Journal wanted = example();
  EXPECT_EQ(read->kind, wanted.kind);
  EXPECT_EQ(read->phase, wanted.phase);
  EXPECT_EQ(read->id, wanted.id);
  EXPECT_EQ(read->created, wanted.created);
  EXPECT_EQ(read->summary, wanted.summary);
  EXPECT_EQ(read->source, wanted.source);
  EXPECT_EQ(read->paths, wanted.paths);
  ASSERT_EQ(read->parts.size(), 1U);
  const JournalPart& part = read->parts[0];
  EXPECT_EQ(part.directory, 3U);
  EXPECT_EQ(part.target, "/home");
  EXPECT_FALSE(part.gives_owner);
  EXPECT_TRUE(part.is_whole);
  EXPECT_EQ(part.dropped.trees, wanted.parts[0].dropped.trees);
  EXPECT_EQ(part.dropped.names, wanted.parts[0].dropped.names);
  EXPECT_EQ(part.dropped.parents, wanted.parts[0].dropped.parents);
  EXPECT_EQ(part.identity, "id:2");
  EXPECT_EQ(part.partly, wanted.parts[0].partly);
  EXPECT_EQ(part.merged, wanted.parts[0].merged);
  EXPECT_TRUE(read->merges);
  ASSERT_EQ(part.steps.size(), 2U);
  EXPECT_EQ(part.steps[0].act, Act::Overwrite);
  EXPECT_EQ(part.steps[0].path, "new/\xff%41\n");
  EXPECT_EQ(part.steps[0].temporary, ".overpass-1-1");
  EXPECT_EQ(part.steps[0].replaced, wanted.parts[0].steps[0].replaced);
  EXPECT_EQ(part.steps[0].prepared, uint64_t{1} << 60);
  EXPECT_EQ(part.steps[0].prepared_digest, ~uint64_t{0});
  EXPECT_EQ(part.steps[0].kept_digest, 3U);
  EXPECT_EQ(part.steps[0].given, wanted.parts[0].steps[0].replaced);
  EXPECT_FALSE(part.steps[1].replaced);
}

TEST_F(JournalFile, IsMissingOrNotUnderstood) {
  EXPECT_TRUE(apply::read_journal(directory).failed_with(ENOENT));
  for (const char* text : {"", "{}", "[1]", "{\"format\": 2}"}) {
    disk.write("store/journal.json", text);
    EXPECT_TRUE(apply::read_journal(directory).failed_with(EBADMSG)) << text;
  }
}

}  // namespace
}  // namespace overpass::unit
