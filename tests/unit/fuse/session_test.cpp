// SPDX-License-Identifier: MIT
//
// A session from INIT to its end: what is agreed on, what is answered to requests that the daemon
// has no handler for, and that each request has exactly one reply.

#include "fuse/session.h"

#include <algorithm>
#include <vector>

#include "fuse/counters.h"
#include "fuse_test.h"
#include "sample_requests.h"

namespace overpass::unit {
namespace {

using SessionTest = FuseTest;

uint64_t flags_of(const fuse_init_out& agreed) {
  return agreed.flags | static_cast<uint64_t>(agreed.flags2) << 32;
}

TEST_F(SessionTest, TakesTheWantedFeaturesThatLinuxOffers) {
  const fuse_init_out agreed = fuse.agreed();
  EXPECT_EQ(agreed.major, 7U);
  const uint64_t flags = flags_of(agreed);
  for (const uint64_t wanted :
       {uint64_t{FUSE_DO_READDIRPLUS}, uint64_t{FUSE_PARALLEL_DIROPS}, uint64_t{FUSE_POSIX_ACL},
        uint64_t{FUSE_DONT_MASK}, uint64_t{FUSE_HANDLE_KILLPRIV_V2}, uint64_t{FUSE_INIT_EXT},
        uint64_t{FUSE_ATOMIC_O_TRUNC}, kNoExportSupport, kDirectIoAllowMmap}) {
    EXPECT_NE(flags & wanted, 0U) << wanted;
  }
  for (const uint64_t unwanted :
       {uint64_t{FUSE_WRITEBACK_CACHE}, uint64_t{FUSE_READDIRPLUS_AUTO}, uint64_t{FUSE_POSIX_LOCKS},
        uint64_t{FUSE_FLOCK_LOCKS}, uint64_t{FUSE_EXPORT_SUPPORT}, kPassthrough}) {
    EXPECT_EQ(flags & unwanted, 0U) << unwanted;
  }
}

TEST_F(SessionTest, NegotiatesWriteBackOnlyIfToldTo) {
  fuse.options.writeback = config::Switch::On;
  EXPECT_NE(flags_of(fuse.agreed()) & FUSE_WRITEBACK_CACHE, 0U);
}

TEST_F(SessionTest, OpensDirectoriesForAKernelThatInsists) {
  fuse.init.flags &= ~uint32_t{FUSE_NO_OPENDIR_SUPPORT};
  const Answer opened = fuse.call(FUSE_OPENDIR, kRootId, bytes_of(fuse_open_in{}));
  const auto flags = opened.as<fuse_open_out>().open_flags;
  EXPECT_EQ(flags, uint32_t{FOPEN_CACHE_DIR | FOPEN_KEEP_CACHE});
}

TEST_F(SessionTest, RefusesAnOlderProtocol) {
  fuse.init.major = 6;
  EXPECT_THROW(fuse.agreed(), std::runtime_error);
  EXPECT_EQ(fuse.call(FUSE_STATFS, kRootId).error, EIO);
}

TEST_F(SessionTest, LetsTheKernelOfANewerProtocolTryAgain) {
  fuse.init.major = 8;
  EXPECT_EQ(fuse.agreed().major, 7U);
  fuse.init.major = 7;
  EXPECT_EQ(fuse.call(FUSE_INIT, 0, bytes_of(fuse.init)).error, 0);
  EXPECT_EQ(fuse.call(FUSE_STATFS, kRootId).error, 0);
}

TEST_F(SessionTest, TakesOneInitOnly) {
  fuse.start();
  fuse_init_in again = {};
  again.major = 7;
  again.minor = 45;
  EXPECT_EQ(fuse.call(FUSE_INIT, 0, bytes_of(again)).error, EIO);
  EXPECT_EQ(fuse.call(FUSE_STATFS, kRootId).error, 0);
}

TEST_F(SessionTest, CountsARequestForEachRowOfTheTable) {
  fuse.disk.write("lower/file", "text");
  const uint64_t node = node_of("file");
  for (const Sample& sample : sample_requests(node, open(node, O_RDWR))) {
    const uint64_t unique =
        fuse.send(sample.opcode, sample.uses_handle ? node : kRootId, sample.payload);
    if (wants_reply(sample.opcode)) (void)fuse.wait_for(unique);
  }
  for (const std::string opcode : fuse::kOpcodeNames) {
    const bool has_row = opcode != "FLUSH" && opcode != "ACCESS";
    EXPECT_EQ(count_of(opcode) > 0, has_row) << opcode;
  }
}

TEST_F(SessionTest, RefusesRequestsWithoutAHandler) {
  // The kernel takes ENOSYS for good: it does these by itself from then on, or not at all.
  const std::string nothing(128, '\0');
  for (const uint32_t opcode : {uint32_t{FUSE_FLUSH}, uint32_t{FUSE_GETLK}, uint32_t{FUSE_ACCESS},
                                uint32_t{FUSE_INTERRUPT}, uint32_t{FUSE_BMAP}, uint32_t{FUSE_POLL},
                                uint32_t{FUSE_SETUPMAPPING}, uint32_t{FUSE_REMOVEMAPPING},
                                uint32_t{FUSE_SYNCFS}, uint32_t{FUSE_OPENDIR}, kEndOfOpcodes}) {
    EXPECT_EQ(fuse.call(opcode, kRootId, nothing).error, ENOSYS) << opcode;
  }
  for (const uint32_t opcode : {0U, 7U, 19U, 200U, 4095U, 4097U, ~0U}) {
    EXPECT_EQ(fuse.call(opcode, kRootId, nothing).error, ENOSYS) << opcode;
  }
}

TEST_F(SessionTest, LetsInterruptedRequestsBeAnswered) {
  const uint64_t statfs = fuse.send(FUSE_STATFS, kRootId);
  fuse_interrupt_in interrupt = {};
  interrupt.unique = statfs;
  const uint64_t interruption = fuse.send(FUSE_INTERRUPT, 0, bytes_of(interrupt));
  EXPECT_EQ(fuse.wait_for(statfs).error, 0);
  EXPECT_EQ(fuse.wait_for(interruption).error, ENOSYS);
}

TEST_F(SessionTest, EndsWithADestroy) {
  fuse.start();
  EXPECT_EQ(fuse.call(FUSE_DESTROY, 0).error, 0);
  EXPECT_EQ(fuse.end(), "");
}

TEST_F(SessionTest, AnswersEachOfManyRequestsOnce) {
  fuse.disk.write("lower/file", "text");
  fuse.options.threads = 4;
  std::vector<uint64_t> sent;
  for (int i = 0; i < 300; ++i) {
    sent.push_back(fuse.send(FUSE_LOOKUP, kRootId, name_of(i % 2 == 0 ? "file" : "absent")));
  }
  std::ranges::reverse(sent);
  for (size_t i = 0; i < sent.size(); ++i) {
    const auto entry = fuse.wait_for(sent[i]).as<fuse_entry_out>();
    EXPECT_EQ(entry.nodeid == 0, i % 2 == 0);
  }
}

TEST_F(SessionTest, AnswersRequestsOfAllKindsAtOnce) {
  fuse.disk.write("lower/file", std::string(50'000, 'x'));
  fuse.options.threads = 4;
  const uint64_t node = node_of("file");
  const std::vector<Sample> samples = sample_requests(node, open(node, O_RDWR));
  std::vector<uint64_t> sent;
  for (int i = 0; i < 20; ++i) {
    for (const Sample& sample : samples) {
      if (sample.opcode == FUSE_RELEASE) continue;  // The handle is in use by the others.
      const uint64_t target = sample.uses_handle ? node : kRootId;
      const uint64_t unique = fuse.send(sample.opcode, target, sample.payload);
      if (wants_reply(sample.opcode)) sent.push_back(unique);
    }
  }
  for (const uint64_t unique : sent) EXPECT_NE(fuse.wait_for(unique).error, ESTALE);
  EXPECT_EQ(fuse.disk.read("lower/file"), std::string(50'000, 'x'));
}

TEST_F(SessionTest, AnswersRequestsUnderWayWhenTheConnectionEnds) {
  fuse.disk.write("lower/file", std::string(300'000, 'x'));
  const uint64_t node = node_of("file");
  fuse_open_in open = {};
  open.flags = O_RDWR;
  (void)fuse.send(FUSE_OPEN, node, bytes_of(open));  // A copy-up, by a worker.
  EXPECT_EQ(fuse.end(), "");
  EXPECT_EQ(fuse.disk.read("upper/file").size(), 300'000U);
}

TEST(Session, EndsWithoutARequiredFeature) {
  FakeFuse fuse;
  fuse.options.writeback = config::Switch::On;
  fuse.init.flags &= ~uint32_t{FUSE_WRITEBACK_CACHE};
  fuse.start();
  EXPECT_NE(fuse.end().find("writeback=on cannot be had: the kernel does not offer it"),
            std::string::npos);
}

TEST(Session, ReportsAHeaderThatIsCutShort) {
  FakeFuse fuse;
  fuse.start();
  fuse.send_bytes(std::string(sizeof(fuse_in_header) - 1, '\1'), 0);
  EXPECT_NE(fuse.end().find("serving failed: Input/output error"), std::string::npos);
}

}  // namespace
}  // namespace overpass::unit
