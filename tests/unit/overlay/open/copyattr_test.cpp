// SPDX-License-Identifier: MIT
//
// Completions that are late, reordered, in parts and failed, and who asks for attributes meanwhile.

#include "overlay/open/copyattr.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <thread>

#include "../union.h"
#include "overlay/change/change_attributes.h"
#include "overlay/find/attributes.h"
#include "overlay/open/file_io.h"
#include "placed_engine.h"

namespace overpass::overlay {
namespace {

using unit::Handle;
using unit::must;
using unit::PlacedEngine;
using unit::Union;
using unit::Ways;

unit::UnionOptions served() { return {.passthrough = false, .on = "/dev/shm"}; }

/// A write that goes on while the test does.
class Pending {
 public:
  Pending(Union& u, Handle& file, std::string bytes, off_t offset)
      : bytes_(std::move(bytes)), file_(file) {
    overlay::write(u.overlay(), {}, file.file(), bytes_, offset, file.file().flags(),
                   WriteKind::Plain, [this](Result<size_t> written) { done_.set_value(written); });
  }
  bool is_answered() {
    return future_.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  }
  Result<size_t> get() { return future_.get(); }

 private:
  std::string bytes_;
  Handle& file_;
  std::promise<Result<size_t>> done_;
  std::future<Result<size_t>> future_ = done_.get_future();
};

class Copyattr : public testing::Test {
 protected:
  explicit Copyattr(Ways ways = {.holds = true}) : engine_(std::move(ways)) {}
  ~Copyattr() override {
    if (is_held_) engine_.get().release_all();
  }

  void TearDown() override { file_.reset(); }

  /// A file of `size` bytes that is open for writing, and of which the attributes are known.
  Handle& file(size_t size = 10, int flags = O_RDWR) {
    u_.disk.write("upper/f", std::string(size, 'x'));
    file_ = std::make_unique<Handle>(u_.open("f", flags));
    EXPECT_EQ(shown().stx_size, size);
    return *file_;
  }

  sys::Stat shown() { return must(attributes(u_.overlay(), file_->node())); }
  uint64_t size() { return shown().stx_size; }
  uint64_t size_on_disk() {
    return static_cast<uint64_t>(std::filesystem::file_size(u_.disk.path("upper/f")));
  }

  void release(size_t index) { engine_.get().release(index); }
  void wait_for_held(size_t count) { engine_.get().wait_for_held(count); }

  bool is_held_ = true;
  PlacedEngine engine_;
  Union u_{served()};
  std::unique_ptr<Handle> file_;
};

TEST_F(Copyattr, ShowsTheStateBeforeUntilAWriteIsCompleted) {
  const sys::Stat before = (file(), shown());
  Pending write(u_, *file_, std::string(20, 'y'), 0);
  wait_for_held(1);
  EXPECT_EQ(size_on_disk(), 20U) << "the bytes are there, the completion is not";
  EXPECT_EQ(size(), 10U);
  EXPECT_EQ(shown().stx_mtime.tv_nsec, before.stx_mtime.tv_nsec) << "one state, not two";
  release(0);
  EXPECT_EQ(must(write.get()), 20U);
  EXPECT_EQ(size(), 20U);
  EXPECT_NE(shown().stx_mtime.tv_nsec, before.stx_mtime.tv_nsec);
}

TEST_F(Copyattr, ShowsEveryWriteThatWasCompletedInAnyOrder) {
  file();
  Pending first(u_, *file_, std::string(10, 'y'), 10);
  wait_for_held(1);
  Pending second(u_, *file_, std::string(10, 'y'), 20);
  wait_for_held(2);
  EXPECT_EQ(size(), 10U);
  release(1);
  EXPECT_EQ(must(second.get()), 10U);
  EXPECT_GE(size(), 30U);
  release(0);
  EXPECT_EQ(must(first.get()), 10U);
  EXPECT_EQ(size(), 30U);
}

TEST_F(Copyattr, ShowsATruncationThatCameDuringAWrite) {
  file();
  Pending write(u_, *file_, std::string(10, 'y'), 10);
  wait_for_held(1);
  Changes cut;
  cut.size = 5;
  const sys::Stat told = must(change_attributes(u_.overlay(), {}, file_->node(), cut, nullptr));
  EXPECT_EQ(told.stx_size, 5U);
  EXPECT_EQ(size(), 5U);
  release(0);
  EXPECT_TRUE(write.get());
  EXPECT_EQ(size(), 5U) << "the bytes were written before";
  EXPECT_EQ(size(), size_on_disk());
}

TEST_F(Copyattr, ShowsAChmodThatCameDuringAWrite) {
  file();
  Pending write(u_, *file_, std::string(10, 'y'), 10);
  wait_for_held(1);
  EXPECT_EQ(u_.chmod("f", 0600), 0);
  EXPECT_EQ(shown().stx_mode & 07777, 0600U);
  EXPECT_EQ(size(), 20U) << "the disk was asked, and the bytes are there";
  release(0);
  EXPECT_TRUE(write.get());
  EXPECT_EQ(shown().stx_mode & 07777, 0600U);
  EXPECT_EQ(size(), 20U);
}

TEST_F(Copyattr, ShowsAppendsOneAfterTheOther) {
  file(10, O_WRONLY | O_APPEND);
  Pending first(u_, *file_, std::string(5, 'a'), 10);
  wait_for_held(1);
  Pending second(u_, *file_, std::string(7, 'b'), 15);
  wait_for_held(2);
  EXPECT_EQ(size(), 10U);
  release(0);
  EXPECT_EQ(must(first.get()), 5U);
  EXPECT_GE(size(), 15U);
  release(0);
  EXPECT_EQ(must(second.get()), 7U);
  EXPECT_EQ(size(), 22U);
}

TEST_F(Copyattr, WaitsForTheMutexWithoutTheEngine) {
  file();
  Pending write(u_, *file_, std::string(20, 'y'), 0);
  wait_for_held(1);
  std::thread engine;
  {
    Lock lock(file_->node()->mutex);
    engine = std::thread([this] { release(0); });
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_FALSE(write.is_answered()) << "no answer before the attributes are copied";
  }
  engine.join();
  EXPECT_EQ(must(write.get()), 20U);
  EXPECT_EQ(size(), 20U);
}

TEST_F(Copyattr, EndsAChangeThatIsGivenUp) {
  file();
  {
    ContentChange change(u_.overlay(), file_->node(), off_t{20});
    EXPECT_EQ(size(), 10U);
  }
  {
    const InodeRef inode = file_->node();
    Lock lock(inode->mutex);
    EXPECT_FALSE(inode->opens->copy->is_changing());
  }
  EXPECT_EQ(size(), size_on_disk());
  is_held_ = false;  // Nothing was moved.
}

/// Fails each write at its second byte or later.
class CopyattrFailing : public Copyattr {
 protected:
  CopyattrFailing()
      : Copyattr({.longest_piece = 3, .fails = [](const io::Operation& operation) {
                    return operation.position() > operation.job().offset ? ENOSPC : 0;
                  }}) {}
};

TEST_F(CopyattrFailing, ShowsWhatAWriteLeftThatFailedHalfway) {
  file();
  Pending write(u_, *file_, std::string(20, 'y'), 10);
  const auto written = write.get();
  ASSERT_TRUE(written) << "a part was written";
  EXPECT_EQ(size(), 10 + *written);
  EXPECT_EQ(size(), size_on_disk());
}

/// Asks for the attributes between the parts of writes.
class CopyattrInParts : public Copyattr {
 protected:
  CopyattrInParts()
      : Copyattr({.longest_piece = 7, .fails = [this](const io::Operation&) {
                    if (file_) seen_.push_back(shown());
                    return 0;
                  }}) {}

  std::vector<sys::Stat> seen_;
};

TEST_F(CopyattrInParts, ShowsNoPartOfAWrite) {
  const sys::Stat before = (file(), shown());
  for (int i = 0; i < 20; ++i) {
    const sys::Stat known = shown();
    const uint64_t from = known.stx_size;
    seen_.clear();
    Pending write(u_, *file_, std::string(100, 'y'), static_cast<off_t>(from));
    EXPECT_EQ(must(write.get()), 100U);
    EXPECT_GT(seen_.size(), 10U);
    for (const sys::Stat& stat : seen_) {
      EXPECT_EQ(stat.stx_size, from);
      EXPECT_EQ(stat.stx_mtime.tv_nsec, known.stx_mtime.tv_nsec);
      EXPECT_EQ(stat.stx_blocks, known.stx_blocks);
    }
    EXPECT_EQ(size(), from + 100);
  }
  EXPECT_GE(shown().stx_mtime.tv_sec, before.stx_mtime.tv_sec);
}

}  // namespace
}  // namespace overpass::overlay
