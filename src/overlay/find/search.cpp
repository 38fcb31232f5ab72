// SPDX-License-Identifier: MIT
//
// From the top down: the first layer that has the name decides. A whiteout ends the search; so does
// anything but a directory or a metacopy; directories are merged with the directories below them
// until one is opaque. A redirect changes what is looked for in the layers below: another name in
// the same parent, or a path from their roots. In directories merged from many lowers the
// remembered listing takes the place of asking each lower.

#include "overlay/find/search.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>

#include "layer/markers.h"
#include "layer/metacopy_mark.h"
#include "layer/origin.h"
#include "layer/redirect.h"
#include "overlay/find/index.h"
#include "overlay/find/layer_stat.h"
#include "overlay/find/list_lowers.h"
#include "overlay/find/locate.h"
#include "overlay/find/lower_location.h"
#include "overlay/find/origin_number.h"
#include "overlay/find/protection.h"
#include "overlay/find/scoped_readable.h"
#include "overlay/find/warn_once.h"
#include "overlay/state/hidden_names.h"
#include "overlay/state/lower_names.h"
#include "overlay/state/overlay.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

using layer::LayerIndex;

/// From this many lowers on, reading them once is cheaper than asking each for every name.
constexpr size_t kManyLowers = 4;

/// Of these 512 bytes each are the unit of stx_blocks.
constexpr uint64_t kBlock = 512;

class Search {
 public:
  Search(Overlay& overlay, Inode& directory, const char* name)
      : overlay_(overlay), directory_(directory), name_(name), target_(name) {}

  Result<Found> run(LayerIndex first);
  Result<bool> lowers_show();

 private:
  /// What a layer has: the object's attributes, and an open directory that holds it.
  struct Sight {
    SharedFd parent;
    UniqueFd walked_parent;  ///< Instead of `parent`, at the end of a path.
    std::string name;
    sys::Stat stat;

    sys::Place place() const {
      return {parent ? parent->fd.get() : walked_parent.get(), name.c_str()};
    }
  };

  bool is_path() const { return target_.front() == '/'; }
  /// Whether the layer may have a mark that this mount `writes`, or not: of an upper that began
  /// empty it is known.
  bool may_hold(LayerIndex layer, bool writes) const {
    return overlay_.stack.layers[layer].foreign_marks || (layer == layer::kUpper && writes);
  }
  bool has_data_only() const { return lowers_end() < overlay_.stack.size(); }
  LayerIndex lowers_end() const { return overlay_.stack.lowers_end(); }

  Result<void> search_parent(LayerIndex first);
  Result<void> search_roots(LayerIndex above);
  Result<void> visit(LayerIndex layer, bool is_last);
  Result<void> take(LayerIndex layer, const Sight& sight, bool was_metacopy, std::string path);
  Result<void> consult_index(LayerIndex layer, const Sight& sight);
  Result<void> check_may_follow();
  Result<void> check_data(LayerIndex layer, const Sight& sight);
  Result<void> find_data_only();
  void settle_relocation();

  Result<std::optional<Sight>> look_in_parent(LayerIndex layer, bool is_last);
  Result<std::optional<Sight>> walk(LayerIndex layer, bool is_last);
  Result<bool> look(sys::Place place, LayerIndex layer, bool is_last, size_t rest, sys::Stat& stat);
  Result<bool> end_at(bool is_present);
  Result<bool> has_metacopy_mark(sys::Place place, const sys::Stat& stat);
  Result<void> follow_redirect(sys::Place place, const sys::Stat& stat, size_t rest);
  /// What is wrong, for the log; the errno, for the caller.
  std::unexpected<Errno> refusal(const char* what, int errno_value);

  Overlay& overlay_;
  Inode& directory_;
  const char* name_;

  std::string target_;  ///< What is looked for: a name in the parent, or "/a/path" from the roots.
  bool stop_ = false;
  bool is_directory_ = false;  ///< A directory was found: only directories are merged with it.
  bool is_metacopy_ = false;   ///< The last file that was found has no data.
  bool is_redirected_ = false;
  UniqueFd metacopy_;                             ///< O_PATH, of the last metacopy that was found.
  std::optional<ScopedReadable> sight_of_upper_;  ///< While its marks are read.
  bool has_result_ = false;
  bool is_too_long_ = false;  ///< For some layer's file system.
  bool fits_ = false;         ///< Into some.
  Found found_ = {};
  std::vector<std::string> lower_paths_;  ///< By found_.lowers; "" for the ordinary place.
  std::string upper_redirect_;            ///< The target after the upper, when it redirected.
};

Result<bool> Search::end_at(bool is_present) {
  stop_ = true;
  return is_present;
}

/// One component at `place`, behind which `rest` bytes of the target follow. Whether there is
/// something that counts; sets whether the layers below count as well.
Result<bool> Search::look(sys::Place place, LayerIndex layer, bool is_last, size_t rest,
                          sys::Stat& stat) {
  const layer::Prefix prefix = overlay_.stack.prefix;
  const bool foreign = overlay_.stack.layers[layer].foreign_marks;
  auto result = stat_with_kept_mode(place);
  if (result.failed_with(ENAMETOOLONG)) {
    is_too_long_ = true;
    return false;
  }
  fits_ = true;
  if (result.failed_with(ENOENT)) {
    if (!foreign || is_last) return false;
    const std::string whiteout = layer::whiteout_name_of(place.name);
    auto hides = sys::stat({place.fd, whiteout.c_str()});
    if (hides) return end_at(false);
    const bool is_absent = hides.failed_with(ENOENT) || hides.failed_with(ENAMETOOLONG);
    return is_absent ? Result<bool>(false) : fail(hides.error());
  }
  stat = TRY(std::move(result));
  if (layer == layer::kUpper) sight_of_upper_.emplace(place, stat);
  if (TRY(layer::hides(place, stat, prefix, foreign))) return end_at(false);
  const bool is_end = rest == 0;
  if (!sys::is_directory(stat)) {
    if (is_directory_ || !is_end) return end_at(false);
    if (is_metacopy_ && !S_ISREG(stat.stx_mode)) return end_at(false);
    is_metacopy_ = S_ISREG(stat.stx_mode) &&
                   may_hold(layer, overlay_.stack.format.writes_metacopy) &&
                   TRY(has_metacopy_mark(place, stat));
    if (!is_metacopy_) return end_at(true);
    if (is_last && !has_data_only()) return true;
  } else {
    if (is_metacopy_ && is_end) return end_at(false);
    if (is_last) return true;
    if (TRY(layer::opacity_of(place, prefix, foreign)) == layer::Opacity::Opaque) {
      return end_at(true);
    }
  }
  if (may_hold(layer, overlay_.stack.format.writes_redirects))
    TRY(follow_redirect(place, stat, rest));
  return true;
}

std::unexpected<Errno> Search::refusal(const char* what, int errno_value) {
  warn_once(directory_, name_, what);
  return fail(errno_value);
}

/// The object that was found at `place`, whose attributes are `stat`. ESTALE when the name leads to
/// another by now. A mark that sends the search elsewhere counts only if it is read by this: its
/// own object's permissions guard what it leads to.
Result<UniqueFd> object_at(sys::Place place, const sys::Stat& stat) {
  UniqueFd object = TRY(sys::open_at(place.fd, place.name, O_PATH));
  const sys::Stat now = TRY(sys::stat(sys::place_of(object)));
  if (identity_of(now) != identity_of(stat)) return fail(ESTALE);
  return object;
}

Result<bool> Search::has_metacopy_mark(sys::Place place, const sys::Stat& stat) {
  const layer::Prefix prefix = overlay_.stack.prefix;
  if (!TRY(layer::mark_size(place, layer::Mark::Metacopy, prefix))) return false;
  metacopy_ = TRY(object_at(place, stat));
  const auto size = TRY(layer::mark_size(sys::place_of(metacopy_), layer::Mark::Metacopy, prefix));
  if (size && !layer::may_be_metacopy(*size)) return refusal("its metacopy mark is garbled", EIO);
  return size.has_value();
}

/// Reads the redirect of the component in front of the last `rest` bytes of the target, and puts it
/// in the place of that component.
Result<void> Search::follow_redirect(sys::Place place, const sys::Stat& stat, size_t rest) {
  const char* mark = layer::name_of(layer::Mark::Redirect, overlay_.stack.prefix);
  const auto seen = sys::get_xattr(place, mark);
  if (seen.failed_with(ENODATA) || seen.failed_with(EOPNOTSUPP)) return {};
  if (!seen) return fail(seen.error());
  const UniqueFd object = TRY(object_at(place, stat));
  const auto value = sys::get_xattr(sys::place_of(object), mark);
  const auto redirect = layer::decode_redirect(TRY(value));
  if (!redirect) return refusal("its redirect mark is garbled", EIO);
  const std::string behind = target_.substr(target_.size() - rest);
  if (redirect->is_absolute()) {
    // An opaque directory on the way to here does not matter to a path from the roots.
    stop_ = false;
    target_ = redirect->path + behind;
  } else {
    const size_t end = target_.size() - rest;
    const size_t slash = target_.rfind('/', end - 1);
    target_ =
        target_.substr(0, slash == std::string::npos ? 0 : slash + 1) + redirect->path + behind;
  }
  is_redirected_ = true;
  return {};
}

Result<std::optional<Search::Sight>> Search::look_in_parent(LayerIndex layer, bool is_last) {
  const HiddenName* hidden = find_hidden(*directory_.directory, layer, target_);
  if (hidden != nullptr && hidden->beneath == nullptr) return std::optional<Sight>();
  Sight sight;
  sight.name = hidden != nullptr ? "" : target_;
  sight.parent =
      hidden != nullptr ? hidden->beneath : TRY(directory_fd(overlay_, directory_, layer));
  if (!TRY(look(sight.place(), layer, is_last, 0, sight.stat))) return std::optional<Sight>();
  return std::optional(std::move(sight));
}

/// The target as a path from the layer's root. Every directory on the way may end the search, or
/// send the layers below elsewhere.
Result<std::optional<Search::Sight>> Search::walk(LayerIndex layer, bool is_last) {
  Sight sight;
  sight.parent = overlay_.roots[layer];
  std::string walked;  // Of this layer: redirects on the way are for the layers below.
  // Counted from the end, since redirects change what is in front.
  for (size_t rest = target_.size() - 1;;) {
    const size_t begin = target_.size() - rest;
    const size_t end = std::min(target_.find('/', begin), target_.size());
    sight.name = target_.substr(begin, end - begin);
    rest = target_.size() - end;
    walked += sight.name;
    if (const HiddenName* hidden = find_hidden_path(overlay_, layer, walked)) {
      if (hidden->beneath == nullptr) return std::optional<Sight>();
      sight.parent = hidden->beneath;
      sight.name.clear();
    }
    if (!TRY(look(sight.place(), layer, is_last, rest, sight.stat))) return std::optional<Sight>();
    if (rest == 0) return std::optional(std::move(sight));
    if (!sight.name.empty()) {
      UniqueFd next = TRY(sys::open_at(sight.place().fd, sight.name.c_str(), O_PATH | O_DIRECTORY));
      sight.walked_parent = std::move(next);
      sight.parent.reset();
    }
    walked += '/';
    --rest;
  }
}

/// Overlayfs refuses to look further instead of showing less than there is.
Result<void> Search::check_may_follow() {
  const layer::FormatSettings& format = overlay_.stack.format;
  if (is_metacopy_ && !format.follows_metacopy) {
    return refusal("refusing to follow a metacopy; mount with metacopy=on", EPERM);
  }
  if (is_redirected_ && !format.follows_redirects) {
    return refusal("refusing to follow a redirect; mount with redirect_dir=on", EPERM);
  }
  return {};
}

/// The data of a metacopy are found by name, and shown by the metacopy's permissions. The owner of
/// the directory they are in can move a file of somebody else there. So such a file has to be the
/// one that the metacopy was copied from.
Result<void> Search::check_data(LayerIndex layer, const Sight& sight) {
  const sys::Stat parent = TRY(sys::stat(sys::place_of(sight.place().fd)));
  if (parent.stx_uid == ::geteuid() || parent.stx_uid == sight.stat.stx_uid) return {};
  const char* mark = layer::name_of(layer::Mark::Origin, overlay_.stack.prefix);
  const auto value = sys::get_xattr(sys::place_of(metacopy_), mark);
  const auto origin = value ? layer::decode_origin(*value) : std::nullopt;
  // Of the very file whose identity is remembered.
  const UniqueFd data = TRY(object_at(sight.place(), sight.stat));
  const auto handle = sys::file_handle(sys::place_of(data));
  const bool is_comparable =
      origin && layer::may_be_of(overlay_.stack.layers[layer], *origin) && handle;
  if (!is_comparable || *handle == origin->handle) return {};
  return refusal("a metacopy whose data are not the file it was copied from", EIO);
}

/// Adds what `layer` has under the target to the result.
Result<void> Search::visit(LayerIndex layer, bool is_last) {
  if (layer != layer::kUpper) TRY(check_may_follow());
  const bool was_metacopy = is_metacopy_;
  const bool was_redirected = is_redirected_;
  const bool is_walk = is_path();
  std::string path = is_walk ? target_ : was_redirected ? "/" + target_ : "";
  auto sight = is_walk ? TRY(walk(layer, is_last)) : TRY(look_in_parent(layer, is_last));
  if (!sight) return {};
  if (!is_walk && was_redirected) path.insert(0, layer_path_of(directory_, layer));
  TRY(take(layer, *sight, was_metacopy, std::move(path)));
  if (layer == layer::kUpper) sight_of_upper_.reset();
  if (layer == layer::kUpper && is_redirected_) upper_redirect_ = target_;
  return {};
}

Result<void> Search::take(LayerIndex layer, const Sight& sight, bool was_metacopy,
                          std::string path) {
  const sys::Stat& stat = sight.stat;
  const FileKey own = {sys::device_of(stat), stat.stx_ino};
  if (!has_result_) {
    found_.layer = layer;
    found_.known = known_object(stat);
    found_.stat = TRY(with_override(overlay_, layer, sight.place(), stat));
    has_result_ = true;
    is_directory_ = sys::is_directory(stat);
    if (layer != layer::kUpper) {
      found_.protection = TRY(protection_of(sight.place(), stat));
    } else if (overlay_.has_protected_uppers) {
      found_.protection = TRY(read_protection(overlay_, sight.place()));
    }
    if (may_be_indexed(overlay_, stat)) TRY(consult_index(layer, sight));
    const bool may_have_origin = layer == layer::kUpper && !is_directory_;
    found_.origin = may_have_origin ? number_source(overlay_, directory_, sight.place(), stat,
                                                    found_.index.has_value())
                                    : own;
  } else if (was_metacopy && !is_metacopy_) {
    TRY(check_data(layer, sight));
    if (path.empty()) path = layer_path_of(directory_, layer) + "/" + name_;
    found_.data = std::make_unique<DataPlace>(
        DataPlace{layer, std::move(path), stat.stx_blocks, identity_of(stat)});
    return {};
  }
  if (!is_directory_ || layer == layer::kUpper) return {};
  // A merged directory has the number of its topmost lower, as on overlayfs.
  if (found_.lowers.empty()) found_.origin = own;
  found_.lowers.push_back(layer);
  found_.lower_identities.push_back(identity_of(stat));
  lower_paths_.push_back(std::move(path));
  return {};
}

/// A file of several links may have been copied up under another of its names.
Result<void> Search::consult_index(LayerIndex layer, const Sight& sight) {
  const bool in_upper = layer == layer::kUpper;
  if (!in_upper) found_.shared_lower = {sys::device_of(sight.stat), sight.stat.stx_ino};
  auto entry = in_upper ? TRY(find_index_of_upper(overlay_, sight.place(), sight.stat))
                        : TRY(find_index_of_lower(overlay_, layer, sight.place(), sight.stat));
  if (!entry) return {};
  if (!in_upper) {
    found_.layer = layer::kUpper;
    const sys::Place place = index_place(overlay_, entry->name);
    found_.known = known_object(entry->stat);
    found_.stat = TRY(with_override(overlay_, layer::kUpper, place, entry->stat));
    const ScopedReadable sight_of_entry(place, entry->stat);
    found_.protection = TRY(read_protection(overlay_, place));
    if (entry->is_metacopy && !is_metacopy_) {
      const std::string path = layer_path_of(directory_, layer) + "/" + sight.name;
      found_.data = std::make_unique<DataPlace>(
          DataPlace{layer, path, sight.stat.stx_blocks, identity_of(sight.stat)});
    } else if (!entry->is_metacopy) {
      is_metacopy_ = false;
      stop_ = true;
    }
  }
  found_.index = std::move(entry);
  return {};
}

/// The directory's lowers from `first` on, or of them only those that the listing names.
Result<void> Search::search_parent(LayerIndex first) {
  const std::vector<LayerIndex>& lowers = directory_.directory->lowers;
  size_t i = 0;
  while (i < lowers.size() && lowers[i] < first) ++i;
  if (lowers.size() >= kManyLowers && i == 0) {
    const auto listing = TRY(lower_names_of(overlay_, directory_));
    const LowerName* known = listing->find(target_);
    if (known == nullptr) return {};
    while (lowers[i] != known->layer) ++i;
  }
  for (; i < lowers.size() && !stop_; ++i) {
    const bool is_last = overlay_.stack.format.follows_redirects ? lowers[i] + 1 == lowers_end()
                                                                 : i + 1 == lowers.size();
    TRY(visit(lowers[i], is_last));
    if (!stop_ && is_path()) return search_roots(lowers[i]);
  }
  return {};
}

/// All layers below `above`, from their roots.
Result<void> Search::search_roots(LayerIndex above) {
  for (LayerIndex layer = above + 1; layer < lowers_end() && !stop_; ++layer) {
    TRY(visit(layer, layer + 1 == lowers_end()));
  }
  return {};
}

/// A metacopy whose data are in a data-only layer: looked for when they are needed.
Result<void> Search::find_data_only() {
  if (!has_data_only() || !is_path()) {
    return refusal("a metacopy without its data", EIO);
  }
  const uint64_t blocks = (found_.stat.stx_size + kBlock - 1) / kBlock;
  found_.data = std::make_unique<DataPlace>(DataPlace{lowers_end(), target_, blocks, {}});
  return {};
}

void Search::settle_relocation() {
  const bool is_elsewhere = std::any_of(lower_paths_.begin(), lower_paths_.end(),
                                        [](const std::string& path) { return !path.empty(); });
  if (!is_elsewhere) return;
  auto relocation = std::make_unique<Relocation>();
  const bool by_upper = !upper_redirect_.empty();
  if (by_upper && upper_redirect_.front() == '/') {
    relocation->mark = RedirectMark::Absolute;
    relocation->lowers_path = upper_redirect_;
  } else {
    relocation->mark = by_upper ? RedirectMark::Relative : RedirectMark::None;
    relocation->lowers_path =
        lowers_path_of(directory_) + "/" + (by_upper ? upper_redirect_ : name_);
  }
  for (size_t i = 0; i < lower_paths_.size(); ++i) {
    std::string& path = lower_paths_[i];
    if (path.empty()) path = layer_path_of(directory_, found_.lowers[i]) + "/" + name_;
    relocation->layer_paths.push_back(std::move(path));
  }
  found_.relocation = std::move(relocation);
}

Result<Found> Search::run(LayerIndex first) {
  if (first == layer::kUpper && directory_.directory->has_upper) {
    TRY(visit(layer::kUpper, /*is_last=*/false));
  }
  if (!stop_) TRY(is_path() ? search_roots(layer::kUpper) : search_parent(first));
  if (!has_result_) return fail(is_too_long_ && !fits_ ? ENAMETOOLONG : ENOENT);
  if (is_metacopy_) {
    // A metacopy of a lower is refused even where nothing is beneath it.
    if (found_.layer != layer::kUpper && !has_data_only()) TRY(check_may_follow());
    TRY(find_data_only());
  }
  settle_relocation();
  return std::move(found_);
}

Result<bool> Search::lowers_show() {
  const std::vector<LayerIndex>& lowers = directory_.directory->lowers;
  if (lowers.size() >= kManyLowers) {
    return TRY(lower_names_of(overlay_, directory_))->find(name_) != nullptr;
  }
  for (const LayerIndex layer : lowers) {
    // As if it were the last: what is below does not matter.
    if (TRY(look_in_parent(layer, /*is_last=*/true))) return true;
    if (stop_) return false;
  }
  return false;
}

}  // namespace

Result<Found> find_in_layers(Overlay& overlay, Inode& directory, const char* name,
                             LayerIndex first) {
  return Search(overlay, directory, name).run(first);
}

Result<bool> lowers_show(Overlay& overlay, Inode& directory, const char* name) {
  return Search(overlay, directory, name).lowers_show();
}

}  // namespace overpass::overlay
