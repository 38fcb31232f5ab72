// SPDX-License-Identifier: MIT
//
// What a program is given that is executed for a daemon: all of it arrives, and nothing else is
// taken for it.

#include "fuse/handover.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sys/file_io.h"
#include "sys/open.h"

namespace overpass::fuse {
namespace {

UniqueFd root() { return UniqueFd(::open("/", O_PATH | O_DIRECTORY)); }

bool is_inherited(BorrowedFd fd) { return (::fcntl(raw(fd), F_GETFD) & FD_CLOEXEC) == 0; }

Handover sample() {
  Handover handover;
  handover.life = {.lives = 3, .replacements = 2, .is_replacement = true};
  handover.changes = "threads=2";
  handover.options.lower = {"/a", "/b\xff:\n"};
  handover.options.upper = "/u";
  handover.options.users = *IdMap::parse("0:1000:1:1:100000:65536");
  handover.options.timeout = 0.5;
  handover.options.rules = {{{"deny x", "-o"}, ""}};
  handover.options.propagation = {config::Propagation::Slave};
  handover.generation = 7;
  handover.mount = sys::MountedAt{.device = 42, .mount_id = 99};
  handover.stack.layers.resize(2);
  handover.stack.layers[1].path = "/a";
  handover.stack.layers[1].uuid[3] = 5;
  handover.stack.layers[1].root = root();
  handover.stack.first_data_only = 2;
  handover.stack.format.follows_metacopy = true;
  return handover;
}

std::vector<uint8_t> bytes_of(BorrowedFd file) {
  const std::string text = *sys::read_file("/proc/self/fd/" + std::to_string(raw(file)));
  return {text.begin(), text.end()};
}

UniqueFd file_with(const nlohmann::json& document) {
  UniqueFd file = *sys::open_in_memory();
  const std::vector<uint8_t> bytes = nlohmann::json::to_cbor(document);
  (void)sys::write_text(file, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return file;
}

TEST(Handover, ArrivesWhole) {
  Handover given = sample();
  const int root_number = raw(given.stack.layers[1].root);
  const UniqueFd file = *write_handover(given);
  EXPECT_TRUE(is_inherited(file));
  (void)given.stack.layers[1].root.release();  // As if it had been inherited.
  const auto taken = read_handover(file);
  ASSERT_TRUE(taken) << taken.error().line();
  EXPECT_EQ(taken->life.lives, 3U);
  EXPECT_TRUE(taken->life.is_replacement);
  EXPECT_EQ(taken->changes, given.changes);
  EXPECT_EQ(taken->options.lower, given.options.lower);
  EXPECT_EQ(taken->options.upper, given.options.upper);
  EXPECT_EQ(taken->options.work, std::nullopt);
  EXPECT_EQ(taken->options.users.shown(5), 100004U);
  EXPECT_EQ(taken->options.timeout, 0.5);
  EXPECT_EQ(taken->options.rules.at(0).rule, given.options.rules[0].rule);
  EXPECT_EQ(taken->options.propagation, given.options.propagation);
  EXPECT_EQ(taken->generation, 7U);
  EXPECT_EQ(taken->mount, given.mount);
  EXPECT_EQ(taken->stack.layers.at(1).uuid, given.stack.layers[1].uuid);
  EXPECT_EQ(raw(taken->stack.layers[1].root), root_number);
  EXPECT_FALSE(is_inherited(taken->stack.layers[1].root));
  EXPECT_EQ(taken->stack.first_data_only, 2U);
  EXPECT_TRUE(taken->stack.format.follows_metacopy);
}

TEST(Handover, IsRefusedIfItSaysMoreOrLess) {
  const UniqueFd file = *write_handover(Handover());
  const nlohmann::json document = nlohmann::json::from_cbor(bytes_of(file));
  nlohmann::json more = document;
  more["options"]["invented"] = 1;
  EXPECT_FALSE(read_handover(file_with(more)));
  nlohmann::json less = document;
  less["stack"]["format"].erase("verity");
  EXPECT_FALSE(read_handover(file_with(less)));
  EXPECT_FALSE(read_handover(file_with("text")));
  EXPECT_FALSE(read_handover(root()));
  EXPECT_TRUE(read_handover(file_with(document)));
}

TEST(Handover, SomeOptionsMayChange) {
  const config::Options before;
  config::Options after;
  after.threads = 4;
  after.rules = {{{"hide x", ""}, ""}};
  EXPECT_TRUE(check_change(before, after));
  after.read_only = true;
  const auto refused = check_change(before, after);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().cause.find("read_only"), std::string::npos) << refused.error().cause;
}

}  // namespace
}  // namespace overpass::fuse
