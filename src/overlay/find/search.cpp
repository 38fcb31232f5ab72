// SPDX-License-Identifier: MIT
//
// The layers are asked from the top down (layer_step.h) until one ends the search. In directories
// merged from many lowers the remembered listing takes the place of asking each lower.

#include "overlay/find/search.h"

#include <optional>
#include <string>
#include <utility>

#include "overlay/find/found_builder.h"
#include "overlay/find/layer_reader.h"
#include "overlay/find/layer_step.h"
#include "overlay/find/list_lowers.h"
#include "overlay/state/lower_names.h"
#include "overlay/state/overlay.h"

namespace overpass::overlay {

namespace {

using layer::LayerIndex;

/// With this many lowers or more, reading them once is cheaper than asking each for every name.
constexpr size_t kManyLowers = 4;

bool has_data_only(const layer::LayerStack& stack) { return stack.lowers_end() < stack.size(); }

/// The layers below the last lower.
Below below_lowers(const layer::LayerStack& stack) {
  return has_data_only(stack) ? Below::DataOnly : Below::Nothing;
}

class Search {
 public:
  Search(Overlay& overlay, Inode& directory, const char* name)
      : stack_(overlay.stack), searched_{overlay, directory, name}, wanted_{.target = name} {}

  Result<Found> run(LayerIndex first);

 private:
  Result<void> ask_all(LayerIndex first);
  Result<void> ask_lowers(LayerIndex first);
  Result<void> ask_roots(LayerIndex above);
  Result<bool> goes_on_below(LayerIndex layer, bool is_last_lower);
  Result<void> check_may_follow();
  Result<void> find_data_only();

  const layer::LayerStack& stack_;
  const SearchedName searched_;
  Wanted wanted_;  ///< Of the layer that is asked next.
  FoundBuilder builder_{searched_};
  std::optional<bool> fits_;  ///< Whether some layer's file system takes the name; if asked.
};

/// Overlayfs refuses to look further instead of showing less than there is.
Result<void> Search::check_may_follow() {
  if (wanted_.kind == Wanted::Kind::Data && !stack_.format.follows_metacopy) {
    return refuse(searched_, "refusing to follow a metacopy; mount with metacopy=on", EPERM);
  }
  if (wanted_.is_redirected && !stack_.format.follows_redirects) {
    return refuse(searched_, "refusing to follow a redirect; mount with redirect_dir=on", EPERM);
  }
  return {};
}

/// Asks `layer` and adds what it has to the result. True if the layers below must be asked, too.
Result<bool> Search::goes_on_below(LayerIndex layer, bool is_last_lower) {
  if (layer != layer::kUpper) TRY(check_may_follow());
  LayerReader reader(searched_, layer, wanted_.is_path());
  const Below below = is_last_lower ? below_lowers(stack_) : Below::Lowers;
  Verdict verdict = TRY(ask_layer(reader, wanted_, below));
  if (verdict.kind != Verdict::Kind::NotAsked) {
    fits_ = fits_.value_or(false) || verdict.kind != Verdict::Kind::TooLong;
  }
  const bool is_complete =
      verdict.has_found() && TRY(builder_.add(layer, reader, wanted_, verdict));
  wanted_ = std::move(verdict.next);
  if (is_complete) wanted_.kind = Wanted::Kind::Anything;
  return !is_complete && !verdict.is_final();
}

/// The directory's lowers from `first` on, or of them only those that the listing names.
Result<void> Search::ask_lowers(LayerIndex first) {
  const std::vector<LayerIndex>& lowers = searched_.directory.directory->lowers;
  size_t i = 0;
  while (i < lowers.size() && lowers[i] < first) ++i;
  if (lowers.size() >= kManyLowers && i == 0) {
    const auto listing = TRY(lower_names_of(searched_.overlay, searched_.directory));
    const LowerName* known = listing->find(wanted_.target);
    if (known == nullptr) return {};
    while (lowers[i] != known->layer) ++i;
  }
  for (; i < lowers.size(); ++i) {
    // A redirect may lead to lowers that the directory itself is not in.
    const bool is_last = stack_.format.follows_redirects ? lowers[i] + 1 == stack_.lowers_end()
                                                         : i + 1 == lowers.size();
    if (!TRY(goes_on_below(lowers[i], is_last))) return {};
    if (wanted_.is_path()) return ask_roots(lowers[i]);
  }
  return {};
}

/// All layers below `above`, from their roots.
Result<void> Search::ask_roots(LayerIndex above) {
  for (LayerIndex layer = above + 1; layer < stack_.lowers_end(); ++layer) {
    if (!TRY(goes_on_below(layer, layer + 1 == stack_.lowers_end()))) return {};
  }
  return {};
}

Result<void> Search::ask_all(LayerIndex first) {
  const bool asks_upper = first == layer::kUpper && searched_.directory.directory->has_upper;
  if (asks_upper && !TRY(goes_on_below(layer::kUpper, /*is_last_lower=*/false))) return {};
  return wanted_.is_path() ? ask_roots(layer::kUpper) : ask_lowers(first);
}

/// A metacopy whose data are in a data-only layer: looked for when they are needed.
Result<void> Search::find_data_only() {
  // A metacopy of a lower is refused even where nothing is beneath it.
  if (builder_.is_of_lower() && !has_data_only(stack_)) TRY(check_may_follow());
  if (!has_data_only(stack_) || !wanted_.is_path()) {
    return refuse(searched_, "a metacopy without its data", EIO);
  }
  builder_.set_data_only(wanted_.target);
  return {};
}

Result<Found> Search::run(LayerIndex first) {
  TRY(ask_all(first));
  if (builder_.is_empty()) return fail(fits_.value_or(true) ? ENOENT : ENAMETOOLONG);
  if (wanted_.kind == Wanted::Kind::Data) TRY(find_data_only());
  return builder_.finish();
}

}  // namespace

Result<Found> find_in_layers(Overlay& overlay, Inode& directory, const char* name,
                             LayerIndex first) {
  return Search(overlay, directory, name).run(first);
}

Result<bool> lowers_show(Overlay& overlay, Inode& directory, const char* name) {
  const std::vector<LayerIndex>& lowers = directory.directory->lowers;
  if (lowers.size() >= kManyLowers) {
    return TRY(lower_names_of(overlay, directory))->find(name) != nullptr;
  }
  const SearchedName searched = {overlay, directory, name};
  for (const LayerIndex layer : lowers) {
    LayerReader reader(searched, layer, /*begins_at_root=*/false);
    // Asked like the last layer: the layers below do not matter.
    const Verdict verdict = TRY(ask_layer(reader, {.target = name}, below_lowers(overlay.stack)));
    if (verdict.has_found()) return true;
    if (verdict.is_final()) return false;
  }
  return false;
}

}  // namespace overpass::overlay
