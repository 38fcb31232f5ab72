// SPDX-License-Identifier: MIT
//
// Objects kept in a ring of links that they carry themselves: being kept costs them no memory, and
// so it cannot fail.

#ifndef OVERPASS_BASE_RING_H_
#define OVERPASS_BASE_RING_H_

namespace overpass {

/// Base class of the objects in a ring. An object is alone in a ring of its own until it joins
/// another. The ring itself is such a link, without an object.
class RingLink {
 public:
  RingLink() = default;
  RingLink(const RingLink&) = delete;
  RingLink& operator=(const RingLink&) = delete;
  ~RingLink() { leave(); }

  /// Joins the ring of `other`. REQUIRES: it is alone.
  void join(RingLink& other) {
    previous_ = other.previous_;
    next_ = &other;
    previous_->next_ = this;
    other.previous_ = this;
  }

  /// Is alone from now on.
  void leave() {
    previous_->next_ = next_;
    next_->previous_ = previous_;
    previous_ = next_ = this;
  }

  bool is_alone() const { return next_ == this; }
  RingLink& next() const { return *next_; }

 private:
  RingLink* previous_ = this;
  RingLink* next_ = this;
};

}  // namespace overpass

#endif  // OVERPASS_BASE_RING_H_
