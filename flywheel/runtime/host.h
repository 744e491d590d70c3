// Host: everything a process owns once.
//
// Clock, randomness, environment, network, files, blocking threads, signals and reports are reached through the Host
// that the current Context names, never through globals; so a process may hold many hosts, and a simulation does. Parts
// are chosen when the host is made and live as long as it does.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "flywheel/base/quiescent.h"
#include "flywheel/runtime/clock.h"
#include "flywheel/runtime/environment.h"
#include "flywheel/runtime/extension.h"
#include "flywheel/runtime/file.h"
#include "flywheel/runtime/network.h"
#include "flywheel/runtime/offload.h"
#include "flywheel/runtime/random.h"
#include "flywheel/runtime/report.h"
#include "flywheel/runtime/resolver.h"
#include "flywheel/runtime/signals.h"

namespace flywheel::inline v0 {

class Host {
 public:
  struct Parts {
    std::string name;
    std::uint64_t seed = 0;
    std::unique_ptr<Clock> clock;
    std::unique_ptr<Environment> environment;
    std::unique_ptr<ReportSink> reports;
    std::unique_ptr<Network> network;
    std::unique_ptr<OffloadExecutor> offload;
    std::unique_ptr<FileSystem> files;
    std::unique_ptr<Resolver> resolver;
    Signals::ExitFunction exit;
  };

  explicit Host(Parts parts);
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host();

  // The kernel's clock, sockets and files, the process's environment, a random seed.
  static Parts SystemParts(std::string name, int offload_threads = 16);

  [[nodiscard]] const std::string& name() const noexcept { return parts_.name; }
  Clock& clock() noexcept { return *parts_.clock; }
  Environment& environment() noexcept { return *parts_.environment; }
  Network& network() noexcept { return *parts_.network; }
  OffloadExecutor& offload() noexcept { return *parts_.offload; }
  FileSystem& files() noexcept { return *parts_.files; }
  Resolver& resolver() noexcept { return *parts_.resolver; }
  Signals& signals() noexcept { return signals_; }
  // Every loop of the host, in the order in which they were made. Any thread.
  std::vector<Loop*> loops() { return signals_.loops(); }
  // Which loops read snapshots; every loop of the host is a participant.
  QuiescentDomain& quiescent() noexcept { return quiescent_; }

  // The part of a room above (extension.h); made at the first call, lives until the Host ends. Any thread.
  template <typename T>
  T& Get() {
    return extensions_.Get<T>(*this);
  }
  template <typename T>
  [[nodiscard]] T* Find() const noexcept {
    return extensions_.Find<T>();
  }

  // The next generator of this host's sequence. Any thread; the order of calls decides who gets which.
  Random NewRandom() noexcept { return Random(parts_.seed + streams_.fetch_add(1, std::memory_order_relaxed)); }
  // Any thread.
  void Report(ReportKind kind, std::string_view text) { parts_.reports->Report(kind, text); }

 private:
  std::atomic<std::uint64_t> streams_{0};
  QuiescentDomain quiescent_;
  Parts parts_;
  Signals signals_;
  Extensions extensions_;  // last: they may use everything else
};

}  // namespace flywheel::inline v0
