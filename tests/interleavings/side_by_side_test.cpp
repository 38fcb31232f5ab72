// SPDX-License-Identifier: MIT
//
// Pairs and triples of operations on the same and on neighbouring names, in every schedule up to
// the bounds.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ostream>

#include "side_by_side.h"

namespace overpass::interleavings {
namespace {

constexpr layer::FormatChoice kRedirects = {.redirect_dir = layer::RedirectDir::On};

const Tree kTwoFiles = {.lower_directories = {"d", "k"},
                        .lower_files = {{"d/f", "the old f"}, {"d/g", "the old g"}}};

const Tree kDirectories = {.lower_directories = {"d", "d/e", "d/s", "k"},
                           .lower_files = {{"d/f", "the old f"}, {"d/s/x", "x"}}};

const Setting kFile = {"file", kTwoFiles, {.format = kRedirects}};

/// Lower files are served by the daemon.
const Setting kCached = {"cached", kTwoFiles, {.cached_lower_io = true, .format = kRedirects}};

const Setting kMetacopy = {
    "metacopy",
    kTwoFiles,
    {.format = {.redirect_dir = layer::RedirectDir::On, .metacopy = true}},
};

/// Files that are not copied by the thread that serves a request, but by one that may wait.
const Setting kLarge = {
    "large",
    {.lower_directories = {"d", "k"},
     .lower_files = {{"d/f", "the old f", "", 100000}, {"d/g", "the old g", "", 100000}}},
    {.format = kRedirects},
};

const Setting kDirectory = {"directory", kDirectories, {.format = kRedirects}};

/// The union's own locks alone.
const Setting kUnlocked = {
    "unlocked", kDirectories, {.format = kRedirects}, /*has_vfs_locks=*/false};

/// What only the upper has.
const Setting kUpper = {
    "upper",
    {.lower_directories = {"k"},
     .lower_files = {},
     .upper_directories = {"u", "u/v"},
     .upper_files = {{"u/w", "the old w"}, {"u/y", "the old y"}}},
    {.format = kRedirects},
};

/// No file is passed through: the daemon moves the data, and keeps what it knows of the file.
const Setting kServed = {
    "served",
    {.lower_directories = {"k"},
     .lower_files = {},
     .upper_directories = {"u"},
     .upper_files = {{"u/w", "the old w"}, {"u/x", "the old x"}, {"u/y", "", "u/x"}}},
    {.passthrough = false, .format = kRedirects},
};

/// Two names of one file, with an index.
const Setting kLinks = {
    "links",
    {.lower_directories = {"d", "k"},
     .lower_files = {{"d/f", "the old f"}, {"d/g", "", "d/f"}, {"k/h", "the old h"}}},
    {.format = {.redirect_dir = layer::RedirectDir::On, .index = true}},
};

struct Case {
  const Setting* setting;
  std::vector<std::string> operations;

  friend std::ostream& operator<<(std::ostream& stream, const Case& one) {
    stream << one.setting->name;
    for (const std::string& operation : one.operations) stream << " | " << operation;
    return stream;
  }
};

class SideBySideTest : public testing::TestWithParam<Case> {};

TEST_P(SideBySideTest, EqualsAnOrder) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root has trusted attributes";
  std::vector<Operation> operations;
  for (const std::string& text : GetParam().operations) operations.push_back(operation_of(text));
  SideBySide together(*GetParam().setting, operations);
  if (const char* schedule = std::getenv("OVERPASS_TESTS_SCHEDULE")) {
    return together.replay(schedule_of(schedule));
  }
  std::printf("%zu schedules\n", together.try_all(bounds_of(operations.size())));
}

const std::vector<std::string> kOnAFile = {
    "lookup d/f",     "stat d/f",       "read d/f",         "write d/f new",  "truncate d/f 3",
    "chmod d/f 600",  "list d",         "unlink d/f",       "rename d/f d/n", "rename d/f d/g",
    "rename d/g d/f", "rename d/f k/n", "exchange d/f d/g", "link d/f d/n",   "create d/n"};

const std::vector<std::string> kOtherKinds = {"setxattr d/f v", "mkdir d/n", "symlink d/n target",
                                              "write d/f new", "rename d/f d/n"};

const std::vector<std::string> kCopyingUp = {"read d/f",       "write d/f new", "truncate d/f 3",
                                             "chmod d/f 600",  "unlink d/f",    "rename d/f k/n",
                                             "rename d/g d/f", "link d/f d/n"};

const std::vector<std::string> kOnADirectory = {
    "lookup d/e",     "list d/e",         "chmod d/e 700",    "rmdir d/e",        "create d/e/n",
    "rename d/e k/m", "rename d m",       "rename d/f d/e/n", "exchange d/e d/s", "rmdir d/s",
    "unlink d/s/x",   "rename d/s/x d/x", "rename d/s d/e",   "write d/f new",    "stat d/f"};

const std::vector<std::string> kInTheUpper = {
    "lookup u/w",     "stat u/w",       "read u/w",       "write u/w new",    "chmod u/w 600",
    "unlink u/w",     "rename u/w u/n", "rename u/w u/y", "exchange u/w u/y", "link u/w u/n",
    "create u/n",     "rename u m",     "rmdir u/v",      "create u/v/n",     "rename u/w u/v/n",
    "rename u/v k/n", "list u"};

const std::vector<std::string> kServedByTheDaemon = {
    "stat u/w",       "read u/w",       "write u/w longer-than-before",
    "write u/w new",  "append u/w z",   "truncate u/w 3",
    "chmod u/w 600",  "setxattr u/w v", "unlink u/w",
    "rename u/w u/n", "link u/w u/n",   "list u",
};

/// One asks twice or more, while the others change the file.
const std::vector<std::vector<std::string>> kAsked = {
    {"write u/w longer-than-before", "stat u/w", "stat u/w"},
    {"append u/w a", "append u/w b", "stat u/w"},
    {"append u/w a", "truncate u/w 3", "stat u/w"},
    {"write u/w longer-than-before", "truncate u/w 3", "stat u/w"},
    {"write u/w longer-than-before", "chmod u/w 600", "stat u/w"},
    {"write u/w longer-than-before", "link u/w u/n", "stat u/w"},
    {"append u/w a", "unlink u/w", "stat u/w"},
    {"append u/x a", "unlink u/y", "stat u/x"},
    {"append u/x a", "write u/y b", "stat u/x"},
};

const std::vector<std::string> kOnLinks = {"stat d/g",        "read d/f",       "write d/f new",
                                           "write d/g other", "chmod d/f 600",  "unlink d/f",
                                           "unlink d/g",      "link d/f d/n",   "link d/g k/n",
                                           "rename d/f k/n",  "rename k/h d/g", "exchange d/f k/h"};

// Nothing is made here in a directory that goes away: that no such two meet, the union leaves to
// the VFS, which locks the directory for both.
const std::vector<std::string> kWithoutLocks = {"list d",     "write d/f new",  "chmod d/f 600",
                                                "unlink d/f", "rename d/f d/n", "create d/n",
                                                "rmdir d/e",  "rename d/s d/e", "rename d m"};

const std::vector<std::string> kThreeOnAFile = {"read d/f", "write d/f new", "unlink d/f",
                                                "rename d/g d/f", "link d/f d/n"};

const std::vector<std::string> kThreeOnADirectory = {"rmdir d/e", "create d/e/n", "rename d/e k/m",
                                                     "rename d m", "write d/f new"};

const std::vector<std::string> kThreeOnLinks = {"write d/f new", "unlink d/f", "rename k/h d/g",
                                                "link d/g k/n"};

/// Each two of the operations, and each with itself.
std::vector<Case> pairs_of(const Setting& setting, const std::vector<std::string>& operations) {
  std::vector<Case> pairs;
  for (size_t i = 0; i < operations.size(); ++i) {
    for (size_t k = i; k < operations.size(); ++k) {
      pairs.push_back({&setting, {operations[i], operations[k]}});
    }
  }
  return pairs;
}

/// Each three of them.
std::vector<Case> triples_of(const Setting& setting, const std::vector<std::string>& operations) {
  std::vector<Case> triples;
  for (size_t i = 0; i < operations.size(); ++i) {
    for (size_t k = i + 1; k < operations.size(); ++k) {
      for (size_t l = k + 1; l < operations.size(); ++l) {
        triples.push_back({&setting, {operations[i], operations[k], operations[l]}});
      }
    }
  }
  return triples;
}

std::vector<Case> cases_of(const Setting& setting,
                           const std::vector<std::vector<std::string>>& all) {
  std::vector<Case> cases;
  for (const auto& operations : all) cases.push_back({&setting, operations});
  return cases;
}

/// "write_d_f_new__unlink_d_f"
std::string name_of(const testing::TestParamInfo<Case>& info) {
  std::string name;
  for (const std::string& operation : info.param.operations) {
    name += (name.empty() ? "" : "__") + operation;
  }
  std::ranges::replace_if(
      name, [](char letter) { return letter == ' ' || letter == '/' || letter == '-'; }, '_');
  return name;
}

const std::vector<std::string> kOnALargeFile = {"read d/f",       "write d/f new", "truncate d/f 3",
                                                "chmod d/f 600",  "unlink d/f",    "rename d/f k/n",
                                                "rename d/g d/f", "link d/f d/n"};

#define OVERPASS_CASES(name, cases) \
  INSTANTIATE_TEST_SUITE_P(name, SideBySideTest, testing::ValuesIn(cases), name_of)

OVERPASS_CASES(File, pairs_of(kFile, kOnAFile));
OVERPASS_CASES(Kinds, pairs_of(kFile, kOtherKinds));
OVERPASS_CASES(Large, pairs_of(kLarge, kCopyingUp));
OVERPASS_CASES(Cached, pairs_of(kCached, kCopyingUp));
OVERPASS_CASES(Metacopy, pairs_of(kMetacopy, kCopyingUp));
OVERPASS_CASES(Links, pairs_of(kLinks, kOnLinks));
OVERPASS_CASES(Directory, pairs_of(kDirectory, kOnADirectory));
OVERPASS_CASES(Unlocked, pairs_of(kUnlocked, kWithoutLocks));
OVERPASS_CASES(Upper, pairs_of(kUpper, kInTheUpper));
OVERPASS_CASES(Served, pairs_of(kServed, kServedByTheDaemon));
OVERPASS_CASES(Asked, cases_of(kServed, kAsked));
OVERPASS_CASES(ThreeOnAFile, triples_of(kFile, kThreeOnAFile));
OVERPASS_CASES(ThreeOnAMetacopy, triples_of(kMetacopy, kThreeOnAFile));
OVERPASS_CASES(ThreeOnADirectory, triples_of(kDirectory, kThreeOnADirectory));
OVERPASS_CASES(ThreeOnLinks, triples_of(kLinks, kThreeOnLinks));

#undef OVERPASS_CASES

}  // namespace
}  // namespace overpass::interleavings
