// SPDX-License-Identifier: MIT
//
// What one layer says to a search, for everything that a layer can show. The layer is a table in
// memory: nothing here touches a disk. A question that the step need not ask fails the test,
// because on a disk each costs system calls.

#include "overlay/find/layer_step.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace overpass::overlay {
namespace {

using Kind = Verdict::Kind;

/// What a layer has at a path, "a" or "a/b".
struct Object {
  mode_t mode = S_IFREG;
  bool is_opaque = false;
  bool is_metacopy = false;
  std::string redirect = "";
  bool is_whiteout = false;
};

const Object kFile = {};
const Object kWhiteout = {.mode = S_IFCHR, .is_whiteout = true};
const Object kDirectory = {.mode = S_IFDIR};
const Object kOpaque = {.mode = S_IFDIR, .is_opaque = true};
const Object kMetacopy = {.is_metacopy = true};

Object to(std::string redirect) { return {.mode = S_IFDIR, .redirect = std::move(redirect)}; }
Object metacopy_to(std::string redirect) {
  return {.is_metacopy = true, .redirect = std::move(redirect)};
}

/// Records each question, as "opaque a/b".
class TableView : public LayerView {
 public:
  std::map<std::string, Object> objects;
  std::vector<std::string> hidden_by_file;  ///< Paths beside which there is a whiteout file.
  std::vector<std::string> not_shown;
  size_t longest_name = 255;
  std::string failing_question;  ///< Answered by EIO.
  std::string asked;             ///< Questions, separated by ", ".

  Result<Presence> go_to(std::string_view name) override {
    path_ = directory_ + std::string(name);
    if (contains(not_shown)) return Presence::NotShown;
    if (name.size() > longest_name) return Presence::TooLong;
    const auto found = objects.find(path_);
    if (found == objects.end()) return Presence::Absent;
    object_ = found->second;
    stat_ = {};
    stat_.stx_mode = static_cast<uint16_t>(object_.mode);
    stat_.stx_ino = path_.size();
    return Presence::Present;
  }
  Result<void> enter() override {
    directory_ = path_ + "/";
    return {};
  }
  const sys::Stat& stat() const override { return stat_; }
  Result<bool> has_whiteout_file() override {
    return answer("whiteout file", contains(hidden_by_file));
  }
  Result<bool> is_whiteout() override { return object_.is_whiteout; }
  Result<bool> is_opaque() override { return answer("opaque", object_.is_opaque); }
  Result<bool> is_metacopy() override { return answer("metacopy", object_.is_metacopy); }
  Result<std::optional<layer::Redirect>> redirect() override {
    std::optional<layer::Redirect> redirect;
    if (!object_.redirect.empty()) redirect = layer::Redirect{object_.redirect};
    return answer("redirect", redirect);
  }

 private:
  bool contains(const std::vector<std::string>& paths) const {
    return std::find(paths.begin(), paths.end(), path_) != paths.end();
  }

  template <class T>
  Result<T> answer(const std::string& question, T value) {
    const std::string whole = question + " " + path_;
    asked += (asked.empty() ? "" : ", ") + whole;
    if (whole == failing_question) return fail(EIO);
    return value;
  }

  std::string directory_, path_;
  Object object_;
  sys::Stat stat_ = {};
};

Wanted anything(std::string target) { return {.target = std::move(target)}; }
Wanted directory(std::string target) {
  return {.target = std::move(target), .kind = Wanted::Kind::Directory};
}
Wanted data(std::string target) {
  return {.target = std::move(target), .kind = Wanted::Kind::Data};
}

/// A verdict, and what the layers below would be asked for.
struct Expected {
  Kind kind;
  Wanted next;
};

Expected absent(Wanted next) { return {Kind::Absent, std::move(next)}; }
Expected hidden(Wanted next) { return {Kind::Hidden, std::move(next)}; }
Expected ends(Wanted next) { return {Kind::EndsHere, std::move(next)}; }
Expected merges(Wanted next) { return {Kind::MergesOn, std::move(next)}; }

using Layer = std::map<std::string, Object>;

/// Asks the layer for `wanted`; `asked` is what may be asked of it.
void check(const char* what, const Layer& layer, const Wanted& wanted, const Expected& expected,
           const std::string& asked, Below below = Below::Lowers) {
  SCOPED_TRACE(what);
  TableView view;
  view.objects = layer;
  const auto verdict = ask_layer(view, wanted, below);
  ASSERT_TRUE(verdict);
  EXPECT_EQ(static_cast<int>(verdict->kind), static_cast<int>(expected.kind));
  EXPECT_EQ(verdict->next.target, expected.next.target);
  EXPECT_EQ(verdict->next.kind, expected.next.kind);
  EXPECT_EQ(verdict->next.is_redirected, expected.next.target != wanted.target);
  EXPECT_EQ(view.asked, asked);
  const bool has_found = expected.kind == Kind::EndsHere || expected.kind == Kind::MergesOn;
  EXPECT_EQ(verdict->has_found(), has_found);
  EXPECT_EQ(verdict->is_final(), expected.kind == Kind::EndsHere || expected.kind == Kind::Hidden);
  if (has_found) {
    EXPECT_EQ(verdict->stat.stx_mode, layer.rbegin()->second.mode);
  }
  EXPECT_EQ(verdict->is_metacopy, has_found && expected.next.kind == Wanted::Kind::Data);
}

TEST(LayerStep, OfANameLooksAtTheObjectThere) {
  const Wanted n = anything("n");
  check("nothing", {}, n, absent(n), "whiteout file n");
  check("a whiteout", {{"n", kWhiteout}}, n, hidden(n), "");
  check("a file", {{"n", kFile}}, n, ends(n), "metacopy n");
  check("a symbolic link", {{"n", {.mode = S_IFLNK}}}, n, ends(n), "");
  check("a directory", {{"n", kDirectory}}, n, merges(directory("n")), "opaque n, redirect n");
  check("an opaque directory", {{"n", kOpaque}}, n, ends(directory("n")), "opaque n");
  check("a metacopy", {{"n", kMetacopy}}, n, merges(data("n")), "metacopy n, redirect n");
}

TEST(LayerStep, OfANameFollowsItsRedirect) {
  const Wanted n = anything("n");
  const std::string of_directory = "opaque n, redirect n";
  check("a name", {{"n", to("m")}}, n, merges(directory("m")), of_directory);
  check("a path", {{"n", to("/a/m")}}, n, merges(directory("/a/m")), of_directory);
  check("of a metacopy", {{"n", metacopy_to("/a/m")}}, n, merges(data("/a/m")),
        "metacopy n, redirect n");
  const Object opaque_to = {.mode = S_IFDIR, .is_opaque = true, .redirect = "/a/m"};
  check("not of an opaque directory", {{"n", opaque_to}}, n, ends(directory("n")), "opaque n");
}

TEST(LayerStep, MergesDirectoriesWithDirectoriesOnly) {
  const Wanted n = directory("n");
  check("a directory", {{"n", kDirectory}}, n, merges(n), "opaque n, redirect n");
  check("a file", {{"n", kFile}}, n, hidden(n), "");
  check("a metacopy", {{"n", kMetacopy}}, n, hidden(n), "");
  check("a whiteout", {{"n", kWhiteout}}, n, hidden(n), "");
  check("nothing", {}, n, absent(n), "whiteout file n");
}

TEST(LayerStep, TakesTheDataOfAMetacopyFromARegularFileOnly) {
  const Wanted n = data("n");
  check("a file", {{"n", kFile}}, n, ends(anything("n")), "metacopy n");
  check("another metacopy", {{"n", metacopy_to("m")}}, n, merges(data("m")),
        "metacopy n, redirect n");
  check("a directory", {{"n", kDirectory}}, n, hidden(n), "");
  check("a fifo", {{"n", {.mode = S_IFIFO}}}, n, hidden(n), "");
  check("a whiteout", {{"n", kWhiteout}}, n, hidden(n), "");
  check("nothing", {}, n, absent(n), "whiteout file n");
}

TEST(LayerStep, OfTheLastLayerReadsNoMarkThatIsForLayersBelow) {
  const Wanted n = anything("n");
  const Object all_marks = {.mode = S_IFDIR, .is_opaque = true, .redirect = "m"};
  for (const Below below : {Below::Nothing, Below::DataOnly}) {
    check("nothing", {}, n, absent(n), "", below);
    check("a directory", {{"n", all_marks}}, n, merges(directory("n")), "", below);
    check("an opaque directory on the way", {{"a", all_marks}, {"a/b", kDirectory}},
          directory("/a/b"), merges(directory("/a/b")), "", below);
  }
  const Layer metacopy = {{"n", metacopy_to("/a/m")}};
  check("a metacopy", metacopy, n, merges(data("n")), "metacopy n", Below::Nothing);
  check("a metacopy whose data may be in data-only layers", metacopy, n, merges(data("/a/m")),
        "metacopy n, redirect n", Below::DataOnly);
}

TEST(LayerStep, OfAPathGoesThroughItsDirectories) {
  const Wanted path = directory("/a/b");
  check("a directory at its end", {{"a", kDirectory}, {"a/b", kDirectory}}, path, merges(path),
        "opaque a, redirect a, opaque a/b, redirect a/b");
  check("data at its end", {{"a", kDirectory}, {"a/b", kFile}}, data("/a/b"),
        ends(anything("/a/b")), "opaque a, redirect a, metacopy a/b");
  check("nothing at its end", {{"a", kDirectory}}, path, absent(path),
        "opaque a, redirect a, whiteout file a/b");
  check("nothing on the way", {}, path, absent(path), "whiteout file a");
  check("a file on the way", {{"a", kFile}}, path, hidden(path), "");
  check("a metacopy on the way", {{"a", kMetacopy}}, data("/a/b"), hidden(data("/a/b")), "");
  check("a whiteout on the way", {{"a", kWhiteout}}, path, hidden(path), "");
}

TEST(LayerStep, OfAPathEndsTheSearchAtAnOpaqueDirectoryOnTheWay) {
  const Wanted path = directory("/a/b");
  const std::string questions = "opaque a, opaque a/b, redirect a/b";
  check("with a directory behind it", {{"a", kOpaque}, {"a/b", kDirectory}}, path, ends(path),
        questions);
  check("with nothing behind it", {{"a", kOpaque}}, path, hidden(path),
        "opaque a, whiteout file a/b");
  check("with a metacopy behind it", {{"a", kOpaque}, {"a/b", kMetacopy}}, data("/a/b"),
        ends(data("/a/b")), "opaque a, metacopy a/b, redirect a/b");
  check("with another name behind it", {{"a", kOpaque}, {"a/b", to("c")}}, path,
        ends(directory("/a/c")), questions);
  check("but for a path from the roots", {{"a", kOpaque}, {"a/b", to("/x/c")}}, path,
        merges(directory("/x/c")), questions);
  check("unless that path leads through one as well",
        {{"a", to("/x")}, {"a/b", kOpaque}, {"a/b/c", kDirectory}}, directory("/a/b/c"),
        ends(directory("/x/b/c")),
        "opaque a, redirect a, opaque a/b, opaque a/b/c, redirect a/b/c");
}

TEST(LayerStep, OfAPathReplacesARedirectsTargetThoughTheRestIsAbsent) {
  struct Row {
    const char *of_a, *of_b, *next;
  };
  for (const auto& [of_a, of_b, next] : {Row{"x", "", "/x/b/c"},
                                         {"long", "y", "/long/y/c"},
                                         {"/p/q", "", "/p/q/b/c"},
                                         {"/p/q", "y", "/p/q/y/c"},
                                         {"/p/q", "/r", "/r/c"},
                                         {"", "y", "/a/y/c"}}) {
    check(next, {{"a", to(of_a)}, {"a/b", to(of_b)}}, directory("/a/b/c"), absent(directory(next)),
          "opaque a, redirect a, opaque a/b, redirect a/b, whiteout file a/b/c");
  }
}

TEST(LayerStep, IsHiddenByAWhiteoutFileBesideTheName) {
  TableView view;
  view.hidden_by_file = {"n"};
  EXPECT_EQ(ask_layer(view, anything("n"), Below::Lowers)->kind, Kind::Hidden);
}

TEST(LayerStep, TellsANameThatIsTooLongFromAnAbsentOne) {
  TableView view;
  view.longest_name = 1;
  EXPECT_EQ(ask_layer(view, anything("nn"), Below::Lowers)->kind, Kind::TooLong);
  EXPECT_EQ(view.asked, "");
  view.objects = {{"a", kDirectory}};
  EXPECT_EQ(ask_layer(view, directory("/a/nn"), Below::Nothing)->kind, Kind::Absent)
      << "a name of the path was not too long";
}

TEST(LayerStep, AsksNothingWhereTheUnionShowsNothing) {
  TableView view;
  view.not_shown = {"n", "a/n"};
  view.objects = {{"n", kFile}, {"a", kDirectory}, {"a/n", kFile}};
  EXPECT_EQ(ask_layer(view, anything("n"), Below::Lowers)->kind, Kind::NotAsked);
  EXPECT_EQ(view.asked, "");
  EXPECT_EQ(ask_layer(view, directory("/a/n"), Below::Lowers)->kind, Kind::Absent);
}

TEST(LayerStep, PassesOnTheLayersError) {
  for (const char* question : {"opaque a", "redirect a", "metacopy a/b"}) {
    TableView view;
    view.objects = {{"a", kDirectory}, {"a/b", kFile}};
    view.failing_question = question;
    EXPECT_TRUE(ask_layer(view, anything("/a/b"), Below::Lowers).failed_with(EIO)) << question;
  }
  TableView view;
  view.failing_question = "whiteout file n";
  EXPECT_TRUE(ask_layer(view, anything("n"), Below::Lowers).failed_with(EIO));
}

}  // namespace
}  // namespace overpass::overlay
