// QuiescentDomain: frees what readers borrowed without telling anyone, once every loop has ended its turn.
//
// Each loop of a host joins with a QuiescentParticipant. What it reads in a turn (Snapshot<T>::Read) is its own until
// TurnEnd or Park; a value replaced meanwhile waits here. Ending a turn is two plain stores. A turn that does not end
// keeps only what was current between its beginning and its last read, and of each snapshot the value that came next:
// other loops see new values at once, and newer ones are freed past the stalled loop. What waits is bounded by
//     max(limit, 2 * what open turns may hold) + the value just retired
// and reported: Stats() for metrics, Stalls() names the participant and what it costs. A turn that goes on reading
// while others publish keeps all that was current meanwhile; long work should take Hold() and let the turn end.
// Freeing is done by who retires and by Reclaim(), which housekeeping calls now and then, or the last retired values
// would wait for the next one. The argument why this is safe is in internal/quiescent_protocol.h.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "flywheel/base/internal/quiescent_protocol.h"
#include "flywheel/base/mutex.h"

namespace flywheel::inline v0 {

class QuiescentDomain;

// Base of what a domain frees: an immutable value with a count of its owners, of whom the domain is one.
class QuiescentNode : public internal::QuiescentLifetime {
 public:
  QuiescentNode() noexcept = default;
  QuiescentNode(const QuiescentNode&) = delete;
  QuiescentNode& operator=(const QuiescentNode&) = delete;

  // Only while the caller has a reference or a borrow.
  void Ref() const noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
  // The last one destroys the value, on the calling thread.
  void Unref() const noexcept;

 protected:
  virtual ~QuiescentNode() = default;

  // What Stats() counts for it; before it is retired.
  void set_bytes(std::size_t bytes) noexcept { bytes_ = bytes; }

 private:
  friend class QuiescentDomain;

  mutable std::atomic<std::uint32_t> references_{1};
  std::size_t bytes_ = 0;
  QuiescentNode* next_ = nullptr;  // in the domain's list
};

// When waiting values are looked at one by one instead of waiting for turns to end. Crossing a limit costs time, never
// safety: what an open turn holds stays.
struct QuiescentLimits {
  // 25 ms of a 10 kHz writer: more than turns take where all is well.
  std::size_t retired_values_max = 256;
  std::size_t retired_bytes_max = std::size_t{16} << 20;
  bool operator==(const QuiescentLimits&) const = default;
};

struct QuiescentStats {
  std::uint64_t era = 0;  // grows by one with each retired value
  std::size_t participants = 0;
  std::size_t retired_values = 0;  // waiting
  std::size_t retired_bytes = 0;
  std::size_t retired_values_peak = 0;
  std::size_t retired_bytes_peak = 0;
  std::uint64_t freed_values = 0;
  std::uint64_t scans = 0;             // times a limit was crossed and values were looked at one by one
  std::uint64_t scans_over_limit = 0;  // of these, times that open turns held more than the limit
};

// An open turn that keeps values waiting.
struct QuiescentStall {
  std::string participant;
  std::uint64_t eras_behind = 0;  // publishes since the turn began
  std::size_t values = 0;         // waiting values that this turn may hold, and perhaps others too
  std::size_t bytes = 0;

  [[nodiscard]] std::string ToString() const;
};

// One loop's place in the domain. All but the constructor, the destructor and name() belong to the loop's thread; the
// destructor finds it parked. Aligned so that the stores of one loop do not slow another's.
class alignas(64) QuiescentParticipant {
 public:
  // `name` is what Stalls() calls it, for example "loop 3". Starts parked.
  QuiescentParticipant(QuiescentDomain& domain, std::string name);
  QuiescentParticipant(const QuiescentParticipant&) = delete;
  QuiescentParticipant& operator=(const QuiescentParticipant&) = delete;
  ~QuiescentParticipant();

  // Makes this the thread's participant, and reading possible. Needed after Park; harmless in a turn.
  void TurnBegin() noexcept;
  // Gives back all that was borrowed. The next turn has begun.
  void TurnEnd() noexcept;
  // Gives back all that was borrowed and keeps nothing alive until TurnBegin: before a loop waits.
  void Park() noexcept;

  [[nodiscard]] bool in_turn() const noexcept {
    return announcement_.entered.load(std::memory_order_relaxed) != Protocol::kParked;
  }
  // Changes whenever borrows end.
  [[nodiscard]] std::uint64_t turn() const noexcept { return turn_; }
  [[nodiscard]] const QuiescentDomain& domain() const noexcept { return domain_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 private:
  friend class QuiescentDomain;
  using Protocol = internal::QuiescentProtocol<internal::HardwareMemory>;

  Protocol::Announcement announcement_{.entered{Protocol::kParked}, .last_read{0}};
  std::uint64_t turn_ = 0;
  QuiescentDomain& domain_;
  const std::string name_;
};

// Thread-safe. Outlives its participants and the snapshots made with it; not what is held.
class QuiescentDomain {
 public:
  explicit QuiescentDomain(QuiescentLimits limits = {}) noexcept : limits_(limits) {}
  QuiescentDomain(const QuiescentDomain&) = delete;
  QuiescentDomain& operator=(const QuiescentDomain&) = delete;
  ~QuiescentDomain();

  // Frees what nobody can hold any more and returns how many values that were. Destructors run here, without a lock.
  std::size_t Reclaim() FW_EXCLUDES(mutex_);

  [[nodiscard]] QuiescentStats Stats() const FW_EXCLUDES(mutex_);
  // Open turns that keep waiting values, the longest first.
  [[nodiscard]] std::vector<QuiescentStall> Stalls() const FW_EXCLUDES(mutex_);

  // For Snapshot and structures like it. Add and Remove count what must be gone before the domain.
  void AddUser() FW_EXCLUDES(mutex_);
  void RemoveUser() FW_EXCLUDES(mutex_);
  // What `link` points to, borrowed until `reader` ends its turn.
  template <typename Node>
  [[nodiscard]] Node* Read(const std::atomic<Node*>& link, QuiescentParticipant& reader) const noexcept {
    return Protocol::Read(link, reader.announcement_, era_);
  }
  // Links `fresh` and returns what it replaces, which the caller then retires. One writer of `link` at a time.
  template <typename Node>
  [[nodiscard]] Node* Publish(std::atomic<Node*>& link, Node* fresh) noexcept {
    return Protocol::Publish(link, fresh, era_);
  }
  // Takes over one reference of a node that no link leads to, and frees what can be freed.
  void Retire(QuiescentNode* node) FW_EXCLUDES(mutex_);

 private:
  friend class QuiescentParticipant;
  using Protocol = internal::QuiescentProtocol<internal::HardwareMemory>;
  using Interval = Protocol::Interval;

  // How much Collect looks at: single values always, or only above a limit.
  enum class Effort : std::uint8_t { kUsual, kThorough };

  // Moves what nobody can hold to the list `freed`.
  void Collect(Effort effort, QuiescentNode*& freed) FW_REQUIRES(mutex_);
  // Reads all announcements into observed_ and returns the oldest open turn's era.
  std::uint64_t ObserveAll() FW_REQUIRES(mutex_);
  // Moves the node that `place` points to from the waiting list to `freed`.
  void Take(QuiescentNode*& place, QuiescentNode*& freed) FW_REQUIRES(mutex_);
  static std::size_t Free(QuiescentNode* freed);

  const QuiescentLimits limits_;
  // Read by every loop in every Read, written by a publish: alone on its line.
  alignas(64) std::atomic<std::uint64_t> era_{Protocol::kFirstEra};

  alignas(64) mutable Mutex mutex_;
  std::vector<QuiescentParticipant*> participants_ FW_GUARDED_BY(mutex_);
  std::vector<Interval> observed_ FW_GUARDED_BY(mutex_);  // of open turns; kept for its memory
  std::size_t users_ FW_GUARDED_BY(mutex_) = 0;
  // What waits, in order of retirement.
  QuiescentNode* first_ FW_GUARDED_BY(mutex_) = nullptr;
  QuiescentNode** end_ FW_GUARDED_BY(mutex_) = &first_;
  // Above these Collect looks at single values: the limits, or more where open turns really hold more.
  std::size_t scan_values_ FW_GUARDED_BY(mutex_) = limits_.retired_values_max;
  std::size_t scan_bytes_ FW_GUARDED_BY(mutex_) = limits_.retired_bytes_max;
  QuiescentStats stats_ FW_GUARDED_BY(mutex_);
};

}  // namespace flywheel::inline v0
