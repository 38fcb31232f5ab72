// SPDX-License-Identifier: MIT
//
// Two unions over equal lowers go through the same random operations; the upper of one is frozen
// now and then. Both must always answer the same and show the same. Each seed is a history:
// OVERPASS_TEST_SEED is the first, OVERPASS_TEST_SEEDS says how many there are.

#include <gtest/gtest.h>
#include <stdio.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>

#include "../union.h"
#include "overlay/find/attributes.h"
#include "overlay/freeze/freeze.h"

namespace overpass::overlay {
namespace {

using unit::error_of;
using unit::Handle;
using unit::must;
using unit::Union;
using unit::UnionOptions;

constexpr int kSteps = 400;

struct Configuration {
  bool passthrough;
  bool metacopy;
  bool has_links = false;  ///< A lower has a file of two names.
  /// Readers of a lower's file see what is written later: otherwise those of a frozen one do not.
  bool cached_lower_io = true;
};

UnionOptions options_of(const Configuration& chosen) {
  return {.lowers = 2,
          .passthrough = chosen.passthrough,
          .cached_lower_io = chosen.cached_lower_io,
          .may_be_frozen = true,
          .format = {
              .redirect_dir = layer::RedirectDir::On, .index = true, .metacopy = chosen.metacopy}};
}

void fill(const Union& u, const Configuration& chosen) {
  for (const char* name : {"a", "b", "c"}) {
    u.disk.write(std::string("lower1/") + name, std::string("lower ") + name);
    u.disk.write(std::string("lower1/d/") + name, "in d");
    u.disk.write(std::string("lower2/d/e/") + name, "in e");
    u.disk.write(std::string("lower2/f/") + name, "in f");
  }
  if (!chosen.has_links) return;
  std::filesystem::create_hard_link(u.disk.path("lower1/a"), u.disk.path("lower1/d/g"));
}

bool is_below(const std::string& path, const std::string& directory) {
  return path.starts_with(directory + "/");
}

bool is_directory(Union& u, const std::string& path) { return S_ISDIR(u.stat(path).stx_mode); }

// What the VFS answers before it asks.

int make_directory(Union& u, const std::string& path) {
  return u.shows(path) ? EEXIST : u.make_directory(path);
}

int link(Union& u, const std::string& from, const std::string& to) {
  if (is_directory(u, from)) return EPERM;
  return u.shows(to) ? EEXIST : u.link(from, to);
}

int remove(Union& u, const std::string& path) {
  return is_directory(u, path) ? EISDIR : u.remove(path);
}

int remove_directory(Union& u, const std::string& path) {
  return is_directory(u, path) ? u.remove_directory(path) : ENOTDIR;
}

int rename(Union& u, const std::string& from, const std::string& to, unsigned flags) {
  const bool moves_directory = is_directory(u, from);
  if (is_below(to, from)) return EINVAL;
  if (is_below(from, to)) return ENOTEMPTY;
  const bool is_there = u.shows(to);
  if (!is_there && flags == RENAME_EXCHANGE) return ENOENT;
  if (is_there && flags == 0) {
    if (u.at(from).get() == u.at(to).get()) return 0;
    if (moves_directory && !is_directory(u, to)) return ENOTDIR;
    if (!moves_directory && is_directory(u, to)) return EISDIR;
  }
  return u.rename(from, to, flags);
}

int truncate(Union& u, const std::string& path) {
  return is_directory(u, path) ? EISDIR : u.truncate(path, 3);
}

class Pair {
 public:
  Pair(unsigned seed, const Configuration& chosen)
      : random_(seed),
        sees_all_(chosen.cached_lower_io),
        frozen_(options_of(chosen)),
        plain_(options_of(chosen)) {
    fill(frozen_, chosen);
    fill(plain_, chosen);
  }

  void run() {
    for (int step = 0; step < kSteps && !testing::Test::HasFailure(); ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      operate();
      if (pick(12) == 0) freeze();
      if (pick(10) == 0) compare();
    }
    compare();
    handles_.clear();
    nodes_.clear();
    // A mount of the same layers.
    frozen_.remount();
    plain_.remount();
    compare();
  }

  int frozen() const { return freezes_; }
  int refused() const { return refusals_; }

 private:
  struct Handles {
    Handle frozen, plain;
    bool may_write;
  };
  struct Nodes {
    InodeRef frozen, plain;
    uint64_t number;
  };

  unsigned pick(unsigned end) { return static_cast<unsigned>(random_() % end); }

  std::string name() { return std::string(1, static_cast<char>('a' + pick(8))); }
  std::string path() {
    std::string path = name();
    while (pick(2) == 0) path = name() + "/" + path;
    return path;
  }

  /// The same in both, which must answer the same.
  template <class Do>
  void both(const char* what, Do operation) {
    const int one = error_of_call([&] { return operation(frozen_); });
    const int other = error_of_call([&] { return operation(plain_); });
    EXPECT_EQ(one, other) << what;
  }
  /// Helpers of Union throw for paths that lead nowhere.
  template <class Call>
  static int error_of_call(Call call) {
    try {
      return call();
    } catch (const std::runtime_error& problem) {
      return -static_cast<int>(std::hash<std::string>()(problem.what()) % 1000) - 1;
    }
  }

  void operate() {
    const std::string one = path(), other = path();
    const std::string text(1 + pick(20), static_cast<char>('A' + pick(26)));
    switch (pick(14)) {
      case 0:
      case 1:
        return both("write", [&](Union& u) { return u.write(one, text), 0; });
      case 2:
        return both("mkdir", [&](Union& u) { return make_directory(u, one); });
      case 3:
        return both("unlink", [&](Union& u) { return remove(u, one); });
      case 4:
        return both("rmdir", [&](Union& u) { return remove_directory(u, one); });
      case 5:
      case 6:
        return both("rename", [&](Union& u) { return rename(u, one, other, 0); });
      case 7:
        return both("exchange", [&](Union& u) { return rename(u, one, other, RENAME_EXCHANGE); });
      case 8:
        return both("link", [&](Union& u) { return link(u, one, other); });
      case 9: {
        const mode_t mode = 0600 | pick(0100);
        return both("chmod", [&](Union& u) { return u.chmod(one, mode | 0100); });
      }
      case 10:
        return both("truncate", [&](Union& u) { return truncate(u, one); });
      case 11:
        return open(one);
      case 12:
        return use_handle(text);
      default:
        return keep_node(one);
    }
  }

  void open(const std::string& where) {
    const bool may_write = pick(2) == 0;
    auto one = try_open(frozen_, where, may_write), other = try_open(plain_, where, may_write);
    EXPECT_EQ(one.has_value(), other.has_value()) << "open " << where;
    if (!one || !other) return;
    handles_.push_back(
        std::make_unique<Handles>(Handles{std::move(*one), std::move(*other), may_write}));
  }
  static std::optional<Handle> try_open(Union& u, const std::string& where, bool may_write) {
    try {
      auto opened = u.try_open(where, may_write ? O_RDWR : O_RDONLY);
      if (opened) return std::move(*opened);
    } catch (const std::runtime_error&) {
    }
    return {};
  }

  void use_handle(const std::string& text) {
    if (handles_.empty()) return;
    const size_t which = pick(static_cast<unsigned>(handles_.size()));
    Handles& used = *handles_[which];
    if (used.may_write) {
      used.frozen.write(text);
      used.plain.write(text);
    }
    if (used.may_write || sees_all_) {
      EXPECT_EQ(used.frozen.read(), used.plain.read()) << "an open file";
    }
    if (pick(3) == 0) handles_.erase(handles_.begin() + static_cast<long>(which));
  }

  /// The kernel remembers a node.
  void keep_node(const std::string& where) {
    auto one = frozen_.look_up(where), other = plain_.look_up(where);
    EXPECT_EQ(error_of(one), error_of(other)) << "lookup " << where;
    if (!one || !other) return;
    nodes_.push_back({one->inode, other->inode, one->stat.stx_ino});
    if (nodes_.size() > 20) nodes_.erase(nodes_.begin());
  }

  void freeze() {
    const auto frozen = frozen_.freeze();
    if (frozen) ++freezes_;
    if (!frozen) ++refusals_;
    if (!frozen) {
      EXPECT_TRUE(frozen.failed_with(EBUSY) || frozen.failed_with(EOPNOTSUPP))
          << std::strerror(to_int(frozen.error()));
    }
    compare_nodes();
  }

  void compare_nodes() {
    for (const Nodes& nodes : nodes_) {
      const auto one = entry_of(frozen_.overlay(), current(nodes.frozen));
      const auto other = entry_of(plain_.overlay(), current(nodes.plain));
      EXPECT_EQ(error_of(one), error_of(other)) << "a node";
      if (!one || !other) continue;
      EXPECT_EQ(one->stat.stx_mode, other->stat.stx_mode);
      if (S_ISDIR(one->stat.stx_mode)) continue;
      EXPECT_EQ(one->stat.stx_size, other->stat.stx_size);
      // A lower's file keeps its links when the union's are gone.
      const bool has_links = other->stat.stx_nlink != 0;
      EXPECT_EQ(has_links ? one->stat.stx_nlink : 0, other->stat.stx_nlink);
    }
  }

  using Tree = std::map<std::string, std::string>;
  static void show(Union& u, const std::string& directory, Tree& tree,
                   std::map<uint64_t, std::string>& first_names) {
    for (const std::string& name : u.names(directory)) {
      const std::string path = directory.empty() ? name : directory + "/" + name;
      const sys::Stat stat = u.stat(path);
      std::string& line = tree[path];
      line = std::to_string(stat.stx_mode);
      if (S_ISDIR(stat.stx_mode)) {
        show(u, path, tree, first_names);
        continue;
      }
      line += " links " + std::to_string(stat.stx_nlink) + " of " +
              first_names.try_emplace(stat.stx_ino, path).first->second;
      if (S_ISREG(stat.stx_mode)) line += " '" + u.read(path) + "'";
    }
  }
  static Tree shown(Union& u) {
    Tree tree;
    std::map<uint64_t, std::string> first_names;
    show(u, "", tree, first_names);
    return tree;
  }

  void compare() {
    const Tree one = shown(frozen_), other = shown(plain_);
    EXPECT_EQ(one, other);
    compare_nodes();
  }

  std::mt19937 random_;
  const bool sees_all_;
  Union frozen_, plain_;
  std::vector<std::unique_ptr<Handles>> handles_;
  std::vector<Nodes> nodes_;
  int freezes_ = 0, refusals_ = 0;
};

class RandomFreeze : public testing::TestWithParam<Configuration> {};

TEST_P(RandomFreeze, IsNotSeen) {
  const char* const given = std::getenv("OVERPASS_TEST_SEED");
  const unsigned first = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : 1;
  const char* const many = std::getenv("OVERPASS_TEST_SEEDS");
  const unsigned count = many != nullptr ? static_cast<unsigned>(std::atoi(many)) : 2;
  int frozen = 0, refused = 0;
  for (unsigned seed = first; seed < first + count && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Pair pair(seed, GetParam());
    pair.run();
    frozen += pair.frozen();
    refused += pair.refused();
  }
  EXPECT_GT(frozen, 0);
  RecordProperty("frozen", frozen);
  RecordProperty("refused", refused);
}

INSTANTIATE_TEST_SUITE_P(All, RandomFreeze,
                         testing::Values(Configuration{true, false}, Configuration{false, false},
                                         Configuration{true, true},
                                         Configuration{true, false, true},
                                         Configuration{true, false, false, false}),
                         [](const auto& chosen) {
                           return std::string(chosen.param.passthrough ? "Passed" : "Served") +
                                  (chosen.param.metacopy ? "Metacopy" : "Whole") +
                                  (chosen.param.has_links ? "Linked" : "") +
                                  (chosen.param.cached_lower_io ? "" : "Split");
                         });

}  // namespace
}  // namespace overpass::overlay
