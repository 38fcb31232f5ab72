// SPDX-License-Identifier: MIT
//
// One layer after the other, downwards, so that no chain of redirects can be a loop. A redirect
// that is met changes the name that is looked for in the layers below: absolute ones also where it
// is looked for.

#include "check/lower_lookup.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "layer/mark_values.h"
#include "layer/markers.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::check {

namespace {

using layer::LayerIndex;
using layer::LayerStack;
using layer::Mark;

/// Names longer than a file system takes are names that are not there.
template <class T>
bool is_absent(const Result<T>& result) {
  return result.failed_with(ENOENT) || result.failed_with(ENAMETOOLONG) ||
         result.failed_with(ENOTDIR);
}

Result<std::optional<std::string>> mark_at(sys::Place place, const char* name) {
  auto value = sys::get_xattr(place, name);
  if (value) return std::optional(std::move(*value));
  switch (to_int(value.error())) {
    case ENODATA:
    case EOPNOTSUPP:
    case EPERM:
    case EACCES:
      return std::nullopt;
    default:
      return fail(value.error());
  }
}

/// The search for one name. Invariants: `name_` is what is looked for in the next layer; once
/// `stopped_`, no further layer is asked.
class Search {
 public:
  Search(const LayerStack& stack, std::string name, Above above)
      : stack_(stack), name_(std::move(name)), above_(above) {}

  bool is_stopped() const { return stopped_; }
  bool is_absolute() const { return name_.front() == '/'; }

  /// Looks in one layer: below `parent` for a single name, else from the layer's root. `open` is
  /// the parent, if it is open.
  Result<void> look_in(const LowerPlace& parent, std::optional<BorrowedFd> open) {
    const LayerIndex layer = parent.layer;
    std::string post = is_absolute() ? name_.substr(1) : name_;
    std::string path = is_absolute() ? "" : parent.path;
    UniqueFd owned;
    BorrowedFd at = stack_.layers[layer].root;
    if (!is_absolute() && open) {
      at = *open;
    } else if (!path.empty()) {
      auto directory = open_directory_below(at, path, O_PATH);
      if (is_absent(directory)) return {};
      owned = TRY(std::move(directory));
      at = owned;
    }
    while (true) {
      const size_t slash = post.find('/');
      const std::string component = post.substr(0, slash);
      post = slash == std::string::npos ? "" : post.substr(slash);
      path = joined(path, component);
      const bool entered = TRY(look_at(layer, at, component, path, post));
      if (post.empty() || !entered) return {};
      owned = TRY(sys::open_at(at, component.c_str(), O_PATH | O_DIRECTORY));
      at = owned;
      post.erase(0, 1);
    }
  }

  /// After the last merged layer: data-only ones are asked for what an absolute redirect names.
  Result<void> look_in_data_layers() {
    if (!wants_data() || !is_absolute()) return {};
    for (LayerIndex i = stack_.first_data_only; i < stack_.size(); ++i) {
      auto file = sys::open_beneath(stack_.layers[i].root, name_.c_str() + 1, O_PATH | O_NOFOLLOW);
      if (!file) continue;
      const sys::Stat stat = TRY(sys::stat(sys::place_of(*file)));
      if (!S_ISREG(stat.stx_mode)) continue;
      answer_.data = LowerPlace{i, name_.substr(1), stat};
      return {};
    }
    return {};
  }

  LowerAnswer take_answer() { return std::move(answer_); }

 private:
  bool wants_data() const { return above_ == Above::Metacopy && !answer_.data; }

  /// One component, `post` being what follows it. Whether it is a directory to go on in.
  Result<bool> look_at(LayerIndex layer, BorrowedFd directory, const std::string& component,
                       const std::string& path, const std::string& post) {
    const sys::Place place = {directory, component.c_str()};
    const auto stat = sys::stat(place);
    if (is_absent(stat)) return false;
    if (!stat) return fail(stat.error());
    const bool is_last = post.empty();
    if (TRY(is_any_whiteout(place, *stat))) {
      stopped_ = true;
      return false;
    }
    if (S_ISDIR(stat->stx_mode)) {
      if (is_last && above_ == Above::Metacopy) {
        obstruct();
        return false;
      }
      if (is_last) answer_.directories.push_back({layer, path, *stat});
      const auto opacity = TRY(layer::opacity_of(place, stack_.prefix, false));
      if (opacity == layer::Opacity::Opaque) {
        stopped_ = true;
        return true;
      }
    } else {
      if (!is_last || above_ == Above::Directory || !S_ISREG(stat->stx_mode)) {
        obstruct();
        return false;
      }
      if (!TRY(is_metacopy(place, path))) {
        if (answer_.trouble.empty()) answer_.data = LowerPlace{layer, path, *stat};
        stopped_ = true;
        return false;
      }
    }
    TRY(follow_redirect(place, path, component.size() + post.size(), post));
    return S_ISDIR(stat->stx_mode);
  }

  void obstruct() {
    stopped_ = true;
    // Below a directory that was found, another thing only ends the search.
    answer_.is_obstructed = answer_.directories.empty();
  }

  Result<bool> is_any_whiteout(sys::Place place, const sys::Stat& stat) const {
    if (layer::is_whiteout(stat)) return true;
    if (!TRY(layer::is_xwhiteout(place, stat, stack_.prefix))) return false;
    const auto around = TRY(layer::opacity_of(sys::place_of(place.fd), stack_.prefix, false));
    return around == layer::Opacity::HasXwhiteouts;
  }

  Result<bool> is_metacopy(sys::Place place, const std::string& path) {
    const auto value = TRY(mark_at(place, layer::name_of(Mark::Metacopy, stack_.prefix)));
    if (value && !layer::decode_metacopy(*value)) {
      answer_.trouble = "the metacopy mark of '" + path + "' in a lower cannot be read";
    }
    return value.has_value() && answer_.trouble.empty();
  }

  /// `rest` is the length of the component and what follows it in name_.
  Result<void> follow_redirect(sys::Place place, const std::string& path, size_t rest,
                               const std::string& post) {
    const auto value = TRY(mark_at(place, layer::name_of(Mark::Redirect, stack_.prefix)));
    if (!value) return {};
    const auto redirect = layer::decode_redirect(*value);
    if (!redirect) {
      answer_.trouble = "the redirect of '" + path + "' in a lower cannot be followed";
      stopped_ = true;
      return {};
    }
    if (redirect->is_absolute()) {
      name_ = redirect->path + post;
      // An opaque directory on the way to here does not hide what the redirect names.
      stopped_ = false;
    } else {
      name_ = name_.substr(0, name_.size() - rest) + redirect->path + post;
    }
    return {};
  }

  const LayerStack& stack_;
  std::string name_;
  const Above above_;
  bool stopped_ = false;
  LowerAnswer answer_;
};

}  // namespace

Lowers::Lowers(const LayerStack& stack) : stack_(stack) {
  const size_t end = std::min<size_t>(stack.size(), stack.first_data_only);
  for (size_t i = layer::kUpper + 1; i < end; ++i) {
    const auto stat = sys::stat(sys::place_of(stack.layers[i].root));
    roots_.push_back({static_cast<LayerIndex>(i), "", stat.value_or(sys::Stat{})});
  }
  for (const layer::Layer& layer : stack.layers) walks_.emplace_back(layer.root);
}

Result<LowerAnswer> Lowers::look_up(const LowerStack& parents, const OpenLowers& open,
                                    const std::string& name, Above above) const {
  Search search(stack_, name, above);
  bool from_roots = search.is_absolute();
  const LowerStack* asked = from_roots ? &roots_ : &parents;
  for (size_t i = 0; i < asked->size() && !search.is_stopped(); ++i) {
    const LowerPlace& parent = (*asked)[i];
    const bool is_open = !from_roots && i < open.size();
    TRY(search.look_in(parent, is_open ? std::optional(open[i]) : std::nullopt));
    if (search.is_absolute() && !from_roots) {
      // On from the roots, at the layer below this one. Roots are all lowers in order.
      from_roots = true;
      asked = &roots_;
      i = parent.layer - 1u;
    }
  }
  TRY(search.look_in_data_layers());
  return search.take_answer();
}

Result<OpenLowers> Lowers::open(const LowerStack& directories) {
  OpenLowers fds;
  for (const LowerPlace& place : directories) {
    fds.push_back(TRY(walks_[place.layer].go_to(place.path)));
  }
  return fds;
}

Result<UniqueFd> Lowers::open_file(const LowerPlace& file) const {
  const size_t slash = file.path.rfind('/');
  const size_t name = slash == std::string::npos ? 0 : slash + 1;
  const std::string_view parent = std::string_view(file.path).substr(0, name == 0 ? 0 : slash);
  const UniqueFd directory =
      TRY(open_directory_below(stack_.layers[file.layer].root, parent, O_PATH));
  return sys::open_at(directory, file.path.c_str() + name, O_RDONLY | O_NONBLOCK);
}

Result<bool> is_named_in(const OpenLowers& directories, const std::string& name) {
  for (const BorrowedFd directory : directories) {
    const auto stat = sys::stat({directory, name.c_str()});
    if (stat) return true;
    if (!is_absent(stat)) return fail(stat.error());
  }
  return false;
}

}  // namespace overpass::check
