// How a Bytes keeps its pieces and its room; the rules of who may write are in bytes.h.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "flywheel/base/bytes.h"

namespace flywheel::inline v0 {
namespace {

constexpr std::uint32_t kFirstHeapPieces = 8;

}  // namespace

void Bytes::Take(Bytes& other) noexcept {
  room_slab_ = std::exchange(other.room_slab_, nullptr);
  room_ = std::exchange(other.room_, nullptr);
  room_bytes_ = std::exchange(other.room_bytes_, 0);
  TakePieces(other);
}

void Bytes::TakePieces(Bytes& other) noexcept {
  heap_ = std::move(other.heap_);
  capacity_ = std::exchange(other.capacity_, kInlinePieces);
  first_ = std::exchange(other.first_, 0);
  count_ = std::exchange(other.count_, 0);
  headroom_ = std::exchange(other.headroom_, 0);
  size_ = std::exchange(other.size_, 0);
  if (heap_ == nullptr) std::copy_n(other.inline_ + first_, count_, inline_ + first_);
}

void Bytes::PushBack(Slab* slab, std::byte* data, std::size_t size) {
  if (first_ + count_ == capacity_) MakeSlack(/*at_front=*/false);
  Piece& piece = first()[count_++];
  piece.slab_ = slab;
  piece.data_ = data;
  piece.size_ = size;
  size_ += size;
}

void Bytes::PushFront(Slab* slab, std::byte* data, std::size_t size) {
  if (first_ == 0) MakeSlack(/*at_front=*/true);
  --first_;
  ++count_;
  Piece& piece = front();
  piece.slab_ = slab;
  piece.data_ = data;
  piece.size_ = size;
  size_ += size;
}

void Bytes::Link(const Piece& piece) {
  if (count_ > 0 && back().slab_ == piece.slab_ && back().end() == piece.data_) {
    back().size_ += piece.size_;
    size_ += piece.size_;
    piece.slab_->Release(1, Held(piece.slab_) + 1);
  } else {
    PushBack(piece.slab_, piece.data_, piece.size_);
  }
}

// Amortized constant: pieces move only if the array is at most half full and both ends get a quarter of it, or into
// an array of twice the size.
void Bytes::MakeSlack(bool at_front) {
  Piece* const old = first();
  if (heap_ == nullptr && count_ < kInlinePieces) {
    first_ = at_front ? kInlinePieces - count_ : 0;
  } else if (count_ <= capacity_ / 2) {
    first_ = (capacity_ - count_) / 2;
  } else {
    FW_CHECK(capacity_ <= std::numeric_limits<std::uint32_t>::max() / 2) << count_ << " pieces";
    const std::uint32_t capacity = std::max(kFirstHeapPieces, capacity_ * 2);
    auto grown = std::make_unique_for_overwrite<Piece[]>(capacity);
    const std::uint32_t first_in_grown = at_front ? capacity - count_ : 0;
    std::copy_n(old, count_, grown.get() + first_in_grown);
    heap_ = std::move(grown);
    capacity_ = capacity;
    first_ = first_in_grown;
    return;
  }
  std::memmove(first(), old, count_ * sizeof(Piece));
}

void Bytes::PopFront() noexcept {
  Slab* const slab = front().slab_;
  ++first_;
  --count_;
  slab->Release(1, Held(slab));
}

void Bytes::DropPieces() noexcept {
  while (count_ > 0) PopFront();
  first_ = 0;
  size_ = 0;
}

void Bytes::DropRoom() noexcept {
  if (Slab* const slab = std::exchange(room_slab_, nullptr); slab != nullptr) {
    // It may be the last piece's slab, too; that nobody else holds it can be seen with both references.
    const bool of_back = count_ > 0 && back().slab_ == slab;
    slab->Release(1, of_back ? 2 : 1);
  }
  room_ = nullptr;
  room_bytes_ = 0;
}

// The room is what follows `begin` in `slab`, of which a piece holds a reference already.
void Bytes::SetRoom(Slab* slab, std::byte* begin) noexcept {
  if (slab != room_slab_) {
    slab->AddReference(1);
    DropRoom();
    room_slab_ = slab;
  }
  room_ = begin;
  room_bytes_ = static_cast<std::size_t>(slab->data() + slab->capacity() - begin);
}

void Bytes::EnsureRoom(std::size_t bytes) {
  ReclaimRoom();
  if (room_bytes_ >= bytes) return;
  const std::size_t before = count_ == 0 ? headroom_ : 0;
  FW_CHECK(bytes <= PTRDIFF_MAX - before) << "a room of " << bytes << " bytes cannot exist";
  // What has grown large is likely to grow on, so blocks become larger with it.
  Slab* const slab = Slab::Allocate(std::max(before + bytes, std::min(size_, kSlabPooledBytesMax))).Take();
  DropRoom();
  room_slab_ = slab;
  room_ = slab->data() + before;
  room_bytes_ = slab->capacity() - before;
}

// Takes back what nobody else can refer to any more: the whole slab of the room if it has no content left, or what
// follows the last piece.
void Bytes::ReclaimRoom() noexcept {
  if (room_slab_ != nullptr && room_slab_->HeldOnlyBy(1)) {
    SetRoom(room_slab_, room_slab_->data() + (count_ == 0 ? headroom_ : 0));
  } else if (count_ > 0) {
    Slab* const slab = back().slab_;
    if (!slab->writable() || !slab->HeldOnlyBy(Held(slab))) return;
    const auto free = static_cast<std::size_t>(slab->data() + slab->capacity() - back().end());
    if (free > room_bytes_) SetRoom(slab, back().end());
  }
}

std::size_t Bytes::Headroom() const noexcept {
  if (count_ == 0) return headroom_;
  const Piece& piece = *first();
  if (!piece.slab_->writable() || !piece.slab_->HeldOnlyBy(Held(piece.slab_))) return headroom_;
  return static_cast<std::size_t>(piece.data_ - piece.slab_->data());
}

}  // namespace flywheel::inline v0
