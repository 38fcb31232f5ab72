// SPDX-License-Identifier: MIT
//
// git is the judge: random patterns as a .gitignore and as rules must say the same of every path of
// a small tree.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "rules/compile.h"
#include "rules/table.h"

namespace overpass::rules {
namespace {

constexpr const char* kNames[] = {"a", "b", "ab", "a.b", ".a", "[a", "b\\"};

struct Path {
  std::string text;
  bool is_directory;
};

class Git : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "overpass-git-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    ASSERT_EQ(run("git init -q ."), 0) << "git is needed (tools/setup)";
    grow("", 0);
    std::ofstream list(root_ / ".git/paths", std::ios::binary);
    for (const Path& path : paths_) list << path.text << '\0';
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  int run(const std::string& command) const {
    return std::system(
        ("cd '" + root_.string() + "' && GIT_CONFIG_GLOBAL=/dev/null " + command).c_str());
  }

  void grow(const std::string& directory, int depth) {
    for (size_t i = 0; i < std::size(kNames); ++i) {
      const std::string path = directory + kNames[i];
      const bool is_directory = depth < 3 && (i + depth) % 2 == 0;
      paths_.push_back({path, is_directory});
      if (is_directory) {
        std::filesystem::create_directory(root_ / path);
        grow(path + "/", depth + 1);
      } else {
        std::ofstream(root_ / path) << "x";
      }
    }
  }

  /// What git says of each path, in order.
  std::vector<bool> asked(const std::vector<std::string>& patterns) {
    {
      std::ofstream ignore(root_ / ".gitignore");
      for (const std::string& pattern : patterns) ignore << pattern << '\n';
    }
    run("git check-ignore --no-index -v -n -z --stdin < .git/paths > .git/answers");
    std::ifstream file(root_ / ".git/answers", std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    std::vector<std::string> fields;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = text.find('\0', begin);
      fields.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    std::vector<bool> ignored;
    for (size_t i = 0; i + 3 < fields.size(); i += 4) {
      ignored.push_back(!fields[i + 2].empty() && !fields[i + 2].starts_with('!'));
    }
    return ignored;
  }

  std::filesystem::path root_;
  std::vector<Path> paths_;
};

/// git takes the text before the first special character away before it looks at the rest, so that
/// "a**/b" is to it what "a" and "**/b" would be, against its own manual.
bool is_quirk(const std::string& pattern) {
  for (size_t at = pattern.find("**"); at != std::string::npos; at = pattern.find("**", at + 2)) {
    if (at > 0 && pattern[at - 1] != '/') return true;
  }
  return false;
}

std::string random_pattern(std::mt19937_64& random) {
  constexpr const char* kParts[] = {
      "a",     "b",  ".",     "*",           "**",      "?",    "/",   "/",
      "a",     "ab", "[ab]",  "[!a]",        "\\a",     "\\[",  "**/", "/**",
      "b",     ".a", "[a-b]", "[[:alpha:]]", "[^.]",    "\\\\", "\\*", "[/a]",
      "[a-[:", "]",  "[]-a]", "[!]a]",       "[a-\\]]", "-",    "[.-", ":]"};
  std::string pattern = random() % 4 == 0 ? "!" : "";
  const size_t parts = 1 + random() % 5;
  for (size_t i = 0; i < parts; ++i) pattern += kParts[random() % std::size(kParts)];
  if (random() % 5 == 0) pattern += "/";
  return pattern;
}

bool is_hidden(const Table& table, const Path& path) {
  const auto reasons = explain(table, path.text, path.is_directory);
  const bool explained = !reasons.empty() && reasons.front().applies;
  Verdict verdict;
  SharedProgress progress = table.at_root();
  std::string_view rest = path.text;
  while (true) {
    const size_t end = rest.find('/');
    const bool is_last = end == std::string_view::npos;
    verdict = table.judge(verdict, progress, rest.substr(0, end), !is_last || path.is_directory);
    if (is_last) break;
    progress = table.enter(progress, rest.substr(0, end));
    rest.remove_prefix(end + 1);
  }
  EXPECT_EQ(verdict.has(Action::Hide), explained) << path.text;
  return explained;
}

TEST_F(Git, AgreesOnRandomPatterns) {
  const char* given = std::getenv("OVERPASS_TESTS_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 7;
  std::mt19937_64 random(seed);
  size_t compared = 0, hidden = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> patterns;
    std::vector<RuleText> rules;
    const size_t wanted = 1 + random() % 5;
    while (patterns.size() < wanted) {
      const std::string pattern = random_pattern(random);
      const RuleText rule = {"hide " + pattern, "test"};
      if (is_quirk(pattern) || !compile(std::vector<RuleText>{rule})) continue;
      patterns.push_back(pattern);
      rules.push_back(rule);
    }
    const auto table = compile(rules);
    ASSERT_TRUE(table);
    const std::vector<bool> answers = asked(patterns);
    ASSERT_EQ(answers.size(), paths_.size());
    std::string all;
    for (const std::string& pattern : patterns) all += pattern + "  ";
    for (size_t i = 0; i < paths_.size(); ++i) {
      ASSERT_EQ(is_hidden(*table, paths_[i]), answers[i])
          << "seed " << seed << ", patterns " << all << ", path " << paths_[i].text;
      ++compared;
      hidden += answers[i] ? 1 : 0;
    }
  }
  // The comparison is worth something only if both answers are common.
  EXPECT_GT(hidden, compared / 20);
  EXPECT_LT(hidden, compared - compared / 20);
}

/// What is refused here matches nothing in git either.
TEST_F(Git, MatchesNothingWhereAPatternIsRefused) {
  std::mt19937_64 random(11);
  size_t refused = 0;
  for (int round = 0; round < 3000 && refused < 60; ++round) {
    const std::string pattern = random_pattern(random);
    if (is_quirk(pattern) || compile(std::vector<RuleText>{{"hide " + pattern, ""}})) continue;
    ++refused;
    for (const bool ignored : asked({pattern})) ASSERT_FALSE(ignored) << pattern;
  }
  EXPECT_GT(refused, 20U);
}

}  // namespace
}  // namespace overpass::rules
