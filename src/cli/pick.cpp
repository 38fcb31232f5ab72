// SPDX-License-Identifier: MIT
//
// A change is asked for by itself, except for two: a new directory comes along with what is in it,
// and so does what is in a renamed directory.

#include "cli/pick.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <set>

#include "apply/hunks.h"
#include "apply/plan.h"
#include "base/nearest.h"
#include "changes/view.h"
#include "cli/diff_target.h"
#include "cli/show_hunk.h"
#include "sys/file_io.h"

namespace overpass::cli {

namespace {

using apply::Edit;
using apply::Hunk;
using apply::Part;
using changes::Change;
using changes::Kind;

constexpr char kHelp[] =
    "y - apply this\n"
    "n - do not apply this\n"
    "q - quit; apply neither this nor what is left\n"
    "a - apply this and all that is left of the file\n"
    "d - apply neither this nor what is left of the file\n"
    "s - split this hunk into smaller ones\n"
    "? - print help\n";

/// Asks until one of `keys` is answered. The end of the input is a 'q'.
char answer(Context& context, const std::string& question, const std::string& keys) {
  while (true) {
    std::string listed;
    for (const char key : keys) listed += std::string(1, key) + ",";
    context.err << question << " [" << listed << "?]? " << std::flush;
    std::string line;
    if (!std::getline(std::cin, line)) return 'q';
    if (line.size() == 1 && keys.find(line.front()) != std::string::npos) return line.front();
    if (!line.empty()) context.err << kHelp;
  }
}

/// The content of a text that has one name; nothing of any other file.
Result<std::optional<std::string>> text_of(changes::View& view, const changes::Found& found) {
  if (!found.file || !found.data || !S_ISREG(found.file->stat.stx_mode) ||
      found.file->stat.stx_nlink > 1) {
    return std::optional<std::string>();
  }
  if (found.data->stat.stx_size > apply::kLongestText) return std::optional<std::string>();
  std::string content = TRY(sys::read_to_end(TRY(view.open_file(*found.data))));
  if (!apply::is_text(content)) return std::optional<std::string>();
  return std::optional(std::move(content));
}

/// Both sides of a modified text.
struct Texts {
  std::string before, after;
};

class Picker {
 public:
  Picker(Context& context, Part& part, bool to_outside)
      : context_(context),
        part_(part),
        to_outside_(to_outside),
        before_(part.layers, part.changing_layers),
        after_(part.layers, layer::kUpper) {}

  /// Whether the user wants to go on.
  Expected<bool> run() {
    for (const Change& change : part_.selected.changes) {
      if (comes_along(change)) continue;
      if (auto asked = ask(change); !asked) return std::unexpected(asked.error());
      if (has_quit_) break;
    }
    const size_t all = part_.selected.changes.size();
    part_.selected = apply::take(part_.selected, wanted_);
    part_.is_whole = part_.is_whole && part_.selected.changes.size() == all && part_.edited.empty();
    return !has_quit_;
  }

 private:
  std::string shown_path(const Change& change) const {
    return "/" + placed(part_.place, change.path.empty() ? change.old_path : change.path);
  }

  bool is_in(const Change& change, const Change& directory) const {
    return &change != &directory && apply::is_at_or_below(change.path, directory.path);
  }

  bool comes_along(const Change& change) const {
    const auto& all = part_.selected.changes;
    const bool is_moved = std::ranges::any_of(all, [&](const Change& other) {
      return other.kind == Kind::Renamed && is_in(change, other);
    });
    const bool is_new = change.kind == Kind::Added || change.kind == Kind::TypeChanged;
    const bool is_filled =
        is_new && !change.after->directories.empty() &&
        std::ranges::any_of(all, [&](const Change& other) { return is_in(other, change); });
    return is_moved || is_filled;
  }

  Result<std::optional<Texts>> texts_of(const Change& change) {
    if (change.kind != Kind::Modified || !change.differs.content) return std::optional<Texts>();
    auto before = TRY(text_of(before_, *change.before));
    if (!before) return std::optional<Texts>();
    auto after = TRY(text_of(after_, *change.after));
    if (!after) return std::optional<Texts>();
    return std::optional(Texts{std::move(*before), std::move(*after)});
  }

  Expected<void> ask(const Change& change) {
    const auto texts = texts_of(change);
    if (!texts) {
      return problem(in_quotes(shown_path(change)) +
                         " cannot be read: " + std::strerror(to_int(texts.error())),
                     "correct the permissions, or name the paths that are wanted");
    }
    if (*texts) {
      ask_for_hunks(change, **texts);
    } else {
      take_key(change, answer(context_, question_of(change), "ynqad"));
    }
    return {};
  }

  std::string question_of(const Change& change) const {
    static constexpr const char* kWords[changes::kKinds] = {
        "deletion of ", "rename of ", "addition of ", "change of ", "another kind of file at "};
    std::string text = std::string("Apply ") + kWords[static_cast<size_t>(change.kind)];
    if (change.kind == Kind::Renamed) {
      text += in_quotes("/" + placed(part_.place, change.old_path)) + " to ";
    }
    return text + in_quotes(shown_path(change));
  }

  void take_key(const Change& change, char key) {
    if (key == 'y' || key == 'a') wanted_.insert(&change);
    has_quit_ = key == 'q';
  }

  /// Asks for each, and for pieces of it. What is wanted, in order.
  std::vector<Edit> pick_hunks(const apply::Lines& before, const apply::Lines& after) {
    std::vector<Hunk> hunks = apply::hunks_of(apply::edits_of(before, after));
    std::vector<Edit> wanted;
    char for_all = '\0';
    for (size_t i = 0; i < hunks.size(); ++i) {
      char key = for_all;
      if (key == '\0') {
        show_hunk(context_.err, before, after, hunks[i]);
        const std::string number =
            "(" + std::to_string(i + 1) + "/" + std::to_string(hunks.size()) + ") ";
        key =
            answer(context_, number + "Apply this hunk", hunks[i].size() > 1 ? "ynqads" : "ynqad");
      }
      if (key == 's') {
        const Hunk whole = std::move(hunks[i]);
        hunks.erase(hunks.begin() + static_cast<std::ptrdiff_t>(i));
        for (size_t piece = whole.size(); piece-- > 0;) {
          hunks.insert(hunks.begin() + static_cast<std::ptrdiff_t>(i), Hunk{whole[piece]});
        }
        --i;
        continue;
      }
      if (key == 'y' || key == 'a') wanted.insert(wanted.end(), hunks[i].begin(), hunks[i].end());
      has_quit_ = has_quit_ || key == 'q';
      if (key != 'y' && key != 'n') for_all = key;
    }
    return wanted;
  }

  void ask_for_hunks(const Change& change, const Texts& texts) {
    const apply::Lines before = apply::lines_of(texts.before);
    const apply::Lines after = apply::lines_of(texts.after);
    show_file(context_.err, shown_path(change));
    bool has_new_attributes = true;
    const bool has_others = change.differs.mode || change.differs.owner || change.differs.xattrs;
    if (has_others) {
      const char key = answer(context_, "Apply its new owner, mode and attributes", "ynqad");
      if (key == 'd' || key == 'q') return take_key(change, key == 'q' ? 'q' : 'n');
      if (key == 'a') return take_key(change, key);
      has_new_attributes = key == 'y';
    }
    const std::vector<Edit> wanted = pick_hunks(before, after);
    std::string content = apply::with_edits(before, after, wanted);
    const bool takes_nothing = wanted.empty() && !(has_others && has_new_attributes);
    if (takes_nothing) return;
    wanted_.insert(&change);
    if (content == texts.after && has_new_attributes) return;
    apply::EditedFile edited = {std::move(content), has_new_attributes};
    if (to_outside_) edited.origin = layer::stamp_of(change.before->file->stat);
    part_.edited.emplace(change.path, std::move(edited));
  }

  Context& context_;
  Part& part_;
  const bool to_outside_;
  changes::View before_, after_;
  std::set<const Change*> wanted_;
  bool has_quit_ = false;
};

}  // namespace

Expected<void> pick(Context& context, std::vector<Part>& parts, bool to_outside) {
  bool goes_on = true;
  for (Part& part : parts) {
    if (!goes_on) {
      part.selected.changes.clear();
      continue;
    }
    const auto picked = Picker(context, part, to_outside).run();
    if (!picked) return std::unexpected(picked.error());
    goes_on = *picked;
  }
  std::erase_if(parts, [](const Part& part) { return part.selected.changes.empty(); });
  return {};
}

}  // namespace overpass::cli
