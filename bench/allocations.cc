#include "bench/allocations.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "bench/internal/allocation_table.h"

namespace flywheel::bench {
namespace {

using internal::AllocationLine;
using internal::AllocationTable;

// The state of an allocator has to be reachable before main() and from any thread, without an allocation.
constinit AllocationTable table;
[[gnu::tls_model("initial-exec")]] constinit thread_local AllocationLine* thread_line = nullptr;

AllocationLine& ThisLine() {
  if (thread_line == nullptr) [[unlikely]] {
    const std::size_t index = table.claimed.fetch_add(1, std::memory_order_relaxed);
    thread_line = index < kCountedThreads ? &table.lines[index] : &table.shared;
  }
  return *thread_line;
}

#ifndef FW_BENCH_SANITIZED
void Count(std::size_t bytes) {
  AllocationLine& line = ThisLine();
  if (&line == &table.shared) [[unlikely]] {
    line.calls.fetch_add(1, std::memory_order_relaxed);
    line.bytes.fetch_add(bytes, std::memory_order_relaxed);
    return;
  }
  // One writer: a load and a store are enough, and other threads never see a torn value.
  line.calls.store(line.calls.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  line.bytes.store(line.bytes.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
}
#endif

}  // namespace

// A thread that shares its line sees the others' calls as its own; they are counted rather too often than lost.
Allocations ThreadAllocations() { return ThisLine().Read(); }

Allocations ProcessAllocations() { return table.Sum(); }

bool internal::ShareAllocations(const char* path) {
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  table.attached.store(1, std::memory_order_relaxed);
  const bool copied = pwrite(fd, &table, sizeof table, 0) == static_cast<ssize_t>(sizeof table);
  const bool mapped = copied && mmap(&table, sizeof table, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
                                    static_cast<void*>(&table);
  close(fd);
  return mapped;
}

}  // namespace flywheel::bench

#ifndef FW_BENCH_SANITIZED

// glibc's own entry points. free() needs no replacement: the blocks are glibc's.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void* __libc_valloc(std::size_t size);
void* __libc_pvalloc(std::size_t size);

// Visible to the dynamic linker although the tree is built hidden: this is what makes the shared libraries call here.
#define FW_BENCH_REPLACES [[gnu::visibility("default")]]

FW_BENCH_REPLACES void* malloc(std::size_t size) noexcept {
  flywheel::bench::Count(size);
  return __libc_malloc(size);
}
FW_BENCH_REPLACES void* calloc(std::size_t count, std::size_t size) noexcept {
  flywheel::bench::Count(count * size);  // an overflow fails below, after a harmless wrong byte count
  return __libc_calloc(count, size);
}
FW_BENCH_REPLACES void* realloc(void* block, std::size_t size) noexcept {
  flywheel::bench::Count(size);
  return __libc_realloc(block, size);
}
FW_BENCH_REPLACES void* memalign(std::size_t alignment, std::size_t size) noexcept {
  flywheel::bench::Count(size);
  return __libc_memalign(alignment, size);
}
FW_BENCH_REPLACES void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  flywheel::bench::Count(size);
  return __libc_memalign(alignment, size);
}
FW_BENCH_REPLACES int posix_memalign(void** block, std::size_t alignment, std::size_t size) noexcept {
  if (alignment < sizeof(void*) || (alignment & (alignment - 1)) != 0) return EINVAL;
  flywheel::bench::Count(size);
  void* const made = __libc_memalign(alignment, size);
  if (made == nullptr) return ENOMEM;
  *block = made;
  return 0;
}
FW_BENCH_REPLACES void* valloc(std::size_t size) noexcept {
  flywheel::bench::Count(size);
  return __libc_valloc(size);
}
FW_BENCH_REPLACES void* pvalloc(std::size_t size) noexcept {
  flywheel::bench::Count(size);
  return __libc_pvalloc(size);
}

}  // extern "C"

#endif
