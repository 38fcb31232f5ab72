// SPDX-License-Identifier: MIT
//
// Changes as a layer of a container image (OCI image-spec, "Image Layer Filesystem Changeset"): an
// archive of what was added or changed; an empty file ".wh.NAME" says that NAME was deleted, and
// ".wh..wh..opq" that a directory has nothing of what was below it. Such a layer cannot say that a
// directory was moved; an archive for overpass (Marks::WithMoves) says it as overlayfs does.

#ifndef OVERPASS_ARCHIVE_IMAGE_LAYER_H_
#define OVERPASS_ARCHIVE_IMAGE_LAYER_H_

#include <string>

#include "archive/tar_writer.h"
#include "snapshots/layer_sink.h"

namespace overpass::archive {

inline constexpr char kWhiteoutFile[] = ".wh.";
inline constexpr char kOpaqueFile[] = ".wh..wh..opq";

enum class Marks {
  OfImages,
  /// The attribute user.overlay.redirect of a directory says where it was, by a path from the
  /// archive's root; users' attributes of that kind are escaped. The root has an entry.
  WithMoves,
};

class ImageLayerSink : public snapshots::LayerSink {
 public:
  /// `place` is where the union is, without slashes around; "" is the root. With `has_one_owner`
  /// owners are not told: all is root's. `writer` outlives this.
  ImageLayerSink(TarWriter& writer, std::string place, bool has_one_owner, Marks marks)
      : writer_(writer), place_(std::move(place)), has_one_owner_(has_one_owner), marks_(marks) {}

  bool takes_sockets() const override { return false; }  // tar has none.
  Result<void> add(const snapshots::LayerEntry& entry, BorrowedFd content) override;
  Result<void> hide(const std::string& path) override;
  Result<void> hide_below(const std::string& path) override;

 private:
  std::string placed(const std::string& path) const;
  Result<void> write_mark(const std::string& path);

  TarWriter& writer_;
  const std::string place_;
  const bool has_one_owner_;
  const Marks marks_;
};

}  // namespace overpass::archive

#endif  // OVERPASS_ARCHIVE_IMAGE_LAYER_H_
