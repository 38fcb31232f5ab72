// SPDX-License-Identifier: MIT
//
// The rules, for each component of what is looked for: a whiteout ends the search; so does anything
// but a directory or a metacopy; directories are merged with the directories below them until one
// is opaque. A redirect replaces its component in what the layers below are asked for.

#include "overlay/find/layer_step.h"

#include <sys/stat.h>

#include <algorithm>

namespace overpass::overlay {

namespace {

using Kind = Verdict::Kind;
using Presence = LayerView::Presence;

/// Puts the redirect in the place of the last component in front of the last `rest` bytes.
void apply(const layer::Redirect& redirect, size_t rest, Wanted& next) {
  std::string& target = next.target;
  const size_t end = target.size() - rest;
  size_t begin = 0;
  if (!redirect.is_absolute()) {
    const size_t slash = target.rfind('/', end - 1);
    if (slash != std::string::npos) begin = slash + 1;
  }
  target.replace(begin, end - begin, redirect.path);
  next.is_redirected = true;
}

/// One layer's verdict while the components of the target are gone through.
class Step {
 public:
  Step(LayerView& view, const Wanted& wanted, Below below)
      : view_(view), wanted_(wanted), below_(below) {
    verdict_.next = wanted;
  }

  Result<Verdict> run();

 private:
  Result<Kind> see_nothing(Presence presence, bool is_first);
  Result<Kind> see_object(size_t rest);
  Result<Kind> see_directory(size_t rest);
  Result<Kind> see_file();
  Result<void> follow_redirect(size_t rest);
  Result<Verdict> conclude(Kind kind);

  LayerView& view_;
  const Wanted& wanted_;
  const Below below_;
  Verdict verdict_;
  bool is_cut_ = false;  ///< By an opaque directory: nothing below it counts.
};

Result<Verdict> Step::conclude(Kind kind) {
  verdict_.kind = kind;
  if (is_cut_) verdict_.kind = verdict_.has_found() ? Kind::EndsHere : Kind::Hidden;
  return std::move(verdict_);
}

Result<Verdict> Step::run() {
  const std::string_view target = wanted_.target;
  const size_t first = wanted_.is_path() ? 1 : 0;
  for (size_t begin = first;;) {
    const size_t end = std::min(target.find('/', begin), target.size());
    const size_t rest = target.size() - end;
    const Presence presence = TRY(view_.go_to(target.substr(begin, end - begin)));
    if (presence != Presence::Present) return conclude(TRY(see_nothing(presence, begin == first)));
    const Kind kind = TRY(see_object(rest));
    if (kind != Kind::MergesOn || rest == 0) return conclude(kind);
    TRY(view_.enter());
    begin = end + 1;
  }
}

Result<Kind> Step::see_nothing(Presence presence, bool is_first) {
  const bool may_be_hidden = presence == Presence::Absent && below_ == Below::Lowers;
  if (may_be_hidden && TRY(view_.has_whiteout_file())) return Kind::Hidden;
  // Behind the first component the layer has been asked, and a name was not too long for it.
  if (is_first && presence == Presence::NotShown) return Kind::NotAsked;
  if (is_first && presence == Presence::TooLong) return Kind::TooLong;
  return Kind::Absent;
}

Result<Kind> Step::see_object(size_t rest) {
  if (TRY(view_.is_whiteout())) return Kind::Hidden;
  verdict_.stat = view_.stat();
  if (sys::is_directory(verdict_.stat)) return see_directory(rest);
  return rest == 0 ? see_file() : Kind::Hidden;
}

Result<Kind> Step::see_directory(size_t rest) {
  if (wanted_.kind == Wanted::Kind::Data && rest == 0) return Kind::Hidden;
  if (rest == 0) verdict_.next.kind = Wanted::Kind::Directory;
  if (below_ != Below::Lowers) return Kind::MergesOn;
  if (TRY(view_.is_opaque())) {
    is_cut_ = true;
  } else {
    TRY(follow_redirect(rest));
  }
  return Kind::MergesOn;
}

Result<Kind> Step::see_file() {
  const bool is_regular = S_ISREG(verdict_.stat.stx_mode);
  if (wanted_.kind == Wanted::Kind::Directory) return Kind::Hidden;
  if (wanted_.kind == Wanted::Kind::Data && !is_regular) return Kind::Hidden;
  verdict_.is_metacopy = is_regular && TRY(view_.is_metacopy());
  verdict_.next.kind = verdict_.is_metacopy ? Wanted::Kind::Data : Wanted::Kind::Anything;
  if (!verdict_.is_metacopy) return Kind::EndsHere;
  if (below_ != Below::Nothing) TRY(follow_redirect(0));
  return Kind::MergesOn;
}

Result<void> Step::follow_redirect(size_t rest) {
  const auto redirect = TRY(view_.redirect());
  if (!redirect) return {};
  apply(*redirect, rest, verdict_.next);
  // An opaque directory on the way to here does not matter to a path from the roots.
  if (redirect->is_absolute()) is_cut_ = false;
  return {};
}

}  // namespace

Result<Verdict> ask_layer(LayerView& view, const Wanted& wanted, Below below) {
  return Step(view, wanted, below).run();
}

}  // namespace overpass::overlay
