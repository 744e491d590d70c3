// allocating_program N: allocates N times 100 bytes, half of it from a second thread. For allocation_meter_test.
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "bench/harness.h"

int main(int argc, char** argv) {
  int times = 0;
  if (argc != 2 || std::from_chars(argv[1], argv[1] + std::strlen(argv[1]), times).ec != std::errc()) return 2;
  const auto allocate = [times] {
    for (int i = 0; i < times / 2; ++i) {
      void* block = std::malloc(100);
      flywheel::bench::DoNotOptimize(block);
      std::free(block);
    }
  };
  allocate();
  std::thread(allocate).join();
  return 0;
}
