#include "flywheel/runtime/sim/flow.h"

#include <sys/uio.h>

#include <algorithm>

#include "flywheel/runtime/sim/connection.h"

namespace flywheel::inline v0::sim {
namespace {

constexpr std::size_t kSegmentMax = 64 << 10;  // what segmentation offload hands to an interface at once
constexpr std::size_t kMtuPayload = 1448;

}  // namespace

Flow::Flow(Connection& owner, Side sender, AlarmQueue& alarms, Link& link, std::size_t buffer)
    : owner_(owner),
      sender_(sender),
      link_(link),
      buffer_(buffer),
      edge_(buffer),
      offered_(buffer),
      arrival_alarm_(alarms, *this),
      sender_alarm_(alarms, *this) {}

bool Flow::Open() const noexcept { return !link_.blocked && !owner_.silenced(); }
Duration Flow::Latency() noexcept { return link_.Latency(owner_.random()) + owner_.delay(); }
std::size_t Flow::Room() const noexcept {
  const std::uint64_t used = bytes_.end() - acknowledged_;
  return used < buffer_ ? static_cast<std::size_t>(buffer_ - used) : 0;
}
bool Flow::Settled() const noexcept {
  return acknowledged_ == bytes_.end() && (!fin_written_ || fin_acknowledged_) && !owner_.AwaitsAck(sender_);
}

std::size_t Flow::Write(std::span<const iovec> pieces, Instant now) {
  TakeAcknowledgements(now);
  std::size_t room = Room();
  std::size_t count = 0;
  for (const iovec& piece : pieces) {
    const std::size_t part = std::min(piece.iov_len, room);
    bytes_.Append({static_cast<const std::byte*>(piece.iov_base), part});
    room -= part;
    count += part;
    if (part < piece.iov_len) {
      wants_room_ = true;
      break;
    }
  }
  if (count > 0) Transmit(now);
  if (wants_room_) ArmSender();
  return count;
}

void Flow::Finish(Instant now) {
  fin_written_ = true;
  TakeAcknowledgements(now);
  Transmit(now);
}

bool Flow::finish_acknowledged(Instant now) {
  TakeAcknowledgements(now);
  return fin_acknowledged_;
}

void Flow::Send(Kind control, Instant now) {
  // A lost SYN has a timer of its own, and a lost reset is lost; the end of the handshake is part of the stream.
  if (!Put(control, sent_, 0, now) && control == Kind::kAck) Hold(now);
}

void Flow::Abandon() noexcept {
  abandoned_ = true;
  wants_room_ = false;
  retry_at_ = kNever;
  sender_alarm_.Clear();
}

void Flow::DropInFlight() noexcept {
  in_flight_.clear();
  arrival_alarm_.Clear();
}

std::size_t Flow::SegmentSize(std::uint64_t limit) noexcept {
  const auto whole = static_cast<std::size_t>(std::min<std::uint64_t>(limit, kSegmentMax));
  if (!owner_.options().chop) return whole;
  // Mostly whole, so that large transfers stay cheap; often enough not, so that readers see every size.
  const std::uint64_t choice = owner_.random()() % 16;
  const std::size_t bound = choice == 0 ? 16 : choice <= 2 ? kMtuPayload : 0;
  return bound == 0 ? whole : 1 + static_cast<std::size_t>(owner_.random().Below(std::min(whole, bound)));
}

bool Flow::Put(Kind kind, std::uint64_t end, std::size_t bytes, Instant now) {
  if (!Open()) return false;
  last_arrival_ = std::max(last_arrival_, SaturatingAdd(link_.Departure(now, bytes), Latency()));
  if (in_flight_.empty() && !arriving_) arrival_alarm_.Set(last_arrival_);
  in_flight_.push_back({.arrival = last_arrival_, .end = end, .kind = kind});
  owner_.flow(Other(sender_)).AcknowledgeBy(last_arrival_);
  return true;
}

void Flow::AcknowledgeBy(Instant time) {
  for (auto late = acknowledgements_.rbegin(); late != acknowledgements_.rend() && late->arrival > time; ++late) {
    late->arrival = last_acknowledgement_ = time;
  }
  ArmSender();
}

void Flow::Transmit(Instant now) {
  if (held_ || abandoned_) return;
  const std::uint64_t limit = std::min(bytes_.end(), edge_);
  while (sent_ < limit) {
    const std::size_t size = SegmentSize(limit - sent_);
    if (!Put(Kind::kData, sent_ + size, size, now)) return Hold(now);
    sent_ += size;
  }
  if (fin_written_ && !fin_sent_ && sent_ == bytes_.end()) {
    if (!Put(Kind::kFin, sent_, 0, now)) return Hold(now);
    fin_sent_ = true;
  }
  if (sent_ == bytes_.end()) return;
  // The window is closed. If nothing under way will open it, the offer that would may get lost.
  if (in_flight_.empty() && acknowledgements_.empty()) StartRetry(now);
  ArmSender();
}

void Flow::Hold(Instant now) {
  held_ = true;
  StartRetry(now);
}

void Flow::StartRetry(Instant now) {
  if (retry_at_ != kNever) return;
  if (stalled_since_ == kNever) stalled_since_ = now;
  retry_at_ = now + retry_after_;
  ArmSender();
}

void Flow::Retry(Instant now) {
  if (Settled()) {
    retry_at_ = kNever;
    return;
  }
  if (stalled_since_ == kNever) stalled_since_ = now;
  if (now - stalled_since_ >= owner_.GiveUpAfter(sender_)) return owner_.TimeOut(sender_);
  retry_after_ = std::min(2 * retry_after_, kRetryMax);
  retry_at_ = now + retry_after_;
  if (!Open() || !in_flight_.empty()) return;
  // All that was sent has arrived or was lost, and then sent_ was put back.
  held_ = false;
  if (owner_.AwaitsAck(sender_)) Put(Kind::kAck, sent_, 0, now);
  Transmit(now);
  if (in_flight_.empty()) Put(Kind::kProbe, sent_, 0, now);
}

void Flow::TakeAcknowledgements(Instant now) {
  if (acknowledgements_.empty() || acknowledgements_.front().arrival > now) return;
  bool progress = false;
  while (!acknowledgements_.empty() && acknowledgements_.front().arrival <= now) {
    const Acknowledgement& got = acknowledgements_.front();
    progress |= got.received > acknowledged_ || got.edge > edge_ || got.finish != fin_acknowledged_;
    acknowledged_ = got.received;
    edge_ = got.edge;
    fin_acknowledged_ = got.finish;
    acknowledgements_.pop_front();
  }
  if (abandoned_) return;
  stalled_since_ = kNever;
  // A window that stays closed is probed at ever longer intervals, although each probe is answered.
  if (progress) retry_after_ = kRetryMin;
  if (retry_at_ != kNever) retry_at_ = Settled() ? kNever : now + retry_after_;
  // A third of the buffer must be free before the writer is woken (sk_stream_is_writeable).
  if (wants_room_ && 3 * Room() >= buffer_) {
    wants_room_ = false;
    owner_.OnRoom(sender_);
  }
  Transmit(now);
}

void Flow::ArmSender() {
  if (abandoned_) return;
  Instant at = retry_at_;
  const bool listens = wants_room_ || sent_ < bytes_.end() || retry_at_ != kNever;
  if (listens && !acknowledgements_.empty()) at = std::min(at, acknowledgements_.front().arrival);
  if (at != sender_alarm_.time()) sender_alarm_.Set(at);
}

void Flow::OnSender() {
  const auto keep = owner_.shared_from_this();
  const Instant now = owner_.world_now();
  TakeAcknowledgements(now);
  if (retry_at_ <= now) Retry(now);
  ArmSender();
}

std::size_t Flow::Read(std::span<std::byte> buffer, Instant now) {
  const std::size_t count = std::min(buffer.size(), readable());
  bytes_.Take(buffer.first(count));
  // Small steps are not worth telling (silly window avoidance, RFC 1122 4.2.3.3).
  if (bytes_.begin() + buffer_ - offered_ >= buffer_ / 4) Acknowledge(now);
  return count;
}

void Flow::Acknowledge(Instant now) {
  if (abandoned_) return;
  offered_ = bytes_.begin() + buffer_;
  if (!owner_.WayBackOpen(sender_)) {
    if (!Settled()) StartRetry(now);
    return;
  }
  TakeAcknowledgements(now);
  last_acknowledgement_ = std::max(last_acknowledgement_, now + owner_.LatencyBack(sender_));
  acknowledgements_.push_back(
      {.arrival = last_acknowledgement_, .received = delivered_, .edge = offered_, .finish = fin_delivered_});
  ArmSender();
}

void Flow::Lose(Instant now) {
  in_flight_.clear();
  sent_ = delivered_;
  fin_sent_ = fin_delivered_;
  if (!abandoned_) Hold(now);
}

void Flow::OnArrival() {
  const auto keep = owner_.shared_from_this();
  const Instant now = owner_.world_now();
  arriving_ = true;
  while (!in_flight_.empty() && in_flight_.front().arrival <= now) {
    const Segment segment = in_flight_.front();
    in_flight_.pop_front();
    if (!Open() || !owner_.Admit(sender_, segment.kind)) {
      if (segment.kind == Kind::kSyn || segment.kind == Kind::kSynAck || segment.kind == Kind::kReset) continue;
      Lose(now);
    } else if (segment.kind == Kind::kData || segment.kind == Kind::kFin) {
      delivered_ = segment.end;
      fin_delivered_ |= segment.kind == Kind::kFin;
      owner_.OnDelivered(Other(sender_));
      Acknowledge(now);
    } else if (segment.kind == Kind::kProbe) {
      Acknowledge(now);
    }
  }
  arriving_ = false;
  if (!in_flight_.empty()) arrival_alarm_.Set(in_flight_.front().arrival);
}

}  // namespace flywheel::inline v0::sim
