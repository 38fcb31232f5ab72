// SPDX-License-Identifier: MIT
//
// What stands where fuse-overlayfs is expected: a symbolic link of that name. Its options are in
// config/foreign_options.cpp; here is what its command line has of its own.

#include "base/nearest.h"
#include "cli/commands.h"
#include "fuse/library.h"

namespace overpass::cli {

namespace {

/// Programs look for this form, and for features by the version: it is that of the fuse-overlayfs
/// whose options are taken and with which the tests compare.
constexpr std::string_view kVersion = "1.10";

void print_version(std::ostream& out) {
  out << "fuse-overlayfs: version " << kVersion << " (overpass " OVERPASS_VERSION ")\n"
      << "FUSE library version " << fuse::library_version() << "\n"
      << "using FUSE kernel interface version " << fuse::library_protocol() << "\n";
}

}  // namespace

int run_fuse_overlayfs(Context& context, const Arguments& arguments) {
  const auto parsed = command_line::parse(arguments, kMountCommand);
  if (!parsed) return fail_with(context, parsed.error());
  if (parsed->has("--help")) {
    print_help(context.out, kMountCommand);
    return kSuccess;
  }
  if (parsed->has("--version")) {
    print_version(context.out);
    return kSuccess;
  }
  if (parsed->operands.size() > 1) {
    return fail_with(context, {"too many arguments: " + in_quotes(parsed->operands[1]),
                               "fuse-overlayfs takes one, the mountpoint"});
  }
  // All its failures are told by one exit status.
  return mount_given(context, *parsed) == kSuccess ? kSuccess : kFailure;
}

}  // namespace overpass::cli
