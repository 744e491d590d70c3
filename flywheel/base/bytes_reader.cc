#include "flywheel/base/bytes_reader.h"

#include <algorithm>
#include <cstring>

namespace flywheel::inline v0 {

void BytesReader::Skip(std::size_t bytes) {
  FW_CHECK(bytes <= remaining_) << "Skip(" << bytes << ") at " << offset() << " of " << bytes_->size() << " bytes";
  remaining_ -= bytes;
  while (bytes >= chunk_.size() && !chunk_.empty()) {
    bytes -= chunk_.size();
    Enter(index_ + 1);
  }
  chunk_ = chunk_.subspan(bytes);
}

std::span<const std::byte> BytesReader::ReadContiguous(std::size_t bytes, std::span<std::byte> scratch) {
  FW_CHECK(bytes <= remaining_) << "reading " << bytes << " bytes at " << offset() << " of " << bytes_->size();
  if (bytes <= chunk_.size()) {
    const auto block = chunk_.first(bytes);
    Skip(bytes);
    return block;
  }
  FW_CHECK(bytes <= scratch.size()) << bytes << " bytes that lie in several pieces, scratch for " << scratch.size();
  const auto block = scratch.first(bytes);
  ReadInto(block);
  return block;
}

void BytesReader::ReadInto(std::span<std::byte> to) {
  FW_CHECK(to.size() <= remaining_) << "reading " << to.size() << " bytes at " << offset() << " of " << bytes_->size();
  while (!to.empty()) {
    const std::size_t count = std::min(to.size(), chunk_.size());
    std::memcpy(to.data(), chunk_.data(), count);
    to = to.subspan(count);
    Skip(count);
  }
}

std::span<const std::byte> BytesReader::ReadChunk() {
  const auto chunk = chunk_;
  Skip(chunk.size());
  return chunk;
}

Bytes BytesReader::ReadShared(std::size_t bytes) {
  Bytes shared = bytes_->Share(offset(), bytes);
  Skip(bytes);
  return shared;
}

}  // namespace flywheel::inline v0
