// SPDX-License-Identifier: MIT
//
// One layer's part in the search for a name (search.h): what the layer shows decides whether the
// layers below are asked, and what they are asked for. A pure function over a LayerView. It asks
// the view only what matters, because each answer may cost system calls.

#ifndef OVERPASS_OVERLAY_FIND_LAYER_STEP_H_
#define OVERPASS_OVERLAY_FIND_LAYER_STEP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "layer/mark_values.h"
#include "sys/stat.h"

namespace overpass::overlay {

/// The question to the next layer, given what the layers above it have shown.
struct Wanted {
  enum class Kind : uint8_t {
    Anything,   ///< Nothing was found so far.
    Directory,  ///< A directory was found: directories below are merged with it.
    Data,       ///< A metacopy was found: the regular file with its data, or another metacopy.
  };

  std::string target;  ///< A name in the parent, or "/a/path" from the layer's root.
  Kind kind = Kind::Anything;
  bool is_redirected = false;  ///< `target` comes from a redirect.

  bool is_path() const { return target.front() == '/'; }
};

/// The answer of a layer.
struct Verdict {
  enum class Kind : uint8_t {
    NotAsked,  ///< The union shows nothing of this layer there. The layers below are asked.
    TooLong,   ///< The layer's file system takes no such name. The layers below are asked.
    Absent,    ///< The layer has nothing. The layers below are asked.
    Hidden,    ///< Nothing is found here, and nothing below counts.
    EndsHere,  ///< Something is found, and nothing below counts.
    MergesOn,  ///< Something is found. The layers below are asked for `next`.
  };

  Kind kind = Kind::Absent;
  bool is_metacopy = false;  ///< What is found is a metacopy.
  sys::Stat stat = {};       ///< Of what is found, as the layer has it.
  Wanted next;               ///< With the redirects that were read. Right for all kinds.

  bool has_found() const { return kind >= Kind::EndsHere; }
  bool is_final() const { return kind == Kind::Hidden || kind == Kind::EndsHere; }
};

/// The layers below the one that is asked.
enum class Below : uint8_t { Nothing, DataOnly, Lowers };

/// One layer, seen at one name at a time.
class LayerView {
 public:
  enum class Presence : uint8_t { NotShown, TooLong, Absent, Present };

  virtual ~LayerView() = default;
  /// Goes to `name` in the directory of the view: at first that of the search, or the layer's root
  /// if a path is looked for.
  virtual Result<Presence> go_to(std::string_view name) = 0;
  /// Makes the object the directory of the view.
  virtual Result<void> enter() = 0;

  /// Whether a file beside an absent name hides the name in the layers below (".wh.NAME").
  virtual Result<bool> has_whiteout_file() = 0;

  // Attributes of the object that go_to() reached.
  virtual const sys::Stat& stat() const = 0;
  virtual Result<bool> is_whiteout() = 0;
  virtual Result<bool> is_opaque() = 0;
  virtual Result<bool> is_metacopy() = 0;
  virtual Result<std::optional<layer::Redirect>> redirect() = 0;
};

/// The layer's answer to `wanted`. Errors are those of the view.
Result<Verdict> ask_layer(LayerView& view, const Wanted& wanted, Below below);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_LAYER_STEP_H_
