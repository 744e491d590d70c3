// Reactor: where a loop waits for the outside, and Readiness, what it learns there.
//
// The seam between a loop and its world: EpollReactor waits for file descriptors, a simulation delivers events of its
// virtual network. A reactor runs no user code: Poll marks Readiness objects and wakes who waits in them.
#pragma once

#include "flywheel/base/status.h"
#include "flywheel/base/time.h"
#include "flywheel/runtime/suspension.h"

namespace flywheel::inline v0 {

// Whether an I/O object can be read and written without blocking, edge by edge: set by the reactor, cleared by whoever
// met EAGAIN. At most one reader and one writer wait. Home loop only.
class Readiness {
 public:
  Readiness() noexcept = default;
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;
  ~Readiness();

  class Awaiter;
  // Waits until the object is probably readable or writable (or closed by the peer, or failed: the next read or write
  // says so). The status is the cause if the context is cancelled first.
  [[nodiscard]] Awaiter Readable(std::source_location where = std::source_location::current()) noexcept;
  [[nodiscard]] Awaiter Writable(std::source_location where = std::source_location::current()) noexcept;

  // After the end of the stream an object stays readable, after a failure writable too: nobody may wait for more.
  [[nodiscard]] bool readable() const noexcept { return readable_ || ended_ || failed_; }
  [[nodiscard]] bool writable() const noexcept { return writable_ || failed_; }
  void ClearReadable() noexcept { readable_ = false; }
  void ClearWritable() noexcept { writable_ = false; }

  // For reactors. `ended`: the peer will send no more; `failed`: nothing moves in either direction any more.
  struct Edges {
    bool readable = false;
    bool writable = false;
    bool ended = false;
    bool failed = false;
  };
  void Signal(Edges edges) noexcept;

 private:
  friend class Awaiter;
  bool readable_ = true;  // a first try costs less than waiting for the first edge
  bool writable_ = true;
  bool ended_ = false;
  bool failed_ = false;
  Awaiter* reader_ = nullptr;
  Awaiter* writer_ = nullptr;
};

class [[nodiscard]] Readiness::Awaiter final : public Suspension {
 public:
  enum class Side : unsigned char { kRead, kWrite };

  Awaiter(Readiness& readiness, Side side, std::source_location where) noexcept
      : Suspension(side == Side::kRead ? "Readable" : "Writable", where), readiness_(&readiness), side_(side) {}
  ~Awaiter() { Leave(); }

  // Also where nothing has to be waited for the loop must turn now and then, for the sake of the others on it.
  bool await_ready() noexcept { return CancelledAlready() || (Ready() && MayGoOn()); }
  void await_suspend(std::coroutine_handle<> handle) noexcept {
    if (Ready()) {
      Suspend(handle);
      WakeNextTurn();
      return;
    }
    Awaiter*& slot = Slot();
    FW_CHECK(slot == nullptr) << "two tasks wait for the same " << what() << "; one reader and one writer may";
    slot = this;
    Suspend(handle);
  }
  [[nodiscard]] Status await_resume() const { return WaitStatus(); }

 private:
  friend class Readiness;

  [[nodiscard]] bool Ready() const noexcept {
    return side_ == Side::kRead ? readiness_->readable() : readiness_->writable();
  }
  static bool MayGoOn() noexcept;
  Awaiter*& Slot() noexcept { return side_ == Side::kRead ? readiness_->reader_ : readiness_->writer_; }
  void Leave() noexcept {
    if (readiness_ != nullptr && Slot() == this) Slot() = nullptr;
  }
  bool Cancelled() noexcept override {
    Leave();
    return true;
  }

  Readiness* readiness_;  // null when it was destroyed first, in a simulated crash
  Side side_;
};

inline Readiness::Awaiter Readiness::Readable(std::source_location where) noexcept {
  return Awaiter(*this, Awaiter::Side::kRead, where);
}
inline Readiness::Awaiter Readiness::Writable(std::source_location where) noexcept {
  return Awaiter(*this, Awaiter::Side::kWrite, where);
}

class Reactor {
 public:
  virtual ~Reactor() = default;

  // Waits at most `wait` (zero does not block, Duration::max() for ever) for an event or a Wake, then signals all that
  // happened. Returns the number of events. Home thread.
  virtual int Poll(Duration wait) = 0;
  // Ends a Poll that blocks, or the next one. Any thread.
  virtual void Wake() noexcept = 0;
  // Reports edges of a descriptor to `readiness` until Unwatch; both must outlive the watch. Home thread.
  virtual Status Watch(int descriptor, Readiness& readiness) = 0;
  virtual void Unwatch(int descriptor) noexcept = 0;
};

}  // namespace flywheel::inline v0
