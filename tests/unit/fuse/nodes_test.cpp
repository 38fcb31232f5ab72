// SPDX-License-Identifier: MIT
//
// The nodes that requests name: unknown ones, node 0, forgotten ones, and FORGETs that say too
// much.

#include "fuse_test.h"
#include "sample_requests.h"

namespace overpass::unit {
namespace {

class Nodes : public FuseTest {
 protected:
  void SetUp() override {
    fuse.disk.write("lower/file", "text");
    fuse.disk.write("lower/other", "text");
  }
  void forget(uint64_t node, uint64_t count) {
    (void)fuse.send(FUSE_FORGET, node, bytes_of(fuse_forget_in{count}));
  }
  int getattr(uint64_t node) {
    return fuse.call(FUSE_GETATTR, node, bytes_of(fuse_getattr_in{})).error;
  }
};

TEST_F(Nodes, AreStaleWhenUnknownForEveryRequest) {
  for (const uint64_t node : {uint64_t{0}, uint64_t{2}, uint64_t{1} << 40, ~uint64_t{0}}) {
    for (const Sample& sample : sample_requests(node, 0)) {
      if (!sample.uses_node) continue;
      EXPECT_EQ(fuse.call(sample.opcode, node, sample.payload).error, ESTALE)
          << sample.name << " of " << node;
    }
  }
  EXPECT_TRUE(fuse.disk.names("upper").empty());
}

TEST_F(Nodes, AreStaleWhenUnknownAsTheSecondOfARequest) {
  const uint64_t unknown = 12'345;
  EXPECT_EQ(fuse.call(FUSE_LINK, kRootId, bytes_of(fuse_link_in{unknown}) + name_of("name")).error,
            ESTALE);
  const std::string names = name_of("file") + name_of("name");
  EXPECT_EQ(fuse.call(FUSE_RENAME, kRootId, bytes_of(fuse_rename_in{unknown}) + names).error,
            ESTALE);
  EXPECT_EQ(
      fuse.call(FUSE_RENAME2, kRootId, bytes_of(fuse_rename2_in{unknown, 0, 0}) + names).error,
      ESTALE);
  EXPECT_TRUE(fuse.disk.names("upper").empty());
}

TEST_F(Nodes, OfAllButTheRootHaveTheGenerationOfThisMount) {
  const fuse_entry_out file = look_up(kRootId, "file");
  EXPECT_EQ(look_up(kRootId, "other").generation, file.generation);
  EXPECT_EQ(look_up(kRootId, ".").generation, 0U);
}

TEST_F(Nodes, AreForgottenWithTheLastLookup) {
  const uint64_t node = look_up(kRootId, "file").nodeid;
  EXPECT_EQ(look_up(kRootId, "file").nodeid, node);
  forget(node, 1);
  EXPECT_EQ(getattr(node), 0);
  forget(node, 1);
  EXPECT_EQ(getattr(node), ESTALE);
  EXPECT_NE(look_up(kRootId, "file").nodeid, 0U);
}

TEST_F(Nodes, AreForgottenManyAtATime) {
  const uint64_t file = look_up(kRootId, "file").nodeid, other = look_up(kRootId, "other").nodeid;
  EXPECT_EQ(look_up(kRootId, "other").nodeid, other);
  const std::string forgets = bytes_of(fuse_forget_one{file, 1}) +
                              bytes_of(fuse_forget_one{other, 1}) +
                              bytes_of(fuse_forget_one{999, 1});
  (void)fuse.send(FUSE_BATCH_FORGET, 0, bytes_of(fuse_batch_forget_in{.count = 3}) + forgets);
  EXPECT_EQ(getattr(file), ESTALE);
  EXPECT_EQ(getattr(other), 0);
  (void)fuse.send(FUSE_BATCH_FORGET, 0, bytes_of(fuse_batch_forget_in{}));
  EXPECT_EQ(getattr(other), 0);
}

TEST_F(Nodes, SurviveForgetsThatSayTooMuch) {
  const uint64_t node = look_up(kRootId, "file").nodeid;
  for (const uint64_t wrong : {uint64_t{0}, uint64_t{77}, ~uint64_t{0}, kRootId}) {
    forget(wrong, ~uint64_t{0});
  }
  EXPECT_EQ(getattr(kRootId), 0);
  EXPECT_EQ(getattr(node), 0);
  forget(node, ~uint64_t{0});
  forget(node, 1);
  EXPECT_EQ(getattr(node), ESTALE);
}

TEST_F(Nodes, StayWhileTheyAreOpen) {
  const uint64_t node = look_up(kRootId, "file").nodeid;
  const uint64_t handle = open(node, O_RDONLY);
  forget(node, 1);
  EXPECT_EQ(read(node, handle).payload, "text");
  EXPECT_EQ(release(node, handle).error, 0);
  EXPECT_EQ(getattr(node), ESTALE);
}

TEST_F(Nodes, AreNotCountedWhenTheReplyDoesNotArrive) {
  const int64_t before = count_of("inodes");
  fuse.send_and_leave(FUSE_LOOKUP, kRootId, name_of("file"));
  fuse.send_and_leave(FUSE_MKDIR, kRootId, bytes_of(fuse_mkdir_in{.mode = 0755}) + name_of("new"));
  EXPECT_EQ(count_of("inodes"), before);
}

TEST_F(Nodes, OfTheWrongKindAreRefused) {
  // The kernel knows what kind a node is of, and sends none of these.
  const uint64_t node = node_of("file");
  for (const Sample& sample : sample_requests(node, 0)) {
    const bool wants_directory = sample.payload.find(name_of("name")) != std::string::npos ||
                                 sample.opcode == FUSE_READDIR || sample.opcode == FUSE_READDIRPLUS;
    if (!wants_directory) continue;
    EXPECT_EQ(fuse.call(sample.opcode, node, sample.payload).error, ENOTDIR) << sample.name;
  }
  EXPECT_EQ(try_open(kRootId, O_RDONLY).error, EISDIR);
  // As readlinkat(2) says it of a descriptor.
  EXPECT_EQ(fuse.call(FUSE_READLINK, node).error, ENOENT);
  EXPECT_EQ(fuse.call(FUSE_READLINK, kRootId).error, ENOENT);
}

}  // namespace
}  // namespace overpass::unit
