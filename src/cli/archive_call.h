// SPDX-License-Identifier: MIT
//
// Calls of `overpass export` and `overpass import`, which two programs read: the one that the user
// calls, and overpass-archive, which it becomes.

#ifndef OVERPASS_CLI_ARCHIVE_CALL_H_
#define OVERPASS_CLI_ARCHIVE_CALL_H_

#include <optional>
#include <string>
#include <string_view>

#include "base/problem.h"
#include "cli/commands.h"

namespace overpass::cli {

enum class Format {
  Oci,        ///< A layer of a container image.
  Tar,        ///< The same, with what such a layer cannot say.
  Directory,  ///< Uppers as kernel overlayfs has them.
  Mstack,     ///< A mount stack of systemd.
  Patch,      ///< Text, as `git apply` takes it.
};

/// The format of that name; nothing for any other word.
std::optional<Format> find_format(std::string_view name);

/// Whether it is a file, which can be written to standard output and read from standard input.
bool is_file(Format format);

struct ExportCall {
  std::string name;  ///< Of the sandbox.
  Format format = Format::Oci;
  std::string output;                ///< A file or directory; empty: standard output.
  std::string compression = "none";  ///< Or gzip, or zstd.
};

Expected<ExportCall> read_export_call(const ParsedArguments& parsed);

struct ImportCall {
  std::string name;  ///< Of the new sandbox.
  Format format = Format::Oci;
  std::string input;  ///< A file or directory; empty: standard input.
};

Expected<ImportCall> read_import_call(const ParsedArguments& parsed);

/// Becomes overpass-archive with the words of the call behind its command. Returns only if that
/// cannot be: the exit status.
int become_archive_program(Context& context, const std::string& command,
                           const ParsedArguments& parsed);

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_ARCHIVE_CALL_H_
