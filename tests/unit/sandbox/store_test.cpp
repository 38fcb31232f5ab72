// SPDX-License-Identifier: MIT

#include "sandbox/store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "sandbox/record.h"

namespace overpass::sandbox {
namespace {

namespace fs = std::filesystem;

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/overpass-store-XXXXXX";
    directory_ = ::mkdtemp(name);
    store_ = directory_ + "/deep/store";
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string directory_, store_;
};

TEST_F(StoreTest, MakesASandboxForItsUserAlone) {
  const auto sandbox = Sandbox::make(store_, "a");
  ASSERT_TRUE(sandbox) << sandbox.error().line();
  struct stat found = {};
  ASSERT_EQ(::stat(store_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700U);
  ASSERT_EQ(::stat(sandbox->path().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700U);
  EXPECT_TRUE(Sandbox::make(store_, "a"));
  EXPECT_EQ(sandbox_names(store_), std::vector<std::string>{"a"});
}

TEST_F(StoreTest, HasNoSandboxThatWasNotMade) {
  EXPECT_TRUE(Sandbox::open(store_, "a").failed_with(ENOENT));
  EXPECT_TRUE(sandbox_names(store_).empty());
}

TEST_F(StoreTest, RefusesWhatOthersMayWriteTo) {
  fs::create_directories(store_ + "/open");
  fs::permissions(store_ + "/open", fs::perms::all);
  EXPECT_TRUE(Sandbox::open(store_, "open").failed_with(EACCES));
  EXPECT_FALSE(Sandbox::make(store_, "open"));
  fs::create_symlink("/tmp", store_ + "/link");
  EXPECT_FALSE(Sandbox::open(store_, "link"));
}

TEST_F(StoreTest, LetsOneHoldTheLock) {
  const auto sandbox = Sandbox::make(store_, "a");
  ASSERT_TRUE(sandbox);
  EXPECT_FALSE(sandbox->is_running());
  {
    const auto lock = sandbox->lock();
    ASSERT_TRUE(lock);
    EXPECT_TRUE(sandbox->lock().failed_with(EWOULDBLOCK));
    EXPECT_TRUE(sandbox->is_running());
  }
  EXPECT_TRUE(sandbox->lock());
}

TEST_F(StoreTest, RemovesASandboxWithItsContent) {
  const auto sandbox = Sandbox::make(store_, "a");
  ASSERT_TRUE(sandbox);
  fs::create_directories(sandbox->path() + "/1/upper/x/y");
  std::ofstream(sandbox->path() + "/1/upper/x/y/z") << "z";
  const auto lock = sandbox->lock();
  ASSERT_TRUE(lock);
  EXPECT_TRUE(remove_sandbox(store_, *sandbox));
  EXPECT_TRUE(fs::is_empty(store_));
  // A process that had opened it before does not use what is gone.
  const auto again = Sandbox::make(store_, "a");
  ASSERT_TRUE(again);
  EXPECT_TRUE(sandbox->lock().error() == Errno{ENOENT} || sandbox->lock().failed_with(ESTALE));
}

TEST(Store, TakesNamesThatAreNoPathsAndNoOptions) {
  for (const char* name : {"a", "A-1", "x.y_z", "@last", "0"}) EXPECT_TRUE(is_sandbox_name(name));
  for (const char* name : {"", ".", "..", ".a", "-a", "a/b", "a b", "@x", "\xc3\xa4"}) {
    EXPECT_FALSE(is_sandbox_name(name)) << name;
  }
  EXPECT_FALSE(is_sandbox_name(std::string(65, 'a')));
}

}  // namespace
}  // namespace overpass::sandbox
