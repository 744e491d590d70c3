// An interpreter that runs a program of operations over several Bytes which share slabs, beside a model of
// std::strings, and says where they first differ.
//
// The property test draws programs from rapidcheck, the fuzz target from libFuzzer. After every operation *all* of the
// objects are compared, so a write into memory that another object can see is found where it happens. To make such
// writes visible, Prepare() is always used to the full: the whole room is overwritten before a part is committed.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "flywheel/base/bytes.h"
#include "flywheel/base/bytes_reader.h"
#include "flywheel/base/slab.h"
#include "flywheel/base/thread_slot.h"

namespace flywheel::inline v0::internal {

class BytesModel {
 public:
  // The program; two runs of one program do the same.
  explicit BytesModel(std::span<const std::uint8_t> program) : program_(program) {}
  BytesModel(const BytesModel&) = delete;
  BytesModel& operator=(const BytesModel&) = delete;
  ~BytesModel() { thread_slot.slabs = saved_; }

  // Empty, or what went wrong first.
  std::string Run() {
    for (int step = 0; !program_.empty(); ++step) {
      const std::uint8_t operation = static_cast<std::uint8_t>(Byte() % kOperations.size());
      std::string failure = (this->*kOperations[operation].run)();
      if (failure.empty()) failure = Compare();
      if (!failure.empty()) return "step " + std::to_string(step) + ", " + kOperations[operation].name + ": " + failure;
    }
    return Finish();
  }

 private:
  static constexpr std::size_t kSizeMax = std::size_t{1} << 18;

  struct Slot {
    Bytes bytes;
    std::string text;
  };
  // Lent memory. `text` is what it must still hold when it comes back.
  struct Lent {
    BytesModel* model;
    std::unique_ptr<std::string> memory;
    std::string text;
  };
  struct Operation {
    const char* name;
    std::string (BytesModel::*run)();
  };

  std::uint8_t Byte() {
    if (program_.empty()) return 0;
    const std::uint8_t byte = program_.front();
    program_ = program_.subspan(1);
    return byte;
  }
  Slot& Any() { return slots_[Byte() % slots_.size()]; }
  // Sizes that matter: few bytes, around kCoalesceBytes, around the ends of slabs, and larger than any pooled slab.
  std::size_t Size() {
    const std::size_t byte = Byte();
    switch (byte % 8) {
      case 0:
      case 1:
      case 2:
        return byte / 8;
      case 3:
        return Bytes::kCoalesceBytes - 16 + byte / 8;
      case 4:
        return Slab::CapacityFor(1) - 16 + byte / 8;
      case 5:
        return byte * 16;
      case 6:
        return Slab::CapacityFor(5000) - 16 + byte / 8;
      default:
        return byte < 224 ? byte * 4 : kSlabPooledBytesMax - 16 + byte % 32;
    }
  }
  std::size_t AtMost(std::size_t limit) { return limit == 0 ? 0 : (Byte() * std::size_t{257} + Byte()) % (limit + 1); }
  // Different at each place and for each call.
  std::string Content(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>((++written_ * 2654435761u) >> 24);
    return text;
  }

  std::string Append() {
    Slot& slot = Any();
    const std::string text = Content(Size());
    slot.bytes.Append(text);
    slot.text += text;
    return {};
  }
  std::string Join() {
    Slot& slot = Any();
    Slot& other = Any();
    if (&slot == &other) return {};
    slot.bytes.Append(std::move(other.bytes));
    slot.text += std::exchange(other.text, {});
    return {};
  }
  std::string JoinShared() {
    Slot& slot = Any();
    Slot& other = Any();
    const std::size_t offset = AtMost(other.text.size());
    const std::size_t size = AtMost(other.text.size() - offset);
    slot.bytes.Append(other.bytes.Share(offset, size));
    slot.text += std::string(other.text, offset, size);
    return {};
  }
  std::string Prepare() {
    Slot& slot = Any();
    const std::size_t wanted = Size();
    const std::span<std::byte> room = slot.bytes.Prepare(wanted);
    if (room.size() < wanted) return "room of " + std::to_string(room.size()) + " for " + std::to_string(wanted);
    if (room.size() != slot.bytes.room()) return "room() differs from Prepare()";
    std::fill(room.begin(), room.end(), std::byte{0xEE});
    const std::string text = Content(AtMost(wanted));
    if (!text.empty()) std::memcpy(room.data(), text.data(), text.size());
    slot.bytes.Commit(text.size());
    slot.text += text;
    return {};
  }
  std::string Prepend() {
    Slot& slot = Any();
    const std::string text = Content(Size());
    slot.bytes.Prepend(text);
    slot.text.insert(0, text);
    return {};
  }
  std::string ReserveHeadroom() {
    Slot& slot = Any();
    if (!slot.text.empty()) return {};
    slot.bytes.ReserveHeadroom(Size());
    return {};
  }
  std::string Split() {
    Slot& slot = Any();
    Slot& other = Any();
    const std::size_t size = AtMost(slot.text.size());
    Bytes taken = slot.bytes.Split(size);
    std::string text = slot.text.substr(0, size);
    slot.text.erase(0, size);
    other.bytes = std::move(taken);
    other.text = std::move(text);
    return {};
  }
  std::string RemovePrefix() {
    Slot& slot = Any();
    const std::size_t size = AtMost(slot.text.size());
    slot.bytes.RemovePrefix(size);
    slot.text.erase(0, size);
    return {};
  }
  std::string RemoveSuffix() {
    Slot& slot = Any();
    const std::size_t size = AtMost(slot.text.size());
    slot.bytes.RemoveSuffix(size);
    slot.text.resize(slot.text.size() - size);
    return {};
  }
  std::string Clear() {
    Slot& slot = Any();
    slot.bytes.Clear();
    slot.text.clear();
    return {};
  }
  std::string Flatten() {
    Slot& slot = Any();
    const auto flat = slot.bytes.Flatten();
    if (slot.bytes.pieces().size() > 1) return "more than one piece left";
    return std::string_view(reinterpret_cast<const char*>(flat.data()), flat.size()) == slot.text ? "" : "content";
  }
  std::string Move() {
    Slot& slot = Any();
    Slot& other = Any();
    if (&slot == &other) return {};
    slot.bytes = std::move(other.bytes);
    slot.text = std::exchange(other.text, {});
    return {};
  }
  std::string Share() {
    Slot& slot = Any();
    Slot& other = Any();
    Bytes shared = slot.bytes.Share();
    std::string text = slot.text;
    other.bytes = std::move(shared);
    other.text = std::move(text);
    return {};
  }
  std::string Lend() {
    Slot& slot = Any();
    const std::string text = Content(Size());
    auto lent = std::make_unique<Lent>(this, std::make_unique<std::string>(text), text);
    const auto memory = std::as_bytes(std::span(*lent->memory));
    ++lent_;
    slot.bytes.Append(Bytes::External(memory, &BytesModel::GiveBack, lent.release()));
    slot.text += text;
    return {};
  }
  static void GiveBack(void* argument) noexcept {
    const std::unique_ptr<Lent> lent(static_cast<Lent*>(argument));
    --lent->model->lent_;
    if (*lent->memory != lent->text) lent->model->lent_was_written_ = true;
  }
  // Two objects over one slab that somebody else filled.
  std::string FromSlab() {
    Slot& slot = Any();
    Slot& other = Any();
    SlabRef slab = Slab::Allocate(Size());
    const std::string text = Content(slab->capacity());
    std::memcpy(slab->data(), text.data(), text.size());
    const std::size_t cut = AtMost(text.size());
    const std::size_t end = cut + AtMost(text.size() - cut);
    slot.bytes.Append(Bytes::FromSlab(slab.Share(), cut, end - cut));
    slot.text += text.substr(cut, end - cut);
    other.bytes.Append(Bytes::FromSlab(std::move(slab), 0, cut));
    other.text += text.substr(0, cut);
    return {};
  }
  std::string Read() {
    const Slot& slot = Any();
    BytesReader reader(slot.bytes);
    std::string seen;
    std::array<std::byte, 64> scratch;
    const auto take = [&](std::span<const std::byte> block) {
      seen.append(reinterpret_cast<const char*>(block.data()), block.size());
    };
    while (reader.remaining() > 0) {
      if (reader.offset() != seen.size()) return "offset of the reader";
      const std::size_t some = std::min<std::size_t>(reader.remaining(), Byte() % scratch.size());
      switch (some % 5) {
        case 0:
          if (reader.PeekU8() != static_cast<std::uint8_t>(slot.text[seen.size()])) return "PeekU8";
          take(reader.ReadChunk());
          break;
        case 1:
          take(reader.ReadContiguous(some, scratch));
          break;
        case 2:
          reader.ReadInto(std::span(scratch).first(some));
          take(std::span(scratch).first(some));
          break;
        case 3:
          seen += reader.ReadShared(some).ToString();
          break;
        default:
          seen += slot.text.substr(seen.size(), some);
          reader.Skip(some);
      }
    }
    return seen == slot.text ? "" : "content of the reader";
  }
  std::string Iovec() {
    const Slot& slot = Any();
    std::array<iovec, 3> entries;
    std::string seen;
    while (seen.size() < slot.text.size()) {
      const std::size_t filled = slot.bytes.FillIovec(entries, seen.size());
      if (filled == 0) return "no iovec";
      for (std::size_t i = 0; i < filled; ++i) {
        seen.append(static_cast<const char*>(entries[i].iov_base), entries[i].iov_len);
      }
    }
    if (slot.bytes.FillIovec(entries, seen.size()) != 0) return "iovec after the end";
    return seen == slot.text ? "" : "content of the iovecs";
  }
  std::string CopyOut() {
    const Slot& slot = Any();
    const std::size_t offset = AtMost(slot.text.size());
    std::string out(AtMost(slot.text.size() - offset), '\0');
    slot.bytes.CopyOut(offset, std::as_writable_bytes(std::span(out)));
    return out == slot.text.substr(offset, out.size()) ? "" : "content";
  }
  // The thread becomes another one as far as slabs are concerned, so blocks die away from home.
  std::string SwitchPool() {
    const std::size_t choice = Byte() % 3;
    thread_slot.slabs = choice < 2 ? &pools_[choice] : nullptr;
    if (Byte() % 2 == 0) pools_[choice % 2].Collect();
    return {};
  }

  std::string Compare() {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      Slot& slot = slots_[i];
      const std::string which = "object " + std::to_string(i);
      if (slot.bytes.size() != slot.text.size()) return which + " has the wrong size";
      if (slot.bytes.empty() != slot.text.empty()) return which + " is wrong about being empty";
      if (!(slot.bytes == slot.text)) return which + " has the wrong content";
      if (!(slot.bytes == slots_[0].bytes) != (slot.text != slots_[0].text)) return which + " compares wrongly";
      std::size_t sum = 0;
      for (const Bytes::Piece& piece : slot.bytes.pieces()) {
        if (piece.size() == 0) return which + " has an empty piece";
        sum += piece.size();
      }
      if (sum != slot.text.size()) return which + " has pieces of the wrong size";
      if (sum > kSizeMax) slot = {};
    }
    return lent_was_written_ ? "lent memory was written" : "";
  }
  std::string Finish() {
    for (Slot& slot : slots_) slot = {};
    if (lent_ != 0) return std::to_string(lent_) + " lent blocks not given back";
    if (lent_was_written_) return "lent memory was written";
    thread_slot.slabs = saved_;
    for (SlabPool& pool : pools_) {
      pool.Collect();
      if (pool.stats().live != 0) return std::to_string(pool.stats().live) + " slabs not returned";
    }
    return {};
  }

  static constexpr std::array<Operation, 19> kOperations{{
      {"Append", &BytesModel::Append},
      {"Join", &BytesModel::Join},
      {"JoinShared", &BytesModel::JoinShared},
      {"Prepare", &BytesModel::Prepare},
      {"Prepend", &BytesModel::Prepend},
      {"ReserveHeadroom", &BytesModel::ReserveHeadroom},
      {"Split", &BytesModel::Split},
      {"RemovePrefix", &BytesModel::RemovePrefix},
      {"RemoveSuffix", &BytesModel::RemoveSuffix},
      {"Clear", &BytesModel::Clear},
      {"Flatten", &BytesModel::Flatten},
      {"Move", &BytesModel::Move},
      {"Share", &BytesModel::Share},
      {"Lend", &BytesModel::Lend},
      {"FromSlab", &BytesModel::FromSlab},
      {"Read", &BytesModel::Read},
      {"Iovec", &BytesModel::Iovec},
      {"CopyOut", &BytesModel::CopyOut},
      {"SwitchPool", &BytesModel::SwitchPool},
  }};

  std::span<const std::uint8_t> program_;
  SlabPool* const saved_ = thread_slot.slabs;
  // Small, so that their limits are met.
  std::array<SlabPool, 2> pools_{SlabPool(1 << 18), SlabPool(1 << 16)};
  std::array<Slot, 4> slots_;
  std::uint32_t written_ = 0;
  int lent_ = 0;
  bool lent_was_written_ = false;
};

}  // namespace flywheel::inline v0::internal
