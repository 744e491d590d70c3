// Bytes: a chain of pieces of slabs, the form in which bytes move through the house.
//
// Moving, splitting and joining touch no content: they hand over or share references to slabs. Copies are explicit
// (Share() for another reference, CopyTo() for the content). A socket reads into it and a serializer writes into it in
// place (Prepare, Commit), a frame header goes in front in place (ReserveHeadroom, Prepend), and one writev sends it
// (FillIovec).
//
// Who may write into a slab that several Bytes share: each writable slab is cut into bytes that are readable, which
// nobody ever changes, and bytes that belong to one Bytes alone, its *room* behind the content or its *headroom* in
// front. A Bytes writes only there and then turns what it wrote into content. Share() and Split() hand out content,
// never room; moving a Bytes moves its room. Where a Bytes holds the only references to a slab, what is not content is
// its own again. So writing needs no lock, and no reader, on whichever thread, ever sees a byte change.
//
// Each object belongs to one thread at a time; const functions may be called by several at once.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "flywheel/base/check.h"
#include "flywheel/base/slab.h"

namespace flywheel::inline v0 {

class Bytes {
 public:
  // Append(Bytes&&) copies a piece of at most this size into its room if it fits. Up to 512 bytes a copy costs no more
  // than a link (bytes_bench.cc, join_*), and it spares the kernel an iovec and lets the other slab go; half of that,
  // so that the room is not used up by what need not be there.
  static constexpr std::size_t kCoalesceBytes = 256;

  class Piece {
   public:
    [[nodiscard]] const std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::span<const std::byte> span() const noexcept { return {data_, size_}; }
    [[nodiscard]] std::string_view text() const noexcept { return {reinterpret_cast<const char*>(data_), size_}; }

   private:
    friend class Bytes;
    [[nodiscard]] std::byte* end() const noexcept { return data_ + size_; }

    Slab* slab_;
    std::byte* data_;
    std::size_t size_;
  };

  // Not defaulted, so that Bytes{} leaves the unused inline pieces alone.
  Bytes() noexcept {}
  explicit Bytes(std::string_view text) { Append(text); }
  Bytes(Bytes&& other) noexcept { Take(other); }
  Bytes& operator=(Bytes&& other) noexcept {
    if (this != &other) {
      Clear();
      Take(other);
    }
    return *this;
  }
  ~Bytes() { Clear(); }

  // `size` bytes at `offset` of a slab, which other Bytes or the caller may hold too. From here on nobody writes to the
  // slab but a Bytes.
  [[nodiscard]] static Bytes FromSlab(SlabRef slab, std::size_t offset, std::size_t size);
  // Memory of somebody else, given back with `release(argument)`; see Slab::External.
  [[nodiscard]] static Bytes External(std::span<const std::byte> memory, Slab::ReleaseFunction release, void* argument);

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  // None of them is empty. Valid until the next non-const call.
  [[nodiscard]] std::span<const Piece> pieces() const noexcept { return {first(), count_}; }

  // Copies.
  void Append(std::span<const std::byte> content);
  void Append(std::string_view content) { Append(std::as_bytes(std::span(content))); }
  // Joins by reference, except for small pieces (kCoalesceBytes). Leaves `other` empty; of the two rooms the larger
  // stays.
  void Append(Bytes&& other);

  // The room: at least `bytes` contiguous bytes, often more, to be written by the caller, who then calls Commit()
  // before any other non-const call. Keeps what was not committed for the next time.
  [[nodiscard]] std::span<std::byte> Prepare(std::size_t bytes) {
    if (room_bytes_ < bytes) [[unlikely]]
      EnsureRoom(bytes);
    return {room_, room_bytes_};
  }
  // Makes the first `bytes` of the room content.
  void Commit(std::size_t bytes);
  // What Prepare(0) would give.
  [[nodiscard]] std::size_t room() const noexcept { return room_bytes_; }

  // Leaves at least `bytes` free in front of what will be appended. For an empty object.
  void ReserveHeadroom(std::size_t bytes);
  // Copies to the front; in place if there is headroom, else into another slab, which then has headroom.
  void Prepend(std::span<const std::byte> content);
  void Prepend(std::string_view content) { Prepend(std::as_bytes(std::span(content))); }

  // Takes the first `bytes` off and returns them. Headroom goes with them, room stays here.
  [[nodiscard]] Bytes Split(std::size_t bytes);
  void RemovePrefix(std::size_t bytes);
  void RemoveSuffix(std::size_t bytes);
  // Lets everything go: content, room and the array of pieces, if that has outgrown this object.
  void Clear() noexcept;

  // Another reference to the same content. Several threads may share from one object at once.
  [[nodiscard]] Bytes Share() const { return Share(0, size_); }
  [[nodiscard]] Bytes Share(std::size_t offset, std::size_t bytes) const;

  // Copies all of it to the front of `to`, which must be large enough.
  void CopyTo(std::span<std::byte> to) const;
  // Fills `to` with what starts at `offset`; all of it must be there.
  void CopyOut(std::size_t offset, std::span<std::byte> to) const;
  [[nodiscard]] std::string ToString() const;
  // Makes it one piece, with a copy if it is not, and returns that. Valid until the next non-const call.
  [[nodiscard]] std::span<const std::byte> Flatten();

  // Describes what starts at `offset` until `to` is full; returns how many entries were filled. The memory is read
  // only, although iovec cannot say so.
  [[nodiscard]] std::size_t FillIovec(std::span<iovec> to, std::size_t offset = 0) const;

  friend bool operator==(const Bytes& a, const Bytes& b) noexcept;
  friend bool operator==(const Bytes& a, std::string_view b) noexcept;

 private:
  static constexpr std::uint32_t kInlinePieces = 3;  // a frame header, a message, and what is attached to it

  [[nodiscard]] Piece* first() noexcept { return (heap_ == nullptr ? inline_ : heap_.get()) + first_; }
  [[nodiscard]] const Piece* first() const noexcept { return (heap_ == nullptr ? inline_ : heap_.get()) + first_; }
  [[nodiscard]] Piece& front() noexcept { return first()[0]; }
  [[nodiscard]] Piece& back() noexcept { return first()[count_ - 1]; }

  // Both expect an object without pieces; Take() also one without room.
  void Take(Bytes& other) noexcept;
  void TakePieces(Bytes& other) noexcept;
  // These take over a reference to `slab`.
  void PushBack(Slab* slab, std::byte* data, std::size_t size);
  void PushFront(Slab* slab, std::byte* data, std::size_t size);
  void Link(const Piece& piece);
  void MakeSlack(bool at_front);
  void PopFront() noexcept;
  void DropPieces() noexcept;
  void DropRoom() noexcept;
  void SetRoom(Slab* slab, std::byte* begin) noexcept;
  void EnsureRoom(std::size_t bytes);
  void ReclaimRoom() noexcept;
  [[nodiscard]] std::size_t Headroom() const noexcept;
  // How many references to `slab` this object is known to hold: one of a piece of it, and one of the room.
  [[nodiscard]] std::uint32_t Held(const Slab* slab) const noexcept { return slab == room_slab_ ? 2 : 1; }

  std::unique_ptr<Piece[]> heap_;  // null: the pieces are in inline_
  std::uint32_t capacity_ = kInlinePieces;
  std::uint32_t first_ = 0;
  std::uint32_t count_ = 0;
  // Free bytes before the first piece, or before the room if there is no piece, that are known to be ours alone.
  std::uint32_t headroom_ = 0;
  std::size_t size_ = 0;
  // The room. In its slab it lies behind all content, so it never meets a headroom.
  Slab* room_slab_ = nullptr;
  std::byte* room_ = nullptr;
  std::size_t room_bytes_ = 0;
  Piece inline_[kInlinePieces];
};
static_assert(sizeof(Bytes) == 128);

}  // namespace flywheel::inline v0
