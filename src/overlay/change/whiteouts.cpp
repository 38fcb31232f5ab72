// SPDX-License-Identifier: MIT
//
// A whiteout takes the place of what the upper has by one rename, or by an exchange where that is a
// directory.

#include "overlay/change/whiteouts.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <exception>

#include "overlay/change/shown_entries.h"
#include "overlay/copy_up/staging_directory.h"
#include "overlay/find/scoped_readable.h"
#include "overlay/state/overlay.h"
#include "sys/attributes.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::overlay {

namespace {

/// Reading a directory of this size (st_size) may take long.
constexpr uint64_t kLargeDirectory = 64 << 10;

bool is_large_directory(const sys::Stat& stat) {
  return sys::is_directory(stat) && stat.stx_size >= kLargeDirectory;
}

}  // namespace

void discard(const Overlay& overlay, Discards& discards) {
  for (auto& discarded : discards) {
    const auto stat = sys::stat(discarded->place());
    if (!stat || !is_large_directory(*stat)) continue;
    try {
      overlay.mount.submit([gone = std::move(discarded)]() mutable { gone.reset(); });
    } catch (const std::exception&) {
      // No memory: it went with the task.
    }
  }
}

Result<void> make_movable(sys::Place directory) {
  if (::geteuid() == 0) return {};
  const sys::Stat stat = TRY(sys::stat(directory));
  if ((stat.stx_mode & S_IRWXU) == S_IRWXU) return {};
  return sys::change_mode(directory, (stat.stx_mode & 07777) | S_IRWXU);
}

Result<void> take_away(Overlay& overlay, BorrowedFd upper, const char* name, Discards& discards) {
  TRY(make_movable({upper, name}));
  auto removed = std::make_unique<layer::PendingUpper>(overlay.stack.workdir);
  auto moved = sys::rename({upper, name}, removed->place());
  if (moved.failed_with(EXDEV)) {
    removed = std::make_unique<layer::PendingUpper>(
        overlay.stack.workdir, TRY(scratch_like(overlay.stack.workdir, upper, Making::Copy)));
    moved = sys::rename({upper, name}, removed->place());
  }
  TRY(std::move(moved));
  discards.push_back(std::move(removed));
  return {};
}

Result<void> remove_pure_upper(Overlay& overlay, const Caller& caller, BorrowedFd upper,
                               const char* name, Discards& discards) {
  auto removed = sys::remove_directory(upper, name);
  if (!removed.failed_with(ENOTEMPTY)) return removed;
  const ScopedReadable readable({upper, name});
  const UniqueFd fd = TRY(sys::open_at(upper, name, O_RDONLY | O_DIRECTORY));
  const bool is_large = is_large_directory(TRY(sys::stat(sys::place_of(fd))));
  if (is_large) TRY(caller.check_may_wait());
  const UpperContent content = TRY(read_upper(overlay, caller, fd));
  if (content.shows_entries) return fail(ENOTEMPTY);
  if (is_large) return take_away(overlay, upper, name, discards);
  // Left over from a time when it was merged, or that it is opaque. With these gone it shows the
  // same: nothing.
  for (const std::string& whiteout : content.whiteouts) {
    TRY(sys::remove_file(fd, whiteout.c_str()));
  }
  return sys::remove_directory(upper, name);
}

Result<void> beside_whiteout(layer::Workdir& workdir, BorrowedFd upper, const char* name,
                             const std::function<Result<void>()>& change) {
  const auto placed = workdir.place_whiteout(upper, name);
  if (!placed && !placed.failed_with(EEXIST)) return placed;
  auto changed = change();
  if (!changed && placed) workdir.remove_whiteout_name(upper, name);
  return changed;
}

namespace {

/// Puts a whiteout, made in `scratch` or in the workdir, in the place of what the upper has.
Result<void> exchange_for_whiteout(Overlay& overlay, BorrowedFd upper, const char* name,
                                   bool is_directory, Discards& discards,
                                   std::shared_ptr<const layer::Scratch> scratch) {
  layer::Workdir& workdir = overlay.stack.workdir;
  auto whiteout = std::make_unique<layer::PendingUpper>(workdir, std::move(scratch));
  TRY(workdir.make_whiteout(whiteout->place()));
  if (!is_directory) return whiteout->publish(upper, name);
  if (!workdir.features().rename_exchange) {
    // Without RENAME_EXCHANGE a crash between these two steps shows the lower directory again.
    TRY(take_away(overlay, upper, name, discards));
    auto published = whiteout->publish(upper, name);
    if (!published) (void)discards.back()->publish(upper, name);
    return published;
  }
  TRY(make_movable({upper, name}));
  TRY(whiteout->publish(upper, name, RENAME_EXCHANGE));
  discards.push_back(std::move(whiteout));
  return {};
}

}  // namespace

Result<void> replace_by_whiteout(Overlay& overlay, BorrowedFd upper, const char* name,
                                 bool is_directory, Discards& discards) {
  layer::Workdir& workdir = overlay.stack.workdir;
  if (workdir.whiteout_form() == layer::WhiteoutForm::Named) {
    return beside_whiteout(workdir, upper, name, [&]() -> Result<void> {
      auto removed =
          is_directory ? take_away(overlay, upper, name, discards) : sys::remove_file(upper, name);
      return removed.failed_with(ENOENT) ? Result<void>() : removed;
    });
  }
  auto placed = workdir.place_whiteout(upper, name);
  if (!placed.failed_with(EEXIST)) return placed;
  // place_whiteout() has made the directory ready for it.
  auto replaced = exchange_for_whiteout(overlay, upper, name, is_directory, discards, nullptr);
  if (!replaced.failed_with(EXDEV)) return replaced;
  // Directories of different projects give nothing to each other.
  auto scratch = TRY(scratch_like(workdir, upper, Making::Copy));
  if (!scratch) return replaced;
  return exchange_for_whiteout(overlay, upper, name, is_directory, discards, std::move(scratch));
}

}  // namespace overpass::overlay
