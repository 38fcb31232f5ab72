// SPDX-License-Identifier: MIT

#include "broker/text_lines.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "../sys/scratch.h"
#include "sys/open.h"

namespace overpass::broker {
namespace {

class TextLines : public testing::Test {
 protected:
  UniqueFd file_of(const std::string& text) {
    const std::string path = scratch_.path("text");
    std::ofstream(path, std::ios::trunc) << text;
    return unit::must(sys::open_path(path.c_str(), O_RDONLY));
  }

  std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for_each_line(file_of(text), [&](std::string_view line) {
      lines.emplace_back(line);
      return line != "stop";
    });
    return lines;
  }

  unit::Scratch scratch_;
};

TEST_F(TextLines, AreCutAtTheirEnds) {
  EXPECT_EQ(lines_of("one\n\nthree\n"), (std::vector<std::string>{"one", "", "three"}));
  EXPECT_EQ(lines_of(""), std::vector<std::string>());
  EXPECT_EQ(lines_of("without an end"), std::vector<std::string>());
}

TEST_F(TextLines, CrossThePiecesInWhichTheyAreRead) {
  for (const size_t length : {8190U, 8191U, 8192U, 8193U, 16383U}) {
    const std::string line(length, 'x');
    EXPECT_EQ(lines_of(line + "\nnext\n"), (std::vector<std::string>{line, "next"})) << length;
  }
}

TEST_F(TextLines, ThatAreTooLongAreLeftOut) {
  EXPECT_EQ(lines_of("a\n" + std::string(100'000, 'x') + "\nb\n"),
            (std::vector<std::string>{"a", "b"}));
}

TEST_F(TextLines, AreReadAsFarAsTheyAreWanted) {
  EXPECT_EQ(lines_of("one\nstop\nthree\n"), (std::vector<std::string>{"one", "stop"}));
}

TEST_F(TextLines, OfALongTextAreReadUpToABound) {
  const std::string line(1023, 'x');
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += line + "\n";
  EXPECT_EQ(lines_of(text).size(), kMostText / 1024);
}

TEST_F(TextLines, OfAShortTextAreReadAtOnce) {
  EXPECT_EQ(read_text(file_of("all\nof it\n")), "all\nof it\n");
  EXPECT_EQ(read_text(file_of(std::string(5000, 'x'))).size(), 4096U);
}

}  // namespace
}  // namespace overpass::broker
