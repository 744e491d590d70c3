// What the tests of this room share: a simulated host to run a task in, and reports that another thread can wait for.
//
// OneHost is a world with one host and one loop; Run aborts if the world comes to rest first, because a test that
// expects that asks the world itself. ReportLog keeps what a real Host reports; Await blocks until a report has come
// that contains a text, so that a test of the watchdog needs neither a clock nor a pause.
#pragma once

#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "flywheel/base/mutex.h"
#include "flywheel/runtime/report.h"
#include "flywheel/runtime/sim/world.h"

namespace flywheel::inline v0 {

// What GoogleTest shows of a Status.
inline void PrintTo(const Status& status, std::ostream* out) { *out << status.ToString(); }

}  // namespace flywheel::inline v0

namespace flywheel::inline v0::internal {

struct OneHost {
  explicit OneHost(std::uint64_t seed = 1, int loops = 1) : world(seed), host(world.AddHost({.loops = loops})) {}

  template <typename T>
  T Run(Task<T> task, std::source_location where = std::source_location::current()) {
    auto result = world.Run(host, std::move(task), where);
    if constexpr (std::is_void_v<T>) {
      FW_CHECK(result.ok()) << result;
    } else if constexpr (std::same_as<T, decltype(result)>) {
      return result;
    } else {
      FW_CHECK(result.ok()) << result.status();
      return *std::move(result);
    }
  }

  sim::SimWorld world;
  sim::SimHost& host;
};

class ReportLog {
 public:
  struct Entry {
    ReportKind kind;
    std::string text;
  };

  // A sink that writes here; the log outlives the Host.
  std::unique_ptr<ReportSink> Sink() { return std::make_unique<Forward>(*this); }

  [[nodiscard]] std::vector<Entry> entries() const {
    const MutexLock lock(mutex_);
    return entries_;
  }
  // Waits until there are `count` reports of this kind.
  void AwaitMany(ReportKind kind, int count) {
    const MutexLock lock(mutex_);
    for (std::size_t next = 0; count > 0;) {
      for (; next < entries_.size(); ++next) count -= entries_[next].kind == kind ? 1 : 0;
      if (count > 0) changed_.Wait(mutex_);
    }
  }
  // The first report of this kind that contains `text`, waiting for it as long as it takes.
  Entry Await(ReportKind kind, std::string_view text = "") {
    const MutexLock lock(mutex_);
    for (std::size_t next = 0;;) {
      for (; next < entries_.size(); ++next) {
        if (entries_[next].kind == kind && entries_[next].text.contains(text)) return entries_[next];
      }
      changed_.Wait(mutex_);
    }
  }

 private:
  class Forward final : public ReportSink {
   public:
    explicit Forward(ReportLog& log) noexcept : log_(log) {}
    void Report(ReportKind kind, std::string_view text) override {
      const MutexLock lock(log_.mutex_);
      log_.entries_.push_back({.kind = kind, .text = std::string(text)});
      log_.changed_.SignalAll();
    }

   private:
    ReportLog& log_;
  };

  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<Entry> entries_ FW_GUARDED_BY(mutex_);
};

}  // namespace flywheel::inline v0::internal
