// SPDX-License-Identifier: MIT
//
// The words before the last one are read as the parser reads them, but nothing is an error.

#include "command_line/completion.h"

#include <algorithm>

namespace overpass::command_line {

namespace {

/// What the last word of a line is.
struct Cursor {
  const Flag* valued = nullptr;  ///< The flag that it is the value of.
  bool only_operands = false;    ///< "--" stands before it.
};

/// The flag at the end of a word of letters ("-fo") that takes the next word; null if none does.
const Flag* flag_that_waits(const Command& command, std::string_view word) {
  if (word.starts_with("--")) {
    const Flag* flag = find_flag(command, word);
    return flag != nullptr && !flag->argument.empty() ? flag : nullptr;
  }
  for (size_t i = 1; i < word.size(); ++i) {
    const Flag* flag = find_flag(command, std::string("-") + word[i]);
    if (flag == nullptr) return nullptr;
    if (!flag->argument.empty()) return i + 1 == word.size() ? flag : nullptr;
  }
  return nullptr;
}

Cursor cursor_after(const Command& command, std::span<const std::string> words) {
  Cursor cursor;
  for (const std::string& word : words) {
    if (cursor.only_operands) continue;
    if (cursor.valued != nullptr) {
      cursor.valued = nullptr;
    } else if (word == "--") {
      cursor.only_operands = true;
    } else if (word.size() > 1 && word[0] == '-') {
      cursor.valued = flag_that_waits(command, word);
    }
  }
  return cursor;
}

Completion complete_value(Value value, std::string_view typed, const Values& values) {
  Completion completion;
  switch (value) {
    case Value::Nothing:
    case Value::Text:
      break;
    case Value::File:
    case Value::Directory:
      completion.paths = value;
      break;
    default:
      completion = values(value, typed);
  }
  return completion;
}

/// `inner` completes the end of a word, from byte `begin` on.
Completion behind(std::string_view word, size_t begin, Completion inner) {
  for (Candidate& candidate : inner.words) candidate.word.insert(0, word.substr(0, begin));
  if (inner.paths != Value::Nothing) inner.path_begin += begin;
  return inner;
}

Completion complete_flag(const Command& command, std::string_view typed, const Values& values) {
  const size_t equals = typed.find('=');
  if (typed.starts_with("--") && equals != std::string_view::npos) {
    const Flag* flag = find_flag(command, typed.substr(0, equals));
    if (flag == nullptr || flag->argument.empty()) return {};
    return behind(typed, equals + 1, complete_value(flag->value, typed.substr(equals + 1), values));
  }
  if (typed.size() > 2 && typed[1] != '-') {
    const Flag* flag = find_flag(command, typed.substr(0, 2));
    if (flag == nullptr || flag->argument.empty()) return {};
    return behind(typed, 2, complete_value(flag->value, typed.substr(2), values));
  }
  Completion completion;
  for_each_flag(command, [&](const Flag& flag) {
    completion.offer(typed, std::string(flag.name), flag.help);
  });
  return completion;
}

Completion complete_in(const Command& command, std::span<const std::string> words,
                       const Values& values) {
  const std::string& typed = words.back();
  const Cursor cursor = cursor_after(command, words.first(words.size() - 1));
  if (cursor.valued != nullptr) return complete_value(cursor.valued->value, typed, values);
  if (!cursor.only_operands && typed.starts_with('-')) return complete_flag(command, typed, values);
  return complete_value(command.operand, typed, values);
}

}  // namespace

void Completion::offer(std::string_view typed, std::string word, std::string_view help) {
  if (word.starts_with(typed)) words.push_back({std::move(word), std::string(help)});
}

Completion complete(const Program& program, std::span<const std::string> words,
                    const Values& values) {
  if (words.empty()) return {};
  const auto found =
      std::find_if(program.commands.begin(), program.commands.end(),
                   [&](const Command* command) { return command->name == words.front(); });
  if (words.size() > 1 && found != program.commands.end()) {
    return complete_in(**found, words.subspan(1), values);
  }
  Completion completion;
  if (program.bare != nullptr) completion = complete_in(*program.bare, words, values);
  if (words.size() > 1 || words.front().starts_with('-')) return completion;
  for (const Command* command : program.commands) {
    completion.offer(words.front(), std::string(command->name), command->summary);
  }
  return completion;
}

std::string text_of(const Completion& completion) {
  std::string text = completion.paths == Value::Directory ? "directories"
                     : completion.paths == Value::File    ? "files"
                                                          : "none";
  text += " " + std::to_string(completion.path_begin) + "\n";
  for (const Candidate& candidate : completion.words) {
    // A line break would make two candidates of one.
    if (candidate.word.find_first_of("\n\t") != std::string::npos) continue;
    text += candidate.word + "\t" + candidate.help + "\n";
  }
  return text;
}

}  // namespace overpass::command_line
