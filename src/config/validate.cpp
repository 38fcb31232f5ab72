// SPDX-License-Identifier: MIT
//
// The first thing that is wrong is the one that is told.
//
// A problem is translated word by word. "workdir" is the directory's name in the language of
// overlayfs as well; it is the option only before a path.

#include "config/validate.h"

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/nearest.h"

namespace overpass::config {

namespace {

constexpr size_t kLongestName = 255;   // NAME_MAX
constexpr size_t kLongestPath = 4095;  // PATH_MAX less the end

Expected<void> check_path(const char* what, const std::string& path) {
  if (path.size() > kLongestPath) {
    return problem(
        std::string("the path of ") + what + " is " + std::to_string(path.size()) + " bytes long",
        "the limit is " + std::to_string(kLongestPath));
  }
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    if (end - begin > kLongestName) {
      return problem(std::string("the path of ") + what + " has a name of " +
                         std::to_string(end - begin) + " bytes",
                     "the limit is " + std::to_string(kLongestName));
    }
    begin = end + 1;
  }
  return {};
}

Expected<void> check_paths(const Options& options) {
  for (const std::string& lower : options.lower) {
    if (auto ok = check_path("a lower directory", lower); !ok) return ok;
  }
  for (const std::string& data : options.data_only) {
    if (auto ok = check_path("a data-only directory", data); !ok) return ok;
  }
  if (options.upper) {
    if (auto ok = check_path("the upper directory", *options.upper); !ok) return ok;
  }
  if (options.work) {
    if (auto ok = check_path("the workdir", *options.work); !ok) return ok;
  }
  return check_path("the mountpoint", options.mountpoint);
}

/// What to do where something is missing.
struct Remedies {
  const char* lower;
  const char* mountpoint;
  const char* upper;
  const char* work;
};

constexpr Remedies kForCommandLine = {
    "add --lower DIR or -o lowerdir=DIR", "name a directory as the last argument",
    "add --upper DIR, or leave the workdir out for a read-only union",
    "add --work DIR, an empty directory on the file system of the upper"};
constexpr Remedies kForFile = {
    "add the key lower", "add the key mountpoint, or name a directory after the NAME",
    "add the key upper, or leave the key work out for a read-only union",
    "add the key work with an empty directory on the file system of the upper"};

}  // namespace

Expected<void> validate(const Options& options, Source source) {
  const Remedies& remedies = source == Source::File ? kForFile : kForCommandLine;
  if (options.lower.empty()) return problem("no lower directory is given", remedies.lower);
  if (const size_t count = options.lower.size() + options.data_only.size(); count > kMostLowers) {
    const std::string what = options.data_only.empty() ? "" : " and data-only";
    return problem(std::to_string(count) + " lower" + what + " directories are given",
                   "the limit is " + std::to_string(kMostLowers));
  }
  if (options.mountpoint.empty()) {
    return problem("no mountpoint is given", remedies.mountpoint);
  }
  if (options.upper && !options.work) {
    return problem("an upper directory needs a workdir", remedies.work);
  }
  if (options.work && !options.upper) {
    return problem("a workdir is of use only with an upper directory", remedies.upper);
  }
  if (options.upper && *options.upper == *options.work) {
    return problem("upper directory and workdir are the same: " + in_quotes(*options.upper),
                   "use a directory beside the upper as the workdir");
  }
  if (options.passthrough == Switch::On && options.writeback == Switch::On) {
    return problem("passthrough=on and writeback=on exclude each other",
                   "leave one of them out: passthrough is the faster one where the kernel has it");
  }
  if (options.opens == Opens::None && options.upper && !options.read_only) {
    return problem("open=none needs a read-only mount", "add ro, or leave the upper directory out");
  }
  if (options.survives && options.may_be_frozen) {
    return problem("survive=on and freezable exclude each other",
                   "leave one of them out: the layers that the mount began with are those that "
                   "every daemon serves");
  }
  if (options.survives && options.io_uring == Switch::On) {
    return problem("survive=on and io_uring=on exclude each other",
                   "leave one of them out: what is taken over io_uring is lost with the daemon");
  }
  if (options.opens == Opens::None && !options.rules.empty()) {
    return problem("open=none and rules exclude each other",
                   "leave open=none out: rules decide what may be opened");
  }
  if (options.opens == Opens::None && options.passthrough == Switch::On) {
    return problem("open=none and passthrough=on exclude each other",
                   "leave one of them out: a file is passed through when it is opened");
  }
  if (options.opens == Opens::None && options.lower_changes != LowerChanges::Warn) {
    return problem("open=none needs lower_changes=warn",
                   "leave one of them out: changes are noticed when a file is opened");
  }
  const bool overrides = options.xattr_permissions != layer::StatOverride::None;
  if (overrides && (options.format.index.value_or(false) || options.format.nfs_export)) {
    return problem("xattr_permissions and index=on or nfs_export=on exclude each other",
                   "leave index and nfs_export out");
  }
  return check_paths(options);
}

namespace {

struct Pair {
  std::string_view option;
  std::string_view key;
};

constexpr Pair kWords[] = {
    {"option", "key"}, {"lowerdir", "lower"}, {"upperdir", "upper"}, {"datadir", "data"}};

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

std::string_view key_of(std::string_view word, std::string_view rest) {
  const bool before_path = rest.starts_with(" '") || rest.starts_with(" directory '");
  if (word == "workdir" && before_path) return "work";
  const auto* found = std::find_if(std::begin(kWords), std::end(kWords),
                                   [&](const Pair& pair) { return pair.option == word; });
  return found == std::end(kWords) ? word : found->key;
}

std::string translated(std::string_view text) {
  std::string result;
  bool is_quoted = false;
  while (!text.empty()) {
    const auto* end = std::find_if_not(text.begin(), text.end(), is_letter);
    const std::string_view word = text.substr(0, static_cast<size_t>(end - text.begin()));
    text.remove_prefix(word.size());
    result += is_quoted ? word : key_of(word, text);
    if (text.empty()) break;
    if (text.front() == '\'') is_quoted = !is_quoted;
    result += text.front();
    text.remove_prefix(1);
  }
  return result;
}

}  // namespace

Problem in_words_of_file(const Problem& problem) {
  return {translated(problem.cause), translated(problem.remedy)};
}

}  // namespace overpass::config
