#include "flywheel/runtime/sim/sparse_bytes.h"

#include <algorithm>
#include <cstring>

namespace flywheel::inline v0::sim {

SparseBytes& SparseBytes::operator=(const SparseBytes& other) {
  if (this == &other) return *this;
  pages_.clear();
  for (const auto& [number, page] : other.pages_) {
    pages_.emplace_hint(pages_.end(), number, std::make_unique<Page>(*page));
  }
  return *this;
}

void SparseBytes::Read(std::uint64_t offset, std::span<std::byte> to) const {
  while (!to.empty()) {
    const std::size_t at = offset % kPageBytes;
    const std::size_t count = std::min(to.size(), kPageBytes - at);
    const auto found = pages_.find(offset / kPageBytes);
    if (found == pages_.end()) {
      std::memset(to.data(), 0, count);
    } else {
      std::memcpy(to.data(), found->second->data() + at, count);
    }
    to = to.subspan(count);
    offset += count;
  }
}

void SparseBytes::Write(std::uint64_t offset, std::span<const std::byte> from) {
  while (!from.empty()) {
    const std::size_t at = offset % kPageBytes;
    const std::size_t count = std::min(from.size(), kPageBytes - at);
    std::unique_ptr<Page>& page = pages_[offset / kPageBytes];
    if (page == nullptr) page = std::make_unique<Page>();
    std::memcpy(page->data() + at, from.data(), count);
    from = from.subspan(count);
    offset += count;
  }
}

void SparseBytes::ZeroFrom(std::uint64_t offset) {
  const std::uint64_t first = offset / kPageBytes;
  pages_.erase(pages_.lower_bound(first + 1), pages_.end());
  const auto found = pages_.find(first);
  if (found == pages_.end()) return;
  const std::size_t at = offset % kPageBytes;
  std::memset(found->second->data() + at, 0, kPageBytes - at);
}

}  // namespace flywheel::inline v0::sim
