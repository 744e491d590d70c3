#include "flywheel/base/bytes.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

namespace flywheel::inline v0 {
namespace {

// memcpy may not be given null, which an empty span has.
void Copy(std::byte* to, std::span<const std::byte> from) noexcept {
  if (!from.empty()) std::memcpy(to, from.data(), from.size());
}

}  // namespace

Bytes Bytes::FromSlab(SlabRef slab, std::size_t offset, std::size_t size) {
  FW_CHECK(offset <= slab->capacity() && size <= slab->capacity() - offset)
      << size << " bytes at " << offset << " of a slab of " << slab->capacity();
  Bytes bytes;
  if (size == 0) return bytes;
  Slab* const taken = slab.Take();
  bytes.PushBack(taken, taken->data() + offset, size);
  return bytes;
}

Bytes Bytes::External(std::span<const std::byte> memory, Slab::ReleaseFunction release, void* argument) {
  return FromSlab(Slab::External(memory, release, argument), 0, memory.size());
}

void Bytes::Append(std::span<const std::byte> content) {
  while (!content.empty()) {
    if (room_bytes_ == 0) EnsureRoom(std::min(content.size(), kSlabPooledBytesMax));
    const std::size_t count = std::min(content.size(), room_bytes_);
    Copy(room_, content.first(count));
    Commit(count);
    content = content.subspan(count);
  }
}

void Bytes::Append(Bytes&& other) {
  FW_CHECK(&other != this) << "Bytes of " << size_ << " bytes appended to itself; append a Share()";
  if (count_ == 0 && room_slab_ == nullptr) {
    Take(other);
    return;
  }
  for (std::uint32_t i = 0; i < other.count_; ++i) {
    const Piece piece = other.first()[i];
    const bool continues = count_ > 0 && back().slab_ == piece.slab_ && back().end() == piece.data_;
    if (!continues && piece.size_ <= std::min(kCoalesceBytes, room_bytes_)) {
      Copy(room_, piece.span());
      Commit(piece.size_);
      piece.slab_->Release(1, other.Held(piece.slab_));
    } else {
      if (count_ == 0) headroom_ = other.headroom_;
      Link(piece);
    }
  }
  other.count_ = 0;
  other.first_ = 0;
  other.headroom_ = 0;
  other.size_ = 0;
  if (count_ > 0 && other.room_bytes_ > room_bytes_) {
    DropRoom();
    room_slab_ = std::exchange(other.room_slab_, nullptr);
    room_ = std::exchange(other.room_, nullptr);
    room_bytes_ = std::exchange(other.room_bytes_, 0);
  }
  other.DropRoom();
}

void Bytes::Commit(std::size_t bytes) {
  FW_CHECK(bytes <= room_bytes_) << "Commit(" << bytes << ") with a room of " << room_bytes_ << "; Prepare() it first";
  if (bytes == 0) return;
  if (count_ > 0 && back().slab_ == room_slab_ && back().end() == room_) {
    back().size_ += bytes;
    size_ += bytes;
  } else {
    room_slab_->AddReference(1);
    PushBack(room_slab_, room_, bytes);
  }
  room_ += bytes;
  room_bytes_ -= bytes;
  // A room of nothing would only keep the slab alive.
  if (room_bytes_ == 0) DropRoom();
}

void Bytes::ReserveHeadroom(std::size_t bytes) {
  FW_CHECK(count_ == 0) << "headroom asked for in front of " << size_ << " bytes; Prepend() finds its own";
  FW_CHECK(bytes < std::numeric_limits<std::uint32_t>::max()) << "headroom of " << bytes << " bytes";
  if (bytes <= headroom_) return;
  const auto more = static_cast<std::uint32_t>(bytes) - headroom_;
  if (room_bytes_ <= more) EnsureRoom(std::size_t{more} + 1);
  room_ += more;
  room_bytes_ -= more;
  headroom_ += more;
}

void Bytes::Prepend(std::span<const std::byte> content) {
  if (content.empty()) return;
  const std::size_t headroom = Headroom();
  if (headroom >= content.size()) {
    if (count_ == 0) {
      room_slab_->AddReference(1);
      PushBack(room_slab_, room_ - content.size(), content.size());
    } else {
      front().data_ -= content.size();
      front().size_ += content.size();
      size_ += content.size();
    }
    Copy(front().data_, content);
  } else if (count_ == 0) {
    Append(content);
    return;
  } else {
    Slab* const slab = Slab::Allocate(content.size()).Take();
    const std::size_t free = slab->capacity() - content.size();
    Copy(slab->data() + free, content);
    PushFront(slab, slab->data() + free, content.size());
    headroom_ = static_cast<std::uint32_t>(free);  // of a pooled block; a larger one has nothing free
    return;
  }
  const std::size_t left = headroom - content.size();
  headroom_ = static_cast<std::uint32_t>(std::min<std::size_t>(left, std::numeric_limits<std::uint32_t>::max()));
}

Bytes Bytes::Split(std::size_t bytes) {
  FW_CHECK(bytes <= size_) << "Split(" << bytes << ") of " << size_ << " bytes";
  Bytes taken;
  if (bytes == 0) return taken;
  if (bytes == size_) {
    taken.TakePieces(*this);
    return taken;
  }
  taken.headroom_ = std::exchange(headroom_, 0);
  while (front().size_ <= bytes - taken.size_) {
    const Piece piece = front();
    taken.PushBack(piece.slab_, piece.data_, piece.size_);
    ++first_;
    --count_;
    size_ -= piece.size_;
  }
  if (const std::size_t rest = bytes - taken.size_; rest > 0) {
    Piece& cut = front();
    cut.slab_->AddReference(Held(cut.slab_));
    taken.PushBack(cut.slab_, cut.data_, rest);
    cut.data_ += rest;
    cut.size_ -= rest;
    size_ -= rest;
  }
  return taken;
}

void Bytes::RemovePrefix(std::size_t bytes) {
  FW_CHECK(bytes <= size_) << "RemovePrefix(" << bytes << ") of " << size_ << " bytes";
  if (bytes == 0) return;
  headroom_ = 0;  // no longer next to the content; Headroom() still finds what is ours alone
  size_ -= bytes;
  while (count_ > 0 && front().size_ <= bytes) {
    bytes -= front().size_;
    PopFront();
  }
  if (count_ == 0) {
    first_ = 0;
    ReclaimRoom();
  } else {
    front().data_ += bytes;
    front().size_ -= bytes;
  }
}

void Bytes::RemoveSuffix(std::size_t bytes) {
  FW_CHECK(bytes <= size_) << "RemoveSuffix(" << bytes << ") of " << size_ << " bytes";
  if (bytes == 0) return;
  size_ -= bytes;
  while (count_ > 0 && back().size_ <= bytes) {
    bytes -= back().size_;
    Slab* const slab = back().slab_;
    --count_;
    slab->Release(1, Held(slab));
  }
  if (count_ == 0) {
    first_ = 0;
    headroom_ = 0;
  } else {
    back().size_ -= bytes;
  }
  ReclaimRoom();
}

void Bytes::Clear() noexcept {
  // Piece and room of one slab are given back together: if nobody else holds it, no locked instruction is needed.
  if (count_ > 0 && back().slab_ == room_slab_) {
    --count_;
    std::exchange(room_slab_, nullptr)->Release(2, 2);
  }
  DropPieces();
  DropRoom();
  headroom_ = 0;
  heap_.reset();
  capacity_ = kInlinePieces;
}

Bytes Bytes::Share(std::size_t offset, std::size_t bytes) const {
  FW_CHECK(offset <= size_ && bytes <= size_ - offset)
      << "Share(" << offset << ", " << bytes << ") of " << size_ << " bytes";
  Bytes shared;
  for (const Piece& piece : pieces()) {
    if (bytes == 0) break;
    if (offset >= piece.size_) {
      offset -= piece.size_;
      continue;
    }
    const std::size_t count = std::min(piece.size_ - offset, bytes);
    piece.slab_->AddReference();  // not the one for exclusive access: other threads may be sharing, too
    shared.PushBack(piece.slab_, piece.data_ + offset, count);
    bytes -= count;
    offset = 0;
  }
  return shared;
}

void Bytes::CopyTo(std::span<std::byte> to) const {
  FW_CHECK(to.size() >= size_) << "CopyTo(" << to.size() << ") of " << size_ << " bytes";
  CopyOut(0, to.first(size_));
}

void Bytes::CopyOut(std::size_t offset, std::span<std::byte> to) const {
  FW_CHECK(offset <= size_ && to.size() <= size_ - offset)
      << "CopyOut(" << offset << ", " << to.size() << ") of " << size_ << " bytes";
  for (const Piece& piece : pieces()) {
    if (to.empty()) break;
    if (offset >= piece.size_) {
      offset -= piece.size_;
      continue;
    }
    const auto part = piece.span().subspan(offset, std::min(piece.size_ - offset, to.size()));
    Copy(to.data(), part);
    to = to.subspan(part.size());
    offset = 0;
  }
}

std::string Bytes::ToString() const {
  std::string text;
  text.reserve(size_);
  for (const Piece& piece : pieces()) text.append(piece.text());
  return text;
}

std::span<const std::byte> Bytes::Flatten() {
  if (count_ == 0) return {};
  if (count_ > 1) {
    const std::size_t size = size_;
    Slab* const slab = Slab::Allocate(size).Take();
    CopyTo({slab->data(), size});
    DropPieces();
    headroom_ = 0;
    PushBack(slab, slab->data(), size);
    if (slab->capacity() - size > room_bytes_) SetRoom(slab, slab->data() + size);
  }
  return front().span();
}

std::size_t Bytes::FillIovec(std::span<iovec> to, std::size_t offset) const {
  FW_CHECK(offset <= size_) << "FillIovec from " << offset << " of " << size_ << " bytes";
  std::size_t filled = 0;
  for (const Piece& piece : pieces()) {
    if (filled == to.size()) break;
    if (offset >= piece.size_) {
      offset -= piece.size_;
      continue;
    }
    to[filled++] = {.iov_base = piece.data_ + offset, .iov_len = piece.size_ - offset};
    offset = 0;
  }
  return filled;
}

bool operator==(const Bytes& a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (const Bytes::Piece& piece : a.pieces()) {
    if (piece.text() != b.substr(0, piece.size())) return false;
    b.remove_prefix(piece.size());
  }
  return true;
}

bool operator==(const Bytes& a, const Bytes& b) noexcept {
  if (a.size() != b.size()) return false;
  const auto pieces = b.pieces();
  std::size_t index = 0;
  std::string_view other;
  for (const Bytes::Piece& piece : a.pieces()) {
    for (std::string_view text = piece.text(); !text.empty();) {
      if (other.empty()) other = pieces[index++].text();
      const std::size_t count = std::min(text.size(), other.size());
      if (text.substr(0, count) != other.substr(0, count)) return false;
      text.remove_prefix(count);
      other.remove_prefix(count);
    }
  }
  return true;
}

}  // namespace flywheel::inline v0
