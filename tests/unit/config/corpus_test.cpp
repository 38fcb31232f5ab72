// SPDX-License-Identifier: MIT
//
// Replays what was found by fuzzing, and mutates it a little with any compiler. A failure prints
// the seed; OVERPASS_TEST_SEED repeats it.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "../../fuzz/targets.h"
#include "../base/brief.h"
#include "config/corpus_path.h"

namespace overpass::fuzz {
namespace {

std::vector<std::string> corpus_of(const Target& target) {
  std::vector<std::string> texts;
  const auto folder = std::filesystem::path(OVERPASS_FUZZ_CORPUS) / target.name;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream stream(entry.path(), std::ios::binary);
    texts.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  return texts;
}

unsigned seed_of_this_run() {
  if (const char* given = std::getenv("OVERPASS_TEST_SEED")) {
    return static_cast<unsigned>(std::strtoul(given, nullptr, 10));
  }
  return std::random_device()();
}

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  /// One to eight small changes: a byte replaced, inserted or removed, a piece doubled.
  std::string mutate(std::string text) {
    for (size_t left = 1 + below(8); left > 0; --left) {
      const size_t at = below(text.size() + 1);
      switch (below(4)) {
        case 0:
          if (at < text.size()) text[at] = interesting();
          break;
        case 1:
          text.insert(at, 1, interesting());
          break;
        case 2:
          if (at < text.size()) text.erase(at, 1 + below(4));
          break;
        default:
          text.insert(at, text.substr(at, below(16)));
      }
    }
    return text;
  }

  /// The text, and up to three others after it.
  std::string follow(std::string text, const std::vector<std::string>& others) {
    for (size_t left = below(4); left > 0; --left) text += others[below(others.size())];
    return text;
  }

 private:
  size_t below(size_t end) { return std::uniform_int_distribution<size_t>(0, end - 1)(random_); }

  char interesting() {
    constexpr std::string_view kBytes = ",:=\\\"'[]{}.#~/\n\0\xff\x80 a0-+";
    return below(4) == 0 ? static_cast<char>(below(256)) : kBytes[below(kBytes.size())];
  }

  std::mt19937 random_;
};

class Corpus : public testing::TestWithParam<Target> {};

TEST_P(Corpus, IsRead) {
  const auto texts = corpus_of(GetParam());
  EXPECT_FALSE(texts.empty());
  for (const std::string& text : texts) GetParam().run(text);
}

TEST_P(Corpus, IsReadMutated) {
  const unsigned seed = seed_of_this_run();
  // Before the work: a property that does not hold aborts.
  std::cerr << "OVERPASS_TEST_SEED=" << seed << "\n";
  Mutator mutator(seed);
  const auto texts = corpus_of(GetParam());
  const int mutations = GetParam().mutations / (unit::is_brief() ? 4 : 1);
  for (const std::string& text : texts) {
    for (int i = 0; i < mutations; ++i) {
      GetParam().run(mutator.mutate(mutator.follow(text, texts)));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Corpus, testing::ValuesIn(kTargets),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace overpass::fuzz
