// SPDX-License-Identifier: MIT

#include "cli/three_ways.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <cstdlib>
#include <utility>

#include "sys/file_io.h"
#include "sys/open.h"
#include "sys/program.h"

namespace overpass::cli {

namespace {

constexpr char kBase[] = "base";
constexpr char kOutside[] = "outside";
constexpr char kSandbox[] = "sandbox";
constexpr char kMerged[] = "merged";

/// Nothing of the user's settings counts. With -E, what both sides have changed alike is no
/// conflict.
Result<int> run_diff3(const std::string& directory, const std::string& label, BorrowedFd output) {
  const char* found = std::getenv("PATH");
  const std::string path = std::string("PATH=") + (found != nullptr ? found : "/usr/bin:/bin");
  const std::string outside = directory + "/" + kOutside;
  const std::string base = directory + "/" + kBase;
  const std::string sandbox = directory + "/" + kSandbox;
  return sys::run_into(
      output, {"env", "-i", path.c_str(), "LC_ALL=C", "diff3", "-m", "-E", "-a", "-L", kOutside,
               "-L", kBase, "-L", label.c_str(), outside.c_str(), base.c_str(), sandbox.c_str()});
}

std::unexpected<Problem> no_room() {
  return problem("texts cannot be copied into $TMPDIR to be merged",
                 "set TMPDIR to a place with room");
}

/// With a newline behind the last line.
std::string with_end(std::string_view text) {
  std::string whole(text);
  if (!whole.empty() && !whole.ends_with('\n')) whole += '\n';
  return whole;
}

}  // namespace

Expected<ThreeWayMerge> ThreeWayMerge::begin(const std::string& sandbox) {
  auto directory = TemporaryDirectory::make("merge");
  if (!directory) return std::unexpected(directory.error());
  return ThreeWayMerge(std::move(*directory), "sandbox " + sandbox);
}

Result<void> ThreeWayMerge::write(const char* name, std::string_view text) const {
  const std::string path = directory_.path() + "/" + name;
  const UniqueFd file =
      TRY(sys::open_at(BorrowedFd{AT_FDCWD}, path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
  return sys::write_text(file, text);
}

Expected<MergedText> ThreeWayMerge::merge_as_they_are(const ThreeTexts& texts) const {
  const bool is_written = write(kBase, texts.base) && write(kOutside, texts.outside) &&
                          write(kSandbox, texts.sandbox) && write(kMerged, "");
  if (!is_written) return no_room();
  const std::string path = directory_.path() + "/" + kMerged;
  const auto output = sys::open_path(path.c_str(), O_WRONLY);
  const auto ended =
      output ? run_diff3(directory_.path(), label_, *output) : Result<int>(fail(output.error()));
  // 1 says that there are conflicts.
  if (!ended || !WIFEXITED(*ended) || WEXITSTATUS(*ended) > 1) {
    return problem("diff3 cannot merge the texts",
                   "install diffutils, and look whether $TMPDIR is full");
  }
  auto content = sys::read_file(path);
  if (!content) return no_room();
  return MergedText{std::move(*content), WEXITSTATUS(*ended) == 1};
}

Expected<MergedText> ThreeWayMerge::merge(const ThreeTexts& texts) const {
  auto merged = merge_as_they_are(texts);
  if (!merged || !merged->has_conflicts) return merged;
  // A mark behind a line without an end would be in that line.
  const std::string base = with_end(texts.base);
  const std::string outside = with_end(texts.outside);
  const std::string sandbox = with_end(texts.sandbox);
  if (base == texts.base && outside == texts.outside && sandbox == texts.sandbox) return merged;
  merged = merge_as_they_are({.base = base, .outside = outside, .sandbox = sandbox});
  if (merged) merged->has_conflicts = true;
  return merged;
}

}  // namespace overpass::cli
