// ForEachIndex: a few threads over a list of independent jobs.
//
// For checks that wait for other programs. The number of threads is the caller's, because the machine is shared with
// whatever else a build does; results go to places of their own, so that nothing needs a lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace flywheel::tidy {

// Calls work(i) once for each i below `count`, on at most `threads` threads; returns when all have ended.
template <typename Work>
void ForEachIndex(std::size_t count, int threads, const Work& work) {
  std::atomic<std::size_t> next = 0;
  std::vector<std::jthread> pool;
  for (int i = 0; i < threads && static_cast<std::size_t>(i) < count; ++i) {
    pool.emplace_back([&] {
      for (std::size_t at = next.fetch_add(1); at < count; at = next.fetch_add(1)) work(at);
    });
  }
}

}  // namespace flywheel::tidy
