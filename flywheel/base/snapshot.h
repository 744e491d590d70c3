// Snapshot<T>: an immutable value that is read everywhere and replaced now and then.
//
// Read() borrows the newest value until the loop's turn ends: no lock, no counting, no shared cache line written.
// Hold() takes a counted reference that may cross co_await and threads; a loop takes it without a lock, a foreign
// thread under the snapshot's mutex. Publish() replaces the value for everyone at once; what it replaces is freed by
// the QuiescentDomain when no turn can still see it and the last Held is gone. Where NDEBUG is not defined, a Borrowed
// that is used after its turn (kept across co_await) or on another thread aborts; elsewhere it is a bare pointer.
// Reading anywhere but in a turn of the domain's loops always aborts. T may be abstract: the values are then
// std::unique_ptr<Derived>. Where T has `std::size_t MemoryBytes() const`, all that it owns with sizeof included,
// waiting values are accounted with that, else with sizeof.
//
//   endpoints.Publish(std::move(fresh));                  // any thread
//   const Endpoint& one = endpoints.Read()->Pick(hash);   // on a loop, until its turn ends
//   const Held<Endpoints> all = endpoints.Hold();         // anywhere, for as long as it takes
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

#include "flywheel/base/mutex.h"
#include "flywheel/base/quiescent.h"
#include "flywheel/base/thread_slot.h"

namespace flywheel::inline v0 {

namespace internal {

#ifdef NDEBUG
inline constexpr bool kCheckBorrows = false;
#else
inline constexpr bool kCheckBorrows = true;
#endif

[[noreturn]] void RefuseRead(const QuiescentParticipant* reader);
[[noreturn]] void RefuseBorrow(const QuiescentParticipant* lender);
[[noreturn]] void RefuseNull();

// What a borrow remembers in order to notice that its turn is over.
template <bool kChecked>
class BorrowTurn {
 public:
  explicit BorrowTurn(const QuiescentParticipant&) noexcept {}
  void Verify() const noexcept {}
};

template <>
class BorrowTurn<true> {
 public:
  explicit BorrowTurn(const QuiescentParticipant& lender) noexcept : lender_(&lender), turn_(lender.turn()) {}
  void Verify() const noexcept {
    if (thread_slot.participant != lender_ || lender_->turn() != turn_) [[unlikely]]
      RefuseBorrow(thread_slot.participant);
  }

 private:
  const QuiescentParticipant* lender_;
  std::uint64_t turn_;
};

template <typename T>
class SnapshotNode final : public QuiescentNode {
 public:
  using Stored = std::conditional_t<std::is_abstract_v<T>, std::unique_ptr<const T>, const T>;

  template <typename... Args>
  explicit SnapshotNode(Args&&... args) : stored_(std::forward<Args>(args)...) {
    if constexpr (std::is_abstract_v<T>) {
      if (stored_ == nullptr) RefuseNull();
    }
    set_bytes(sizeof(SnapshotNode) + OutsideBytes());
  }

  [[nodiscard]] const T& value() const noexcept {
    if constexpr (std::is_abstract_v<T>) {
      return *stored_;
    } else {
      return stored_;
    }
  }

  std::uint64_t version = 1;  // written before the node is linked

 private:
  [[nodiscard]] std::size_t OutsideBytes() const {
    constexpr std::size_t kInside = std::is_abstract_v<T> ? 0 : sizeof(T);
    if constexpr (requires(const T& value) {
                    { value.MemoryBytes() } -> std::convertible_to<std::size_t>;
                  }) {
      return value().MemoryBytes() - kInside;
    } else {
      return sizeof(T) - kInside;
    }
  }

  Stored stored_;
};

}  // namespace internal

template <typename T>
class Snapshot;

// A counted reference to one value of a Snapshot. Copy, keep, pass to any thread; it may outlive the Snapshot and the
// domain. The last one destroys the value, on its thread.
template <typename T>
class Held {
 public:
  Held() noexcept = default;
  Held(const Held& other) noexcept : node_(other.node_) {
    if (node_ != nullptr) node_->Ref();
  }
  Held(Held&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  Held& operator=(Held other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~Held() {
    if (node_ != nullptr) node_->Unref();
  }

  [[nodiscard]] explicit operator bool() const noexcept { return node_ != nullptr; }
  // Not of an empty one.
  const T& operator*() const noexcept { return node_->value(); }
  const T* operator->() const noexcept { return &node_->value(); }
  [[nodiscard]] std::uint64_t version() const noexcept { return node_->version; }

 private:
  using Node = internal::SnapshotNode<T>;
  friend class Snapshot<T>;
  template <typename U, bool kChecked>
  friend class Borrowed;

  // Takes over one reference.
  explicit Held(const Node* node) noexcept : node_(node) {}

  const Node* node_ = nullptr;
};

// One value of a Snapshot until the turn ends in which it was read. Never null.
template <typename T, bool kChecked = internal::kCheckBorrows>
class Borrowed {
 public:
  const T& operator*() const noexcept { return node().value(); }
  const T* operator->() const noexcept { return &node().value(); }
  [[nodiscard]] std::uint64_t version() const noexcept { return node().version; }
  // Keeps this very value beyond the turn.
  [[nodiscard]] Held<T> Hold() const noexcept {
    node().Ref();
    return Held<T>(node_);
  }

 private:
  using Node = internal::SnapshotNode<T>;
  friend class Snapshot<T>;

  Borrowed(const Node* node, const QuiescentParticipant& lender) noexcept : node_(node), turn_(lender) {}

  const Node& node() const noexcept {
    turn_.Verify();
    return *node_;
  }

  const Node* node_;
  [[no_unique_address]] internal::BorrowTurn<kChecked> turn_;
};

template <typename T>
class Snapshot {
  using Node = internal::SnapshotNode<T>;

 public:
  template <typename U = T>
    requires std::constructible_from<typename Node::Stored, U>
  Snapshot(QuiescentDomain& domain, U&& initial) : Snapshot(domain, std::in_place, std::forward<U>(initial)) {}
  // Constructs the first value from `args`.
  template <typename... Args>
  Snapshot(QuiescentDomain& domain, std::in_place_t, Args&&... args) : domain_(domain) {
    (void)domain_.Publish(current_, std::make_unique<Node>(std::forward<Args>(args)...).release());
    domain_.AddUser();
  }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  // Nobody may be reading, publishing or holding as it begins; what is borrowed or held stays valid.
  ~Snapshot() {
    domain_.Retire(current_.load(std::memory_order_relaxed));
    domain_.RemoveUser();
  }

  // Replaces the value for all readers and returns its version, which is one more than that of the value it replaces.
  // Any thread. Values that were replaced earlier may be destroyed here.
  template <typename U = T>
    requires std::constructible_from<typename Node::Stored, U>
  std::uint64_t Publish(U&& value) {
    return Emplace(std::forward<U>(value));
  }
  // The same with a value that is constructed in place.
  template <typename... Args>
  std::uint64_t Emplace(Args&&... args) {
    return Install(std::make_unique<Node>(std::forward<Args>(args)...));
  }

  // The newest value, until this loop's turn ends. Only on a loop of the domain, in a turn. kChecked is a template
  // parameter so that a program made of parts with and without NDEBUG has two functions, not two meanings of one.
  template <bool kChecked = internal::kCheckBorrows>
  [[nodiscard]] Borrowed<T, kChecked> Read() const noexcept {
    QuiescentParticipant* const reader = thread_slot.participant;
    if (reader == nullptr || &reader->domain() != &domain_) [[unlikely]]
      internal::RefuseRead(reader);
    return {domain_.Read(current_, *reader), *reader};
  }

  // The newest value, for as long as the result lives. Any thread.
  [[nodiscard]] Held<T> Hold() const {
    QuiescentParticipant* const reader = thread_slot.participant;
    if (reader != nullptr && &reader->domain() == &domain_) return Read<false>().Hold();
    const MutexLock lock(mutex_);  // the snapshot's own reference lasts at least as long
    const Node* const node = current_.load(std::memory_order_relaxed);
    node->Ref();
    return Held<T>(node);
  }

 private:
  std::uint64_t Install(std::unique_ptr<Node> fresh) FW_EXCLUDES(mutex_) {
    Node* old = nullptr;
    std::uint64_t version = 0;
    {
      const MutexLock lock(mutex_);
      version = current_.load(std::memory_order_relaxed)->version + 1;
      fresh->version = version;
      old = domain_.Publish(current_, fresh.release());
    }
    domain_.Retire(old);
    return version;
  }

  // What readers load, apart from what foreign threads and publishers write.
  alignas(64) QuiescentDomain& domain_;
  std::atomic<Node*> current_{nullptr};
  alignas(64) mutable Mutex mutex_;  // of publishers, and of Hold() on foreign threads
};

}  // namespace flywheel::inline v0
