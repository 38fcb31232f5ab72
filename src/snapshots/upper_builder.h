// SPDX-License-Identifier: MIT
//
// Makes an upper of overlayfs's format from changes that are told one after the other. The
// teller need not be trusted: nothing is made outside of the upper, no symbolic link is
// followed, and no mark comes to be but those that the calls are for.

#ifndef OVERPASS_SNAPSHOTS_UPPER_BUILDER_H_
#define OVERPASS_SNAPSHOTS_UPPER_BUILDER_H_

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "changes/view.h"
#include "check/tree.h"
#include "layer/markers.h"
#include "snapshots/layer_sink.h"

namespace overpass::snapshots {

struct UpperOptions {
  layer::Prefix prefix = layer::Prefix::Trusted;
  bool gives_owner = true;  ///< False where one owner is shown for all.
  std::function<bool()> is_stopped = [] { return false; };
};

/// Threads: one at a time.
class UpperBuilder : public LayerSink {
 public:
  using Fill = std::function<Result<void>(BorrowedFd file)>;

  /// Begins `name` in `home`, which has nothing of that name. `base` shows the lowers; both outlive
  /// this.
  static Result<UpperBuilder> begin(BorrowedFd home, const char* name, changes::View& base,
                                    UpperOptions options);

  bool takes_sockets() const override { return true; }

  /// What has been added at a path before is replaced, but a directory by a directory. Directories
  /// above that are missing are made as the lowers show them. ENOTDIR below what is no directory,
  /// ENOENT for a hard link to nothing.
  Result<void> add(const LayerEntry& entry, BorrowedFd content) override;

  /// The same; `fill` writes the content of a regular file.
  Result<void> add_filled(const LayerEntry& entry, const Fill& fill);

  /// Does nothing if the lowers have nothing there.
  Result<void> hide(const std::string& path) override;
  Result<void> hide_below(const std::string& path) override;

  /// To be called at the end: gives directories their attributes.
  Result<void> finish();

 private:
  struct Directory {
    sys::Stat stat = {};
    std::map<std::string, std::string> xattrs = {};
    changes::Stack lowers = {};  ///< What shows through.
  };

  UpperBuilder(UniqueFd root, changes::View& base, UpperOptions options);

  Result<BorrowedFd> ensure(const std::string& path);
  Result<changes::Stack> lowers_of(const std::string& path);
  Result<void> add_directory(const LayerEntry& entry);
  Result<void> merge_with(Directory& directory, const LayerEntry& entry, bool is_hidden);
  Result<void> make_file(const LayerEntry& entry, BorrowedFd parent, const Fill& fill);
  Result<void> make_link(const LayerEntry& entry, const char* name);
  Result<bool> clear(const std::string& path, BorrowedFd parent);
  Result<void> give(const LayerEntry& entry, sys::Place to) const;

  UniqueFd root_;
  changes::View& base_;
  UpperOptions options_;
  check::Walk walk_;
  std::map<std::string, Directory> directories_;  ///< By path, all that the upper has.
};

/// A path of untrusted text as the paths here are: without "." and slashes around. EINVAL if it
/// leads out, by ".." or from "/", or has a name of the format.
Result<std::string> checked_path(std::string_view text);

}  // namespace overpass::snapshots

#endif  // OVERPASS_SNAPSHOTS_UPPER_BUILDER_H_
