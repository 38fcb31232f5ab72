// SPDX-License-Identifier: MIT
//
// What is written appears when it is whole: a file under another name beside its place first.

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "archive/commands.h"
#include "archive/export_directory.h"
#include "archive/image_layer.h"
#include "base/nearest.h"
#include "cli/apply_call.h"
#include "cli/diff_patch.h"
#include "cli/looked_at.h"
#include "cli/snapshot_watch.h"
#include "snapshots/history.h"
#include "sys/open.h"

namespace overpass::archive {

namespace {

using cli::ComparedUnion;
using cli::Format;
using snapshots::HeldSandbox;

using WriteFile = std::function<Expected<void>(BorrowedFd output)>;

Compression compression_of(const std::string& how) {
  if (how == "gzip") return Compression::Gzip;
  return how == "zstd" ? Compression::Zstd : Compression::None;
}

Expected<void> write_archive(const HeldSandbox& held, const std::vector<ComparedUnion>& unions,
                             const cli::ExportCall& call, BorrowedFd output,
                             const snapshots::Watch& watch) {
  auto writer = TarWriter::open(output, compression_of(call.compression));
  if (!writer) return std::unexpected(writer.error());
  const Marks marks = call.format == Format::Tar ? Marks::WithMoves : Marks::OfImages;
  for (const ComparedUnion& one : unions) {
    ImageLayerSink sink(*writer, one.place, held.record.has_one_owner, marks);
    if (auto written = write_union(one, sink, marks == Marks::WithMoves, watch); !written) {
      return written;
    }
  }
  if (!writer->finish()) return problem("the archive cannot be ended", "make room");
  return {};
}

Expected<void> write_patch(const std::vector<ComparedUnion>& unions, BorrowedFd output) {
  std::ofstream out("/proc/self/fd/" + std::to_string(raw(output)));
  if (auto written = cli::print_patch(out, unions, {}, "", {}); !written) return written;
  if (!out.flush()) return problem("the patch cannot be written", "make room");
  return {};
}

/// Writes the file at `path`; standard output if that is empty.
Expected<void> write_to(const std::string& path, const WriteFile& write) {
  if (path.empty()) return write(BorrowedFd{STDOUT_FILENO});
  const std::string unfinished = path + ".unfinished";
  std::error_code error;
  std::filesystem::remove(unfinished, error);
  const auto failed = [&](const std::string& why) {
    return problem(in_quotes(path) + " cannot be written: " + why,
                   "make room, or name another file");
  };
  const auto file =
      sys::open_at(BorrowedFd{AT_FDCWD}, unfinished.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  if (!file) return failed(std::strerror(to_int(file.error())));
  auto written = write(*file);
  if (written) {
    std::filesystem::rename(unfinished, path, error);
    if (error) written = failed(error.message());
  }
  if (!written) std::filesystem::remove(unfinished, error);
  return written;
}

/// The unions that have changes, with all that is to be read of them.
Expected<std::vector<ComparedUnion>> changed_unions(cli::Context& context,
                                                    const HeldSandbox& held) {
  const cli::DiffTarget target = cli::target_of(held.sandbox, held.record);
  for (const sandbox::FileSystem& one : target.gone) {
    context.err << "overpass: changes of another file system than that at "
                << cli::shown_path(one.at) << " are left out: directory " << one.directory
                << " of the sandbox\n";
  }
  auto unions = cli::compare(target, /*find_renames=*/false);
  if (!unions) return unions;
  for (const ComparedUnion& one : *unions) {
    if (auto read = cli::check_read(one.list, one.place); !read) {
      return std::unexpected(read.error());
    }
  }
  std::erase_if(*unions, [](const ComparedUnion& one) { return one.list.changes.empty(); });
  return unions;
}

Expected<void> write(cli::Context& context, const HeldSandbox& held, const cli::ExportCall& call,
                     const snapshots::Watch& watch) {
  // Names that only the index leads to are changes as well.
  if (auto linked = snapshots::link_all_indexed_names(held, watch); !linked) return linked;
  const auto unions = changed_unions(context, held);
  if (!unions) return std::unexpected(unions.error());
  switch (call.format) {
    case Format::Directory:
      return export_directory(held, *unions, call.output, watch);
    case Format::Mstack:
      return export_mstack(held, *unions, call.output, watch);
    case Format::Patch:
      return write_to(call.output, [&](BorrowedFd file) { return write_patch(*unions, file); });
    default:
      return write_to(call.output, [&](BorrowedFd file) {
        return write_archive(held, *unions, call, file, watch);
      });
  }
}

}  // namespace

Expected<void> write_union(const ComparedUnion& one, snapshots::LayerSink& sink, bool tells_moves,
                           const snapshots::Watch& watch) {
  const auto written = snapshots::walk_layer(
      {one.layers, one.changing_layers, [=](const std::string&) { return tells_moves; },
       watch.is_stopped, watch.progress},
      sink);
  if (written) return {};
  const auto& [path, error] = written.error();
  if (error == Errno{ECANCELED}) return problem("interrupted; nothing has been written");
  return problem(
      cli::shown_path("/" + cli::placed(one.place, path)) +
          " cannot be written: " + std::strerror(to_int(error)),
      error == Errno{EPERM} || error == Errno{EACCES} ? "export as the user who may" : "make room");
}

int run_export(cli::Context& context, const cli::ExportCall& call) {
  const auto held = cli::hold_settled(call.name);
  if (!held) return cli::fail_with(context, held.error());
  const snapshots::Watch watch = cli::interruptible_watch(context, "directories written");
  const auto written = write(context, *held, call, watch);
  cli::end_progress(context);
  return written ? cli::kSuccess : cli::fail_with(context, written.error());
}

}  // namespace overpass::archive
