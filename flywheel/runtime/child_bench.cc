#include "flywheel/runtime/child_bench.h"

namespace flywheel::bench {

Task<std::uint64_t> Child(std::uint64_t value) { co_return value; }

Task<void> AddTo(std::uint64_t& sum, std::uint64_t value) {
  sum += value;
  co_return;
}

}  // namespace flywheel::bench
