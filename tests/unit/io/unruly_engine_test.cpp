// SPDX-License-Identifier: MIT
//
// That the engine of the tests is as bad as it says, or what it proves would mean nothing.

#include "unruly_engine.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engines.h"

namespace overpass::unit {
namespace {

std::unique_ptr<UnrulyEngine> unruly(Ways ways) {
  return std::make_unique<UnrulyEngine>(plain_engine(Kind::Threads), std::move(ways));
}

Ways holding() {
  Ways ways;
  ways.holds = true;
  return ways;
}

TEST(UnrulyEngine, CompletesInTheChosenOrder) {
  const Scratch disk;
  disk.write("file", "0123456789");
  const UniqueFd fd = disk.open("file");
  const auto engine = unruly(holding());
  std::vector<std::string> buffers(3, " ");
  std::string order;
  for (size_t i = 0; i < buffers.size(); ++i) {
    const auto note = [&order, i](Result<std::span<char>>) { order += std::to_string(i); };
    ASSERT_TRUE(
        engine->submit(io::make_operation(read_job(fd, buffers[i], static_cast<off_t>(i)), note)));
    engine->wait_for_held(i + 1);
  }
  EXPECT_EQ(order, "");
  EXPECT_EQ(buffers[2], "2") << "the bytes are there before the completion";
  engine->release(2);
  EXPECT_EQ(order, "2");
  engine->release(0);
  engine->release(0);
  EXPECT_EQ(order, "201");
  engine->wait_until_idle();
}

TEST(UnrulyEngine, LetsEverythingGoInTheEnd) {
  const Scratch disk;
  disk.write("file", "0123456789");
  const UniqueFd fd = disk.open("file", O_RDWR);
  const auto engine = unruly(holding());
  const std::string text = "abc";
  std::string buffer(3, ' ');
  auto first = submit(*engine, write_job(fd, text, 0));
  engine->wait_for_held(1);
  engine->release_all();
  EXPECT_EQ(must(first.get()), 3u);
  auto second = submit(*engine, write_job(fd, text, 5));
  auto third = submit(*engine, read_job(fd, buffer, 5));
  engine->stop();
  EXPECT_EQ(must(second.get()), 3u);
  EXPECT_TRUE(third.valid());
  (void)third.get();
  EXPECT_EQ(disk.read("file"), "abc34abc89");
}

TEST(UnrulyEngine, FailsAtTheChosenOperation) {
  const Scratch disk;
  disk.write("file", "0123456789");
  const UniqueFd fd = disk.open("file", O_RDWR);
  Ways ways;
  ways.longest_piece = 2;
  ways.fails = [](const io::Operation& operation) { return operation.position() >= 6 ? EIO : 0; };
  const auto engine = unruly(ways);
  std::string buffer(10, ' ');
  const size_t part = must(run(*engine, read_job(fd, buffer, 0)));
  EXPECT_GE(part, 6u);
  EXPECT_LE(part, 7u) << "in pieces of two at most";
  io::Job whole = read_job(fd, buffer, 0);
  whole.whole = true;
  EXPECT_EQ(error_of(run(*engine, std::move(whole))), EIO);
  EXPECT_EQ(error_of(run(*engine, read_job(fd, buffer, 8))), EIO);
}

}  // namespace
}  // namespace overpass::unit
