// SPDX-License-Identifier: MIT
//
// overpass-export, which `overpass export` becomes: it alone has libarchive, so that what serves a
// mount need not load a dozen libraries. It is called with the arguments of `overpass export`.

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>

#include "archive/image_layer.h"
#include "base/nearest.h"
#include "cli/command.h"
#include "cli/diff_target.h"
#include "cli/export_call.h"
#include "cli/interruption.h"
#include "cli/looked_at.h"
#include "cli/snapshot_watch.h"
#include "command_line/parse.h"
#include "sys/inheritance.h"
#include "sys/open.h"

namespace overpass::archive {

namespace {

using cli::Context;

Compression compression_of(const cli::ExportCall& call) {
  if (call.compression == "gzip") return Compression::Gzip;
  return call.compression == "zstd" ? Compression::Zstd : Compression::None;
}

Expected<void> write_all(const snapshots::HeldSandbox& held, BorrowedFd output,
                         Compression compression) {
  const cli::DiffTarget target = cli::target_of(held.sandbox, held.record);
  auto writer = TarWriter::open(output, compression);
  if (!writer) return std::unexpected(writer.error());
  const auto unions = cli::compare(target, /*find_renames=*/false);
  if (!unions) return std::unexpected(unions.error());
  for (const cli::ComparedUnion& one : *unions) {
    if (one.list.changes.empty()) continue;
    const ImageLayer layer = {one.layers, one.changing_layers, one.place, held.record.has_one_owner,
                              cli::is_interrupted};
    const auto written = write_image_layer(layer, *writer);
    if (written) continue;
    if (written.error().error == Errno{ECANCELED}) return problem("interrupted", "");
    return problem(cli::shown_path("/" + cli::placed(one.place, written.error().path)) +
                       " cannot be written: " + std::strerror(to_int(written.error().error)),
                   "make room, or correct the permissions");
  }
  if (!writer->finish()) return problem("the archive cannot be ended", "make room");
  return {};
}

/// The file appears when it is whole.
Expected<void> export_to_file(const snapshots::HeldSandbox& held, const cli::ExportCall& call) {
  const std::string unfinished = call.output + ".unfinished";
  std::error_code error;
  std::filesystem::remove(unfinished, error);
  const auto failed = [&](const std::string& why) {
    return problem(in_quotes(call.output) + " cannot be written: " + why,
                   "make room, or name another file");
  };
  const auto file =
      sys::open_at(BorrowedFd{AT_FDCWD}, unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!file) return failed(std::strerror(to_int(file.error())));
  auto written = write_all(held, *file, compression_of(call));
  if (written) {
    std::filesystem::rename(unfinished, call.output, error);
    if (error) written = failed(error.message());
  }
  if (!written) std::filesystem::remove(unfinished, error);
  return written;
}

int run(Context& context, const cli::Arguments& arguments) {
  const auto parsed = command_line::parse(arguments, cli::kExportCommand);
  if (!parsed) return cli::fail_with(context, parsed.error(), cli::kUsage);
  if (parsed->has("--help")) {
    cli::print_help(context.out, cli::kExportCommand);
    return cli::kSuccess;
  }
  const auto call = cli::read_export_call(*parsed);
  if (!call) return cli::fail_with(context, call.error(), cli::kUsage);
  const auto held = cli::hold_settled(call->name);
  if (!held) return cli::fail_with(context, held.error());
  cli::note_interruption({SIGINT, SIGTERM, SIGHUP});
  const auto written = call->output.empty()
                           ? write_all(*held, BorrowedFd{STDOUT_FILENO}, compression_of(*call))
                           : export_to_file(*held, *call);
  return written ? cli::kSuccess : cli::fail_with(context, written.error());
}

}  // namespace

}  // namespace overpass::archive

int main(int argc, char** argv) {
  overpass::sys::reset_signals();
  auto context = overpass::cli::process_context();
  const overpass::cli::Arguments arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  return overpass::archive::run(context, arguments);
}
