// SPDX-License-Identifier: MIT
//
// Completion of a command line that is being typed. The program itself finds the candidates (its
// hidden command __complete), so that the scripts for the shells are short and know no option.

#ifndef OVERPASS_COMMAND_LINE_COMPLETION_H_
#define OVERPASS_COMMAND_LINE_COMPLETION_H_

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "command_line/command.h"

namespace overpass::command_line {

/// The hidden commands of both programs.
constexpr std::string_view kCompleteWord = "__complete";
constexpr std::string_view kListingWord = "__options";

struct Candidate {
  std::string word;  ///< The whole word, in place of what is typed.
  std::string help;  ///< One line; may be empty.
};

struct Completion {
  std::vector<Candidate> words;
  Value paths = Value::Nothing;  ///< File or Directory: the shell offers paths as well.
  size_t path_begin = 0;         ///< So many bytes of the typed word stand before the path.

  /// Adds the candidate if it begins with `typed`.
  void offer(std::string_view typed, std::string word, std::string_view help = {});
};

/// Candidates for values that only the program knows (MountOptions and those after it).
using Values = std::function<Completion(Value value, std::string_view typed)>;

struct Program {
  std::span<const Command* const> commands;
  const Command* bare = nullptr;  ///< What a line without a command is.
};

/// Completes the last of `words`, which are those after the program's name; the last may be empty.
Completion complete(const Program& program, std::span<const std::string> words,
                    const Values& values);

/// What the scripts read: "none", "files" or "directories" and path_begin, then a line for each
/// candidate, with a tab before its help.
std::string text_of(const Completion& completion);

/// The script for a shell; nothing for one that is not known. It completes both programs.
std::optional<std::string_view> completion_script(std::string_view shell);

/// Shells that have a script.
std::span<const std::string_view> completed_shells();

}  // namespace overpass::command_line

#endif  // OVERPASS_COMMAND_LINE_COMPLETION_H_
