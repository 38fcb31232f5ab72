// SPDX-License-Identifier: MIT

#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "archive/commands.h"
#include "archive/read_archive.h"
#include "archive/read_directory.h"
#include "base/nearest.h"
#include "cli/apply_call.h"
#include "cli/snapshot_watch.h"
#include "sys/open.h"

namespace overpass::archive {

namespace {

using cli::Format;

Expected<void> import_archive(const cli::ImportCall& call, const snapshots::Watch& watch) {
  UniqueFd file;
  if (!call.input.empty()) {
    auto opened = sys::open_path(call.input.c_str(), O_RDONLY);
    if (!opened) {
      return problem(
          in_quotes(call.input) + " cannot be read: " + std::strerror(to_int(opened.error())),
          "name an archive that 'overpass export' wrote");
    }
    file = std::move(*opened);
  }
  auto reader = TarReader::open(file ? BorrowedFd(file) : BorrowedFd{STDIN_FILENO});
  if (!reader) return std::unexpected(reader.error());
  auto sandbox = ImportedSandbox::begin({}, watch);
  if (!sandbox) return std::unexpected(sandbox.error());
  const Marks marks = call.format == Format::Tar ? Marks::WithMoves : Marks::OfImages;
  if (auto read = read_archive(*reader, marks, *sandbox, watch); !read) return read;
  return sandbox->finish(call.name);
}

Expected<void> import_any(const cli::ImportCall& call, const snapshots::Watch& watch) {
  const std::string store = sandbox::store_path();
  if (auto free = sandbox::check_new_name(store, call.name); !free) return free;
  sandbox::remove_unfinished(store);
  if (call.format == Format::Directory) return import_directory(call.input, call.name, watch);
  if (call.format == Format::Mstack) return import_mstack(call.input, call.name, watch);
  return import_archive(call, watch);
}

}  // namespace

int run_import(cli::Context& context, const cli::ImportCall& call) {
  const snapshots::Watch watch = cli::interruptible_watch(context, "entries read");
  const auto imported = import_any(call, watch);
  cli::end_progress(context);
  return imported ? cli::kSuccess : cli::fail_with(context, imported.error());
}

}  // namespace overpass::archive
