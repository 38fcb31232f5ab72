// SPDX-License-Identifier: MIT
//
// Words for operations, answers and trees.

#include "operation.h"

#include <string.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace overpass::interleavings {

namespace {

struct Word {
  Verb verb;
  const char* word;
};

constexpr Word kWords[] = {
    {Verb::Lookup, "lookup"}, {Verb::Stat, "stat"},           {Verb::Read, "read"},
    {Verb::Write, "write"},   {Verb::Append, "append"},       {Verb::Truncate, "truncate"},
    {Verb::Chmod, "chmod"},   {Verb::SetXattr, "setxattr"},   {Verb::List, "list"},
    {Verb::Create, "create"}, {Verb::MakeDirectory, "mkdir"}, {Verb::Symlink, "symlink"},
    {Verb::Link, "link"},     {Verb::Unlink, "unlink"},       {Verb::RemoveDirectory, "rmdir"},
    {Verb::Rename, "rename"}, {Verb::Exchange, "exchange"},
};

std::string octal(uint32_t mode) {
  char text[16];
  (void)std::snprintf(text, sizeof text, "%o", mode & 07777U);
  return text;
}

}  // namespace

Operation operation_of(const std::string& text) {
  std::istringstream words(text);
  std::string verb, path, argument;
  words >> verb >> path >> argument;
  for (const Word& known : kWords) {
    if (verb == known.word) return {known.verb, path == "." ? "" : path, argument};
  }
  std::fprintf(stderr, "no operation: %s\n", text.c_str());
  std::abort();
}

std::string text_of(const Operation& operation) {
  std::string text;
  for (const Word& known : kWords) {
    if (operation.verb == known.verb) text = known.word;
  }
  text += ' ' + (operation.path.empty() ? "." : operation.path);
  return operation.argument.empty() ? text : text + ' ' + operation.argument;
}

bool is_of_a_name(Verb verb) {
  switch (verb) {
    case Verb::Lookup:
    case Verb::Create:
    case Verb::MakeDirectory:
    case Verb::Symlink:
    case Verb::Unlink:
    case Verb::RemoveDirectory:
    case Verb::Rename:
    case Verb::Exchange:
      return true;
    default:
      return false;
  }
}

bool has_other_name(Verb verb) {
  return verb == Verb::Link || verb == Verb::Rename || verb == Verb::Exchange;
}

std::string answer_of_error(int error) {
  const char* name = ::strerrorname_np(error);
  return name != nullptr ? name : std::to_string(error);
}

std::string answer_of_names(std::vector<std::string> names) {
  std::ranges::sort(names);
  std::string answer = "names:";
  for (const std::string& name : names) answer += ' ' + name;
  return answer;
}

std::string answer_of_content(const std::string& content) {
  const size_t last = content.find_last_not_of('\0');
  return '"' + content.substr(0, last == std::string::npos ? 0 : last + 1) + '"';
}

std::string answer_of_stat(uint32_t mode, int64_t size, uint32_t links) {
  std::string answer = kind_of(mode) + ' ' + octal(mode);
  if (!S_ISREG(mode)) return answer;
  return answer + ' ' + std::to_string(size) + " bytes " + std::to_string(links) + " links";
}

std::string kind_of(uint32_t mode) {
  return S_ISREG(mode) ? "file" : S_ISDIR(mode) ? "directory" : S_ISLNK(mode) ? "symlink" : "node";
}

std::string line_of(const std::string& path, uint32_t mode, uint32_t links,
                    const std::string& attribute, const std::string& content) {
  std::string line = path + ' ' + kind_of(mode);
  if (!S_ISLNK(mode)) line += ' ' + octal(mode);
  if (!S_ISDIR(mode)) line += ' ' + std::to_string(links);
  if (!attribute.empty()) line += " tried=" + attribute;
  if (!S_ISDIR(mode)) line += ' ' + answer_of_content(content);
  return line + '\n';
}

SplitPath split(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

std::string join(std::string directory, const std::string& name) {
  if (!directory.empty() && !name.empty()) directory += '/';
  return directory += name;
}

}  // namespace overpass::interleavings
