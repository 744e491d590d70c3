// Descriptor: owns a file descriptor and closes it.
//
// For the few places of the runtime that talk to the kernel; everyone else holds a Socket or a File. An error of
// close() is not reported, because nobody could do anything about it: what must be durable is synced before.
#pragma once

#include <unistd.h>

#include <utility>

namespace flywheel::inline v0 {

class Descriptor {
 public:
  Descriptor() noexcept = default;
  explicit Descriptor(int descriptor) noexcept : descriptor_(descriptor) {}
  Descriptor(Descriptor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~Descriptor() { Close(); }

  [[nodiscard]] bool valid() const noexcept { return descriptor_ >= 0; }
  [[nodiscard]] int get() const noexcept { return descriptor_; }
  [[nodiscard]] int Release() noexcept { return std::exchange(descriptor_, -1); }
  void Close() noexcept {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  }

 private:
  int descriptor_ = -1;
};

}  // namespace flywheel::inline v0
