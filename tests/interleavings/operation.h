// SPDX-License-Identifier: MIT
//
// The operations that are tried side by side, as text and as data.

#ifndef OVERPASS_TESTS_INTERLEAVINGS_OPERATION_H_
#define OVERPASS_TESTS_INTERLEAVINGS_OPERATION_H_

#include <cstdint>
#include <string>
#include <vector>

namespace overpass::interleavings {

enum class Verb : uint8_t {
  Lookup,
  Stat,
  Read,
  Write,
  Append,
  Truncate,
  Chmod,
  SetXattr,
  List,
  Create,
  MakeDirectory,
  Symlink,
  Link,
  Unlink,
  RemoveDirectory,
  Rename,
  Exchange,
};

/// What a caller asks for. `argument` is the second word: the other name, the text that is written,
/// the mode (octal), the size, or the value of the attribute.
struct Operation {
  Verb verb;
  std::string path;
  std::string argument;
};

/// "rename d/f d/g", "chmod d/f 600", "unlink d/f", ... Ends the process if it is none.
Operation operation_of(const std::string& text);
std::string text_of(const Operation& operation);

/// Whether the operation is about a name in a directory, so that its walk ends there.
bool is_of_a_name(Verb verb);
/// Whether the argument is another name.
bool has_other_name(Verb verb);

/// The attribute that SetXattr sets.
inline constexpr char kAttribute[] = "trusted.tried";

/// What the operations have answered, and the tree that is left.
struct Outcome {
  std::vector<std::string> answers;
  std::string tree;
};

/// An answer that is an error, as "ENOENT".
std::string answer_of_error(int error);
/// A listing as an answer. The names are sorted here.
std::string answer_of_names(std::vector<std::string> names);
/// A file's content in quotes, without the zeros at its end.
std::string answer_of_content(const std::string& content);
/// What Stat answers, of files with the size and the number of links.
std::string answer_of_stat(uint32_t mode, int64_t size, uint32_t links);
/// The word for the kind of file in a mode.
std::string kind_of(uint32_t mode);
/// A line of a tree.
std::string line_of(const std::string& path, uint32_t mode, uint32_t links,
                    const std::string& attribute, const std::string& content);

/// The parent directory of a path of the union and the name in it; "" is the root.
struct SplitPath {
  std::string directory, name;
};
SplitPath split(const std::string& path);
/// The path of a name in a directory.
std::string join(std::string directory, const std::string& name);

}  // namespace overpass::interleavings

#endif  // OVERPASS_TESTS_INTERLEAVINGS_OPERATION_H_
