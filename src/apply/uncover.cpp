// SPDX-License-Identifier: MIT
//
// From the top down: a directory in an opaque one is opaque itself before that one is not any more.

#include "apply/uncover.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <set>
#include <string>

#include "changes/view.h"
#include "check/tree.h"
#include "layer/markers.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"
#include "sys/xattr.h"

namespace overpass::apply {

namespace {

using layer::Opacity;

class Uncovering {
 public:
  Uncovering(const layer::LayerStack& stack, layer::LayerIndex index, BorrowedFd root)
      : stack_(stack), lowers_(stack, static_cast<layer::LayerIndex>(index + 1)), root_(root) {}

  /// Nothing if there is no directory, if it is not opaque, or if it hides nothing.
  Result<void> uncover(const std::string& path) {
    auto opened = check::open_directory_below(root_, path, O_RDONLY);
    if (opened.failed_with(ENOENT) || opened.failed_with(ENOTDIR)) return {};
    const UniqueFd directory = TRY(std::move(opened));
    if (TRY(opacity_of(directory)) != Opacity::Opaque) return {};
    const changes::Found below = TRY(lowers_.find(path));
    if (below.directories.empty()) return {};
    bool has_xwhiteouts = false;
    for (const std::string& name : TRY(lowers_.names_of(below.directories))) {
      TRY(hide(directory, name, below.directories, has_xwhiteouts));
    }
    TRY(show_lowers(directory, has_xwhiteouts));
    return TRY(opacity_of(directory)) == Opacity::Opaque ? fail(EOPNOTSUPP) : Result<void>();
  }

 private:
  Result<Opacity> opacity_of(BorrowedFd directory) const {
    return layer::opacity_of(sys::place_of(directory), stack_.prefix, /*foreign=*/true);
  }

  /// Has the layer say of the name what it says by its directory's mark.
  Result<void> hide(BorrowedFd directory, const std::string& name, const changes::Stack& below,
                    bool& has_xwhiteouts) {
    const sys::Place place = {directory, name.c_str()};
    const auto stat = sys::stat(place);
    if (stat.failed_with(ENOENT)) return make_whiteout(place, has_xwhiteouts);
    if (!stat) return fail(stat.error());
    const bool merges = S_ISDIR(stat->stx_mode) &&
                        !TRY(lowers_.look_up(below, name)).directories.empty() &&
                        !TRY(layer::has_mark(place, layer::Mark::Redirect, stack_.prefix));
    return merges ? layer::set_opaque(place, stack_.prefix) : Result<void>();
  }

  Result<void> make_whiteout(sys::Place place, bool& has_xwhiteouts) const {
    const auto made = sys::make_node(place.fd, place.name, S_IFCHR, 0);
    if (!made.failed_with(EPERM)) return made;
    has_xwhiteouts = true;
    TRY(sys::make_node(place.fd, place.name, S_IFREG | 0600, 0));
    return layer::set_xwhiteout(place, stack_.prefix);
  }

  Result<void> show_lowers(BorrowedFd directory, bool has_xwhiteouts) const {
    const sys::Place place = sys::place_of(directory);
    if (has_xwhiteouts) return layer::set_has_xwhiteouts(place, stack_.prefix);
    return sys::remove_xattr(place, layer::name_of(layer::Mark::Opaque, stack_.prefix));
  }

  const layer::LayerStack& stack_;
  changes::View lowers_;
  BorrowedFd root_;
};

}  // namespace

Result<void> uncover(const layer::LayerStack& stack, layer::LayerIndex index, BorrowedFd root,
                     const Dropped& dropped) {
  const std::set<std::string, std::less<>> names(dropped.names.begin(), dropped.names.end());
  std::set<std::string> above;  // Those that lie in others come later.
  for (const std::vector<std::string>* paths : {&dropped.trees, &dropped.names}) {
    for (const std::string& path : *paths) {
      for (std::string_view at = changes::parent_of(path); !at.empty();
           at = changes::parent_of(at)) {
        if (!names.contains(at)) above.emplace(at);
      }
    }
  }
  Uncovering uncovering(stack, index, root);
  for (const std::string& path : above) TRY(uncovering.uncover(path));
  return {};
}

}  // namespace overpass::apply
