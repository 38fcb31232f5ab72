// SPDX-License-Identifier: MIT
//
// A pair is "a/NUMBER" and "b/NUMBER". git compares the two directories in one call, in the order
// of the numbers, and says nothing of pairs that are equal: of those only a rename is told.

#include "cli/diff_patch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "changes/compare.h"
#include "cli/interruption.h"
#include "cli/temporary_directory.h"
#include "sys/copy_data.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/program.h"

namespace overpass::cli {

namespace {

using changes::FilePair;
using changes::Found;

constexpr int kDigits = 9;

std::string number_of(size_t index) {
  char text[32];
  (void)std::snprintf(text, sizeof text, "%0*zu", kDigits, index);
  return text;
}

bool is_in_patches(const std::optional<Found>& found) {
  if (!found || !found->file) return false;
  return S_ISREG(found->file->stat.stx_mode) || S_ISLNK(found->file->stat.stx_mode);
}

/// Copies one side of a pair: git looks at the content, the type, and whether it may be run.
Result<void> put(changes::View& view, const Found& found, BorrowedFd side,
                 const std::string& name) {
  const sys::Stat& stat = found.file->stat;
  if (S_ISLNK(stat.stx_mode)) {
    const std::string target = TRY(changes::link_target(view, *found.file));
    return sys::make_symlink(side, name.c_str(), target.c_str());
  }
  if (!found.data) return fail(EIO);
  const UniqueFd from = TRY(view.open_file(*found.data));
  const mode_t mode = (stat.stx_mode & S_IXUSR) != 0 ? 0700 : 0600;
  const UniqueFd to = TRY(sys::open_at(side, name.c_str(), O_WRONLY | O_CREAT | O_EXCL, mode));
  const sys::Stat now = TRY(sys::stat(sys::place_of(from)));
  return sys::copy_data(from, to, static_cast<off_t>(now.stx_size));
}

/// The lines of git's answer with paths for numbers.
class Rewriter {
 public:
  Rewriter(std::ostream& out, const std::vector<FilePair>& pairs, bool colour)
      : out_(out), pairs_(pairs), colour_(colour) {}

  void take(const std::string& line) {
    if (line.starts_with("diff --git ")) return begin(line);
    if (in_header_ && (line.starts_with("@@") || line.starts_with("GIT binary patch"))) {
      in_header_ = false;
    }
    if (!in_header_) return content(line);
    if (line.starts_with("--- a/")) return head("--- " + file_name('a', pair().old_path));
    if (line.starts_with("+++ b/")) return head("+++ " + file_name('b', pair().path));
    head(line);
  }

  /// Renames of equal files up to the pair `end`.
  void skip_to(size_t end) {
    for (; next_ < end; ++next_) {
      if (pairs_[next_].is_rename()) begin_pair(pairs_[next_], true);
    }
  }

 private:
  const FilePair& pair() const { return pairs_[current_]; }

  void begin(const std::string& line) {
    size_t number = 0;
    const char* digits = line.c_str() + line.size() - kDigits;
    (void)std::from_chars(digits, digits + kDigits, number);
    in_header_ = true;
    current_ = number;
    skip_to(number);
    next_ = number + 1;
    begin_pair(pair(), false);
  }

  void begin_pair(const FilePair& of, bool is_equal) {
    const std::string& old_path = of.old_path.empty() ? of.path : of.old_path;
    const std::string& path = of.path.empty() ? of.old_path : of.path;
    head("diff --git " + quoted_path('a', old_path) + " " + quoted_path('b', path));
    if (!of.is_rename()) return;
    if (is_equal) head("similarity index 100%");
    head("rename from " + quoted_path('\0', old_path));
    head("rename to " + quoted_path('\0', path));
  }

  /// A name with blanks is ended by a tab, as git does for patch(1).
  static std::string file_name(char side, const std::string& path) {
    std::string name = quoted_path(side, path);
    if (name.front() != '"' && name.find(' ') != std::string::npos) name += '\t';
    return name;
  }

  void head(const std::string& line) { write("\033[1m", line); }

  void content(const std::string& line) {
    const char* colour = "";
    if (line.starts_with("@@")) colour = "\033[36m";
    if (line.starts_with("+")) colour = "\033[32m";
    if (line.starts_with("-")) colour = "\033[31m";
    write(colour, line);
  }

  void write(const char* colour, const std::string& line) {
    if (colour_ && *colour != '\0')
      out_ << colour << line << "\033[m\n";
    else
      out_ << line << '\n';
  }

  std::ostream& out_;
  const std::vector<FilePair>& pairs_;
  const bool colour_;
  bool in_header_ = true;
  size_t current_ = 0;
  size_t next_ = 0;  ///< The first pair that nothing was written of.
};

/// Nothing of the user's settings, of this directory or of the machine counts.
Result<int> run_git(const std::string& directory, BorrowedFd output) {
  const char* found = std::getenv("PATH");
  const std::string path = std::string("PATH=") + (found != nullptr ? found : "/usr/bin:/bin");
  return sys::run_into(output, {"env",
                                "-i",
                                path.c_str(),
                                "LC_ALL=C",
                                "HOME=/nonexistent",
                                "GIT_CONFIG_NOSYSTEM=1",
                                "GIT_CONFIG_GLOBAL=/dev/null",
                                "GIT_ATTR_NOSYSTEM=1",
                                "GIT_DIR=/nonexistent",
                                "git",
                                "-C",
                                directory.c_str(),
                                "-c",
                                "core.attributesFile=/dev/null",
                                "diff",
                                "--no-index",
                                "--no-color",
                                "--no-ext-diff",
                                "--no-textconv",
                                "--no-renames",
                                "--binary",
                                "--full-index",
                                "--no-prefix",
                                "--",
                                "a",
                                "b"});
}

Expected<void> compare_by_git(const std::string& directory) {
  const auto output = sys::open_path((directory + "/patch").c_str(), O_WRONLY);
  const auto ended = output ? run_git(directory, *output) : Result<int>(fail(output.error()));
  // 1 says that there are differences.
  if (ended && WIFEXITED(*ended) && WEXITSTATUS(*ended) <= 1) return {};
  return problem("git cannot compare the files", "install git, and look whether $TMPDIR is full");
}

}  // namespace

std::string quoted_path(char side, const std::string& path) {
  std::string text;
  if (side != '\0') text = std::string(1, side) + "/";
  bool is_plain = true;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\') {
      text += c;
      continue;
    }
    is_plain = false;
    char escape[8];
    if (byte == '"' || byte == '\\')
      (void)std::snprintf(escape, sizeof escape, "\\%c", c);
    else
      (void)std::snprintf(escape, sizeof escape, "\\%03o", byte);
    text += escape;
  }
  return is_plain ? text : '"' + text + '"';
}

Expected<void> print_patch(std::ostream& out, changes::View& view,
                           const std::vector<FilePair>& pairs, bool colour,
                           const std::function<bool()>& is_stopped) {
  const auto temporary = TemporaryDirectory::make("diff");
  if (!temporary) return std::unexpected(temporary.error());
  const std::string& directory = temporary->path();
  for (const char* side : {"a", "b"}) {
    const auto made =
        sys::make_directory(BorrowedFd{AT_FDCWD}, (directory + "/" + side).c_str(), 0700);
    const auto fd = sys::open_path((directory + "/" + side).c_str(), O_PATH | O_DIRECTORY);
    if (!made || !fd) return problem("no directory can be made in '" + directory + "'");
    for (size_t i = 0; i < pairs.size(); ++i) {
      const auto& found = *side == 'a' ? pairs[i].before : pairs[i].after;
      if (is_stopped()) return problem("the comparison was interrupted");
      if (!is_in_patches(found)) continue;
      const auto done = put(view, *found, *fd, number_of(i));
      if (done) continue;
      return problem("'" + pairs[i].path + "' cannot be copied into '" + directory +
                         "': " + std::strerror(to_int(done.error())),
                     "look as the user who mounts, and set TMPDIR to a place with room");
    }
  }
  std::ofstream(directory + "/patch").close();
  auto compared = compare_by_git(directory);
  if (is_stopped()) return problem("the comparison was interrupted");
  if (!compared) return compared;
  std::ifstream answer(directory + "/patch");
  Rewriter rewriter(out, pairs, colour);
  for (std::string line; std::getline(answer, line);) rewriter.take(line);
  rewriter.skip_to(pairs.size());
  return {};
}

/// The lists are whole, so that what moved out of a directory is not told as deleted with it.
Expected<void> print_patch(std::ostream& out, const std::vector<ComparedUnion>& unions,
                           const DiffFilter& filter, const std::string& relative_to,
                           DiffStyle style) {
  for (const ComparedUnion& one : unions) {
    changes::View lowers(one.layers, one.changing_layers);
    changes::View merged(one.layers, layer::kUpper);
    auto pairs = changes::file_pairs(lowers, one.list);
    if (!pairs) {
      return problem(
          std::string("a lower directory cannot be read: ") + std::strerror(to_int(pairs.error())),
          "look as the user who mounts");
    }
    for (changes::FilePair& pair : *pairs) {
      pair.path = placed(one.place, pair.path);
      pair.old_path = placed(one.place, pair.old_path);
    }
    std::erase_if(*pairs, [&](const changes::FilePair& pair) { return !filter.shows(pair); });
    make_relative(*pairs, relative_to);
    auto printed = print_patch(out, merged, *pairs, style.colour, is_interrupted);
    if (!printed) return printed;
  }
  return {};
}

}  // namespace overpass::cli
