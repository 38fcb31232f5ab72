// SPDX-License-Identifier: MIT

#include <cstring>
#include <filesystem>
#include <utility>

#include "base/nearest.h"
#include "cli/archive_call.h"
#include "sys/program.h"

namespace overpass::cli {

namespace {

namespace fs = std::filesystem;

constexpr char kProgram[] = "overpass-archive";

/// Beside this program, as in a build directory; in the libexec beside its bin, as in a release
/// that was unpacked anywhere; or where it is installed.
std::string program_path() {
  std::error_code error;
  const fs::path own = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& directory : {own, own.parent_path() / "libexec"}) {
    if (fs::exists(directory / kProgram, error)) return directory / kProgram;
  }
  return std::string(OVERPASS_LIBEXECDIR) + "/" + kProgram;
}

}  // namespace

std::optional<Format> find_format(std::string_view name) {
  constexpr std::pair<std::string_view, Format> kFormats[] = {{"oci", Format::Oci},
                                                              {"tar", Format::Tar},
                                                              {"dir", Format::Directory},
                                                              {"mstack", Format::Mstack},
                                                              {"patch", Format::Patch}};
  for (const auto& [known, format] : kFormats) {
    if (known == name) return format;
  }
  return std::nullopt;
}

bool is_file(Format format) { return format != Format::Directory && format != Format::Mstack; }

int become_archive_program(Context& context, const std::string& command,
                           const ParsedArguments& parsed) {
  std::vector<std::string> words = {program_path(), command};
  for (const command_line::GivenFlag& flag : parsed.flags) {
    words.insert(words.end(), {std::string(flag.name), flag.value});
  }
  words.emplace_back("--");
  words.insert(words.end(), parsed.operands.begin(), parsed.operands.end());
  const Errno error = sys::execute(words);
  return fail_with(context,
                   {in_quotes(words.front()) + " cannot be run: " + std::strerror(to_int(error)),
                    "install overpass completely"});
}

}  // namespace overpass::cli
