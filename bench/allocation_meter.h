// Counts the allocations of another process, for a server that is measured from outside.
//
// The process is started with environment() added to its environment: a preloaded library then counts all its calls to
// the allocator, whatever library they come from, in pages that this object can read at any time. Counting costs about
// a nanosecond a call, so CPU time is measured in other runs. A program that brings its own malloc (as benchmark
// programs do), is linked statically or is set-uid counts nothing; Read() then fails instead of saying 0.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/allocations.h"
#include "flywheel/base/status_or.h"

namespace flywheel::bench {

class AllocationMeter {
 public:
  // `library` is the preload library, libflywheel_bench_allocations.so of the same build.
  static StatusOr<AllocationMeter> Create(const std::string& library);
  AllocationMeter(AllocationMeter&&) noexcept;
  AllocationMeter& operator=(AllocationMeter&&) = delete;
  ~AllocationMeter();

  // NAME=value, for one process; a second one would overwrite the counts of the first.
  [[nodiscard]] std::vector<std::string> environment() const;
  // Since the process was started, at the latest its main(). FAILED_PRECONDITION if nothing counts there.
  [[nodiscard]] StatusOr<Allocations> Read() const;

 private:
  class Pages;
  AllocationMeter(std::string library, std::unique_ptr<Pages> pages);

  std::string library_;
  std::unique_ptr<Pages> pages_;
};

}  // namespace flywheel::bench
