// Holders: who holds a Context, for the report that names them.
//
// A debug build records every reference of every Context; another one those of one Context in kSampleEvery, so that a
// leak that repeats is named soon and the hot path pays a branch. A reference is known by its address and by the line
// that made it; lines of the runtime's own (a child's reference to its parent) stand for the line that called it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <source_location>
#include <unordered_map>
#include <vector>

#include "flywheel/base/mutex.h"

namespace flywheel::inline v0::internal {

class Holders {
 public:
#ifdef NDEBUG
  static constexpr std::uint64_t kSampleEvery = 256;
#else
  static constexpr std::uint64_t kSampleEvery = 1;
#endif

  // Any thread.
  void Add(const void* reference, std::source_location where);
  void Remove(const void* reference) noexcept;
  void Move(const void* from, const void* to);
  // In the order of file and line.
  [[nodiscard]] std::vector<std::source_location> List() const;

 private:
  mutable Mutex mutex_;
  std::unordered_map<const void*, std::source_location> places_ FW_GUARDED_BY(mutex_);
};

}  // namespace flywheel::inline v0::internal
