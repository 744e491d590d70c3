// Extension: what a room above the runtime hangs on a Host or on a Loop.
//
// A Host owns everything a process owns once, but must not know the rooms above it; so each of those has a number here,
// and its part is made when it is first asked for. Asking again is one load and no lock. A part of a Host lives until
// the Host ends, after its loops; a part of a Loop until that loop ends. They go in the reverse order of their making.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <memory>
#include <vector>

#include "flywheel/base/mutex.h"

namespace flywheel::inline v0 {

// Which part a type is: `static constexpr ExtensionSlot kSlot = ExtensionSlot::kMetrics;` in the type.
enum class ExtensionSlot : unsigned char { kMetrics, kTracing, kLogging, kRuntimeMetrics, kRpc, kConfig };
inline constexpr std::size_t kExtensionSlots = 6;

class Extension {
 public:
  virtual ~Extension() = default;
};

class Extensions {
 public:
  Extensions() noexcept = default;
  Extensions(const Extensions&) = delete;
  Extensions& operator=(const Extensions&) = delete;
  ~Extensions();

  // The owner's T, made as T(owner) at the first call. Any thread, unless T says otherwise.
  template <typename T, typename Owner>
  T& Get(Owner& owner) {
    Extension* const found = slots_[Index<T>()].load(std::memory_order_acquire);
    if (found != nullptr) [[likely]]
      return static_cast<T&>(*found);
    return static_cast<T&>(Make(
        Index<T>(),
        [](void* who) -> std::unique_ptr<Extension> { return std::make_unique<T>(*static_cast<Owner*>(who)); },
        &owner));
  }
  // Null if nobody has asked for it yet.
  template <typename T>
  [[nodiscard]] T* Find() const noexcept {
    return static_cast<T*>(slots_[Index<T>()].load(std::memory_order_acquire));
  }

 private:
  using Factory = std::unique_ptr<Extension> (*)(void* owner);

  template <typename T>
  static constexpr std::size_t Index() noexcept {
    return static_cast<std::size_t>(T::kSlot);
  }
  // Making a part may ask for another.
  Extension& Make(std::size_t index, Factory factory, void* owner);

  std::array<std::atomic<Extension*>, kExtensionSlots> slots_{};
  Mutex mutex_;
  std::vector<std::unique_ptr<Extension>> made_ FW_GUARDED_BY(mutex_);
};

}  // namespace flywheel::inline v0
