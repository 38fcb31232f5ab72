// SPDX-License-Identifier: MIT
//
// Findings as a person and as a script read them.

#include "cli/check_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace overpass::cli {
namespace {

using check::Area;
using check::Finding;
using check::Kind;
using check::Repair;

const layer::LayerPaths kPaths = {.lower = {"/l"}, .upper = "/u", .work = "/w", .mountpoint = {}};

TEST(CheckReport, NamesTheFileAsTheUserWouldNameIt) {
  EXPECT_EQ(line_of({Kind::OpaqueUnneeded, Area::Upper, "/a/b"}, kPaths),
            "/u/a/b: info: the opaque mark hides nothing [opaque-unneeded]");
  EXPECT_EQ(line_of({Kind::OpaqueUnneeded, Area::Upper, "/"}, kPaths),
            "/u: info: the opaque mark hides nothing [opaque-unneeded]");
  EXPECT_TRUE(
      line_of({Kind::WorkForeign, Area::Work, "/x"}, kPaths).starts_with("/w/x: warning: "));
}

TEST(CheckReport, NamesPlannedAndFinishedRepairs) {
  Finding finding{Kind::WhiteoutUnneeded, Area::Upper, "/a", "", Repair::Possible, "remove it"};
  EXPECT_TRUE(line_of(finding, kPaths).ends_with("; --repair would remove it [whiteout-unneeded]"));
  finding.repair = Repair::Done;
  EXPECT_TRUE(line_of(finding, kPaths).ends_with("; repaired: remove it [whiteout-unneeded]"));
  finding.repair = Repair::Failed;
  EXPECT_TRUE(line_of(finding, kPaths).ends_with("; could not remove it [whiteout-unneeded]"));
}

TEST(CheckReport, IsOneLineForEveryName) {
  const std::string line =
      line_of({Kind::RedirectDangling, Area::Upper, "/a\nb\x1b[1m\x7f", "to 'x\ty'"}, kPaths);
  EXPECT_TRUE(line.starts_with("/u/a\\012b\\033[1m\\177: error: ")) << line;
  EXPECT_NE(line.find("(to 'x\\011y')"), std::string::npos) << line;
}

TEST(CheckReport, HidesNotesUnlessTheyAreWanted) {
  for (const bool notes : {false, true}) {
    std::ostringstream out;
    CheckReport report(out, kPaths, {.notes = notes});
    report.add({Kind::OpaqueUnneeded, Area::Upper, "/a"});
    report.finish({}, false);
    EXPECT_EQ(out.str().empty(), !notes);
  }
}

TEST(CheckReport, SumsUpForATerminal) {
  std::ostringstream out;
  CheckReport report(out, kPaths, {.summary = true});
  for (const char* path : {"/a", "/b"}) {
    report.add({Kind::WhiteoutUnneeded, Area::Upper, path, "", Repair::Possible, "remove it"});
  }
  report.finish({.names = 12, .remaining = {3, 2, 0}}, false);
  EXPECT_NE(
      out.str().find("12 names checked: 0 errors, 2 warnings (3 notes; --verbose shows them)\n"
                     "  2 whiteout-unneeded: --repair can: remove the whiteout\n"),
      std::string::npos)
      << out.str();
}

TEST(CheckReport, IsOneJsonDocument) {
  std::ostringstream out;
  CheckReport report(out, kPaths, {.json = true});
  report.add({Kind::RedirectDangling, Area::Upper, "/a\xff", "detail \xfe"});
  report.add({Kind::WorkLeftover, Area::Work, "/work/#1", "", Repair::Done, "remove it"});
  EXPECT_EQ(out.str(), "");
  report.finish({.names = 5, .remaining = {0, 0, 1}, .repaired = 1}, true);
  const auto document = nlohmann::json::parse(out.str());
  EXPECT_EQ(document["version"], 1);
  EXPECT_EQ(document["lowers"], nlohmann::json::array({"/l"}));
  EXPECT_EQ(document["counts"]["error"], 1);
  EXPECT_EQ(document["counts"]["repaired"], 1);
  const auto& findings = document["findings"];
  EXPECT_EQ(findings[0]["id"], "redirect-dangling");
  EXPECT_EQ(findings[0]["path_hex"], "2f61ff");
  EXPECT_EQ(findings[0]["repair"], "none");
  EXPECT_EQ(findings[1]["in"], "work");
  EXPECT_EQ(findings[1]["path"], "/work/#1");
  EXPECT_FALSE(findings[1].contains("path_hex"));
  EXPECT_EQ(findings[1]["repair"], "done");
}

}  // namespace
}  // namespace overpass::cli
