// SPDX-License-Identifier: MIT
//
// One layer after the other, downwards, so that no chain of redirects can be a loop. A redirect
// that is met changes the name that is looked for in the layers below; an absolute one also where
// it is looked for.

#include "changes/view.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "layer/mark_values.h"
#include "layer/markers.h"
#include "layer/stat_override.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::changes {

namespace {

using layer::LayerIndex;
using layer::Mark;

/// Names longer than a file system takes are names that are not there.
template <class T>
bool is_absent(const Result<T>& result) {
  return result.failed_with(ENOENT) || result.failed_with(ENAMETOOLONG) ||
         result.failed_with(ENOTDIR);
}

/// The search for one name. Invariants: `name_` is what is looked for in the next layer; once
/// `stopped_`, no further layer is asked.
class Search {
 public:
  Search(View& view, std::string name) : view_(view), name_(std::move(name)) {}

  bool is_stopped() const { return stopped_; }
  bool is_absolute() const { return name_.front() == '/'; }
  const std::string& name() const { return name_; }
  Found take() { return std::move(found_); }

  /// Looks in one layer: below `parent` for a single name, else from the layer's root.
  Result<void> look_in(const Place& parent) {
    layer_ = parent.layer;
    is_cut_ = false;
    std::string rest = is_absolute() ? name_.substr(1) : name_;
    std::string path = is_absolute() ? "" : parent.path;
    while (true) {
      const size_t slash = rest.find('/');
      const std::string component = rest.substr(0, slash);
      rest = slash == std::string::npos ? "" : rest.substr(slash);
      const auto directory = view_.directory(layer_, path);
      if (is_absent(directory)) break;
      path = check::joined(path, component);
      if (!TRY(look_at({TRY(directory), component.c_str()}, path, rest)) || rest.empty()) break;
      rest.erase(0, 1);
    }
    stopped_ = stopped_ || is_cut_;
    return {};
  }

  /// After the last merged layer: data-only ones are asked for what an absolute redirect names.
  Result<void> look_in_data_layers() {
    const layer::LayerStack& stack = view_.layers();
    if (!wants_data() || !is_absolute()) return {};
    for (LayerIndex i = stack.first_data_only; i < stack.size(); ++i) {
      auto file = sys::open_beneath(stack.layers[i].root, name_.c_str() + 1, O_PATH | O_NOFOLLOW);
      if (!file) continue;
      const sys::Stat stat = TRY(sys::stat(sys::place_of(*file)));
      if (!S_ISREG(stat.stx_mode)) continue;
      found_.data = Place{i, name_.substr(1), stat};
      return {};
    }
    return {};
  }

 private:
  bool wants_data() const {
    return found_.file && S_ISREG(found_.file->stat.stx_mode) && !found_.data;
  }
  const layer::Layer& layer() const { return view_.layers().layers[layer_]; }

  /// Ends the search: whether to go on in the layer.
  bool stop() {
    stopped_ = true;
    return false;
  }

  /// One component, `rest` being what follows it. Whether it is a directory to go on in.
  Result<bool> look_at(sys::Place place, const std::string& path, const std::string& rest) {
    if (layer::is_whiteout_name(place.name)) return false;
    const auto stat = shown_stat(layer(), place);
    if (is_absent(stat)) {
      const std::string whiteout = layer::whiteout_name_of(place.name);
      if (sys::stat({place.fd, whiteout.c_str()})) stopped_ = true;
      return false;
    }
    const sys::Stat shown = TRY(stat);
    const layer::Prefix prefix = view_.layers().prefix;
    if (TRY(layer::hides(place, shown, prefix, layer().foreign_marks))) return stop();
    if (!S_ISDIR(shown.stx_mode)) {
      if (!rest.empty()) return stop();
      return look_at_file(place, path, shown);
    }
    if (rest.empty()) {
      if (found_.file) return stop();
      found_.directories.push_back({layer_, path, shown});
    }
    const auto opacity = TRY(layer::opacity_of(place, prefix, layer().foreign_marks));
    if (opacity == layer::Opacity::Opaque) {
      is_cut_ = true;
    } else {
      TRY(follow_redirect(place, rest));
    }
    return true;
  }

  Result<bool> look_at_file(sys::Place place, const std::string& path, const sys::Stat& stat) {
    if (!found_.directories.empty()) return stop();
    const bool is_regular = S_ISREG(stat.stx_mode);
    if (found_.file && !is_regular) return stop();
    if (!found_.file) found_.file = Place{layer_, path, stat};
    const bool is_metacopy =
        is_regular && TRY(layer::has_mark(place, Mark::Metacopy, view_.layers().prefix));
    if (is_metacopy) {
      TRY(follow_redirect(place, ""));
      return false;
    }
    if (is_regular) found_.data = Place{layer_, path, stat};
    return stop();
  }

  Result<void> follow_redirect(sys::Place place, const std::string& rest) {
    if (!view_.layers().format.follows_redirects) return {};
    const auto value = sys::get_xattr(place, layer::name_of(Mark::Redirect, view_.layers().prefix));
    for (const int absent : {ENODATA, EOPNOTSUPP, EPERM, EACCES}) {
      if (value.failed_with(absent)) return {};
    }
    const auto redirect = layer::decode_redirect(TRY(value));
    if (!redirect) return fail(EIO);
    if (redirect->is_absolute()) {
      name_ = redirect->path + rest;
      // An opaque directory on the way to here does not matter to a path from the roots.
      is_cut_ = false;
      return {};
    }
    const std::string head = name_.substr(0, name_.size() - rest.size());
    const size_t slash = head.rfind('/');
    name_ = head.substr(0, slash == std::string::npos ? 0 : slash + 1) + redirect->path + rest;
    return {};
  }

  View& view_;
  std::string name_;
  LayerIndex layer_ = 0;
  bool stopped_ = false;
  bool is_cut_ = false;  ///< By an opaque directory of this layer: those below do not count.
  Found found_;
};

}  // namespace

std::string_view parent_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

Result<sys::Stat> shown_stat(const layer::Layer& layer, sys::Place place) {
  sys::Stat stat = TRY(sys::stat(place));
  if (layer.stat_override != layer::StatOverride::None) {
    TRY(layer::read_override(place, layer.stat_override, stat));
  }
  return stat;
}

View::View(const layer::LayerStack& stack, LayerIndex first, LayerIndex end)
    : stack_(stack), has_data_layers_(end >= stack.lowers_end()) {
  for (LayerIndex i = first; i < std::min(end, stack.lowers_end()); ++i) {
    if (!stack.layers[i].is_present) continue;
    const auto stat = shown_stat(stack.layers[i], sys::place_of(stack.layers[i].root));
    roots_.push_back({i, "", stat.value_or(sys::Stat{})});
  }
  for (const layer::Layer& layer : stack.layers) walks_.emplace_back(layer.root);
}

Result<Found> View::look_up(const Stack& parents, const std::string& name, Rest* rest) {
  Search search(*this, name);
  bool from_roots = search.is_absolute();
  const Stack* asked = from_roots ? &roots_ : &parents;
  for (size_t i = 0; i < asked->size() && !search.is_stopped(); ++i) {
    const LayerIndex layer = (*asked)[i].layer;
    TRY(search.look_in((*asked)[i]));
    if (!search.is_absolute() || from_roots) continue;
    // On from the roots, at the layer below this one.
    from_roots = true;
    asked = &roots_;
    for (i = 0; i < roots_.size() && roots_[i].layer < layer; ++i) continue;
  }
  if (rest != nullptr) *rest = {search.is_stopped(), search.name()};
  if (has_data_layers_) TRY(search.look_in_data_layers());
  return search.take();
}

Result<Found> View::find(std::string_view path) {
  Found found{roots_, {}, {}};
  while (!path.empty()) {
    const std::string name(path.substr(0, path.find('/')));
    found = TRY(look_up(found.directories, name));
    if (found.directories.empty() && name.size() < path.size()) return Found{};
    path.remove_prefix(std::min(name.size() + 1, path.size()));
  }
  return found;
}

Result<std::vector<std::string>> View::names_of(const Stack& directories) {
  std::set<std::string> names;
  for (const Place& place : directories) {
    const UniqueFd fd = TRY(sys::open_for_listing(TRY(directory(place.layer, place.path))));
    for (std::string& name : TRY(check::names_in(fd))) {
      if (!layer::is_whiteout_name(name)) names.insert(std::move(name));
    }
  }
  std::vector<std::string> shown;
  for (const std::string& name : names) {
    if (!TRY(look_up(directories, name)).is_nothing()) shown.push_back(name);
  }
  return shown;
}

Result<BorrowedFd> View::directory(LayerIndex layer, std::string_view path) {
  return walks_[layer].go_to(path);
}

Result<UniqueFd> View::open_file(const Place& file) {
  const BorrowedFd parent = TRY(directory(file.layer, parent_of(file.path)));
  return sys::open_at(parent, std::string(name_of(file.path)).c_str(), O_RDONLY | O_NONBLOCK);
}

}  // namespace overpass::changes
