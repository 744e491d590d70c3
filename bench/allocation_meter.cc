#include "bench/allocation_meter.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "bench/internal/allocation_table.h"

namespace flywheel::bench {

class AllocationMeter::Pages {
 public:
  static StatusOr<std::unique_ptr<Pages>> Map() {
    auto pages = std::make_unique<Pages>();
    pages->fd_ = memfd_create("allocations", MFD_CLOEXEC);
    if (pages->fd_ < 0) return ErrnoStatus(errno, "memfd_create");
    if (ftruncate(pages->fd_, kBytes) != 0) return ErrnoStatus(errno, "ftruncate");
    void* const address = mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, pages->fd_, 0);
    if (address == MAP_FAILED) return ErrnoStatus(errno, "mmap");
    pages->table_ = static_cast<const internal::AllocationTable*>(address);
    return pages;
  }
  Pages() = default;
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;
  ~Pages() {
    if (table_ != nullptr) munmap(const_cast<internal::AllocationTable*>(table_), kBytes);
    if (fd_ >= 0) close(fd_);
  }

  [[nodiscard]] const internal::AllocationTable& table() const { return *table_; }
  // How another process opens the pages: the descriptor itself is not inherited.
  [[nodiscard]] std::string path() const { return "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(fd_); }

 private:
  static constexpr std::size_t kBytes = sizeof(internal::AllocationTable);

  int fd_ = -1;
  const internal::AllocationTable* table_ = nullptr;
};

StatusOr<AllocationMeter> AllocationMeter::Create(const std::string& library) {
  // The dynamic linker only warns about a library that it cannot preload.
  if (!std::filesystem::exists(library)) {
    return NotFound("the library that counts allocations, " + library + ", is not there; build the target benches");
  }
  FW_ASSIGN_OR_RETURN(std::unique_ptr<Pages> pages, Pages::Map());
  return AllocationMeter(library, std::move(pages));
}

AllocationMeter::AllocationMeter(std::string library, std::unique_ptr<Pages> pages)
    : library_(std::move(library)), pages_(std::move(pages)) {}
AllocationMeter::AllocationMeter(AllocationMeter&&) noexcept = default;
AllocationMeter::~AllocationMeter() = default;

std::vector<std::string> AllocationMeter::environment() const {
  return {"LD_PRELOAD=" + library_, "FLYWHEEL_BENCH_ALLOCATIONS=" + pages_->path()};
}

StatusOr<Allocations> AllocationMeter::Read() const {
  const internal::AllocationTable& table = pages_->table();
  if (table.attached.load(std::memory_order_relaxed) == 0) {
    return FailedPrecondition("the program does not count its allocations; is it static, or set-uid?");
  }
  return table.Sum();
}

}  // namespace flywheel::bench
