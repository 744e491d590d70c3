// A circular doubly linked intrusive list: a member unlinks itself in O(1) without knowing the list.
//
// Used where something may leave from the middle at any time: waiters of an event, contexts to cancel, living tasks.
// The tag lets one object be in several lists.
#pragma once

#include "flywheel/base/check.h"

namespace flywheel::inline v0::internal {

template <typename Tag>
class ListNode {
 public:
  constexpr ListNode() noexcept = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { Unlink(); }

  [[nodiscard]] bool linked() const noexcept { return next_ != nullptr; }
  void Unlink() noexcept {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

 private:
  template <typename T, typename U>
  friend class List;

  ListNode* next_ = nullptr;
  ListNode* previous_ = nullptr;
};

// T derives from ListNode<Tag>.
// T may be const: being in a list is no part of an object's value.
template <typename T, typename Tag>
class List {
 public:
  constexpr List() noexcept { head_.next_ = head_.previous_ = &head_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    while (!empty()) head_.next_->Unlink();
    head_.next_ = nullptr;
  }

  [[nodiscard]] bool empty() const noexcept { return head_.next_ == &head_; }
  void PushBack(T& item) noexcept {
    auto& node = NodeOf(item);
    FW_DCHECK(!node.linked()) << "item is in a list already";
    node.previous_ = head_.previous_;
    node.next_ = &head_;
    head_.previous_->next_ = &node;
    head_.previous_ = &node;
  }
  [[nodiscard]] T* front() const noexcept { return empty() ? nullptr : static_cast<T*>(head_.next_); }
  T* PopFront() noexcept {
    T* const item = front();
    if (item != nullptr) NodeOf(*item).Unlink();
    return item;
  }
  // `visit` must not change the list.
  template <typename Visitor>
  void ForEach(Visitor&& visit) const {
    for (const ListNode<Tag>* node = head_.next_; node != &head_; node = node->next_) {
      visit(*static_cast<const T*>(node));
    }
  }
  // The newest that `matches`, or null.
  template <typename Predicate>
  const T* FindLast(Predicate&& matches) const {
    for (const ListNode<Tag>* node = head_.previous_; node != &head_; node = node->previous_) {
      const T& item = *static_cast<const T*>(node);
      if (matches(item)) return &item;
    }
    return nullptr;
  }

 private:
  using Node = ListNode<Tag>;
  static Node& NodeOf(T& item) noexcept { return const_cast<Node&>(static_cast<const Node&>(item)); }

  Node head_;
};

}  // namespace flywheel::inline v0::internal
