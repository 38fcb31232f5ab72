// SPDX-License-Identifier: MIT
//
// A file's name in 24 bytes, for what there are hundreds of thousands of: std::string has 32, of
// which 15 characters are its own. Here they are 23, which is as much as nearly all names need.

#ifndef OVERPASS_BASE_COMPACT_NAME_H_
#define OVERPASS_BASE_COMPACT_NAME_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace overpass {

/// At most 2^32 bytes, none of which is zero. Threads: as a std::string.
class CompactName {
 public:
  CompactName() { bytes_[kOwn] = kOwn; }
  CompactName(const CompactName& other) : CompactName(std::string_view(other)) {}
  CompactName(CompactName&& other) noexcept : CompactName() { swap(other); }
  explicit CompactName(std::string_view name) {
    char* place = bytes_;
    if (name.size() <= kOwn) {
      bytes_[kOwn] = static_cast<char>(kOwn - name.size());
    } else {
      place = new char[name.size() + 1];
      const auto size = static_cast<uint32_t>(name.size());
      std::memcpy(bytes_, &place, sizeof place);
      std::memcpy(bytes_ + sizeof place, &size, sizeof size);
      bytes_[kOwn] = kElsewhere;
    }
    if (!name.empty()) std::memcpy(place, name.data(), name.size());
    place[name.size()] = '\0';
  }
  CompactName& operator=(CompactName other) noexcept {
    swap(other);
    return *this;
  }
  CompactName& operator=(std::string_view name) { return *this = CompactName(name); }
  ~CompactName() {
    if (is_elsewhere()) delete[] elsewhere();
  }

  const char* c_str() const { return is_elsewhere() ? elsewhere() : bytes_; }
  size_t size() const {
    if (!is_elsewhere()) return kOwn - static_cast<size_t>(bytes_[kOwn]);
    uint32_t size;
    std::memcpy(&size, bytes_ + sizeof(char*), sizeof size);
    return size;
  }

  operator std::string_view() const { return {c_str(), size()}; }  // NOLINT: it is a name.
  std::string text() const { return std::string(std::string_view(*this)); }

  bool operator==(std::string_view other) const { return std::string_view(*this) == other; }
  bool operator==(const CompactName& other) const { return *this == std::string_view(other); }

 private:
  static constexpr size_t kOwn = 23;
  static constexpr char kElsewhere = 0x7f;

  bool is_elsewhere() const { return bytes_[kOwn] == kElsewhere; }
  char* elsewhere() const {
    char* place;
    std::memcpy(&place, bytes_, sizeof place);
    return place;
  }
  void swap(CompactName& other) noexcept { std::swap(bytes_, other.bytes_); }

  /// The name and its zero byte; the last byte says how many characters it could be longer, which
  /// for the longest is its zero byte. Or where the name is, how long it is, and kElsewhere.
  alignas(char*) char bytes_[kOwn + 1] = {};
};

static_assert(sizeof(CompactName) == 24);

}  // namespace overpass

#endif  // OVERPASS_BASE_COMPACT_NAME_H_
