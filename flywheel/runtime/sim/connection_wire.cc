// What arrives at the ends of a connection: the handshake, resets and what is not wanted.
#include <algorithm>
#include <cerrno>

#include "flywheel/runtime/sim/connection.h"
#include "flywheel/runtime/sim/fabric.h"
#include "flywheel/runtime/sim/station.h"

namespace flywheel::inline v0::sim {

Duration Connection::delay() const noexcept {
  Duration delay{};
  for (const End& each : ends_) {
    if (each.station != nullptr) delay += each.station->delay;
  }
  return delay;
}

bool Connection::WayBackOpen(Side sender) const noexcept {
  return !silenced_ && !links_[static_cast<std::size_t>(Other(sender))]->blocked;
}
Duration Connection::LatencyBack(Side sender) noexcept {
  return links_[static_cast<std::size_t>(Other(sender))]->Latency(random_) + delay();
}

void Connection::Connect() {
  end(Side::kClient).state = State::kConnecting;
  SendSyn();
}

void Connection::Establish(const std::shared_ptr<ListenQueue>& listener) {
  for (End& each : ends_) each.state = State::kOpen;
  listener->Add(shared_from_this());
}

void Connection::SendSyn() {
  if (syns_ > options_.syn_retries) return Fail(Side::kClient, ETIMEDOUT);
  const Instant now = NowOf(Side::kClient);
  flow(Side::kClient).Send(Flow::Kind::kSyn, now);
  syn_alarm_.Set(now + kSynRetry * (std::int64_t{1} << syns_));
  ++syns_;
}

void Connection::OnSyn() {
  End& server = end(Side::kServer);
  if (server.station->drop_new_connections || server.state == State::kOpen) return;
  if (server.state != State::kSynReceived) {
    const std::shared_ptr<ListenQueue> listener = server.station->FindListener(server_);
    if (listener == nullptr || server.state == State::kGone) {
      return flow(Side::kServer).Send(Flow::Kind::kReset, world_now());
    }
    if (listener->full()) return;
    server.state = State::kSynReceived;
    listener_ = listener;
    syn_received_ = world_now();
  }
  flow(Side::kServer).Send(Flow::Kind::kSynAck, world_now());
}

bool Connection::OnSynAck() {
  End& client = end(Side::kClient);
  if (client.state == State::kGone || client.closed) {
    flow(Side::kClient).Send(Flow::Kind::kReset, world_now());
    return false;
  }
  if (client.state == State::kConnecting) {
    client.state = State::kOpen;
    syn_alarm_.Clear();
    Notify(Side::kClient, {.writable = true});
  }
  if (AwaitsAck(Side::kClient)) flow(Side::kClient).Send(Flow::Kind::kAck, world_now());
  return true;
}

bool Connection::AwaitsAck(Side sender) const noexcept {
  return sender == Side::kClient && end(Side::kServer).state == State::kSynReceived &&
         world_now() - syn_received_ <= kSynAckTimeout;
}

bool Connection::OnAck() {
  End& server = end(Side::kServer);
  if (server.state != State::kSynReceived) return true;
  const std::shared_ptr<ListenQueue> listener = listener_.lock();
  if (!AwaitsAck(Side::kClient) || listener == nullptr || !listener->open) {
    server.state = State::kGone;
    flow(Side::kServer).Send(Flow::Kind::kReset, world_now());
    return false;
  }
  if (listener->full()) return false;
  server.state = State::kOpen;
  listener->Add(shared_from_this());
  return true;
}

bool Connection::Admit(Side sender, Flow::Kind kind) {
  const Side side = Other(sender);
  End& to = end(side);
  if (to.station == nullptr || !to.station->up()) return false;
  if (kind == Flow::Kind::kReset) {
    OnReset(side);
    return true;
  }
  if (kind == Flow::Kind::kSyn) {
    OnSyn();
    return true;
  }
  if (kind == Flow::Kind::kSynAck) return OnSynAck();
  if (kind == Flow::Kind::kAck && !OnAck()) return false;
  // Nobody is there to read what an application that has closed is sent; a kernel says so (RFC 1122 4.2.2.13).
  const bool unwanted = to.closed && kind == Flow::Kind::kData;
  if (to.state == State::kOpen && !unwanted) return true;
  Reset(side);
  return false;
}

Duration Connection::GiveUpAfter(Side sender) const noexcept {
  return end(sender).closed ? std::min(options_.timeout, kOrphanTimeout) : options_.timeout;
}

void Connection::TimeOut(Side side) { Fail(side, ETIMEDOUT); }

void Connection::OnReset(Side side) {
  const End& self = end(side);
  const bool half_closed = flow(Other(side)).finished() && !self.write_ended;
  Fail(side, self.state == State::kConnecting ? ECONNREFUSED : half_closed ? EPIPE : ECONNRESET);
}

// This end forgets the connection and tells the other.
void Connection::Reset(Side side) {
  flow(side).Abandon();
  flow(side).Send(Flow::Kind::kReset, NowOf(side));
  end(side).state = State::kGone;
}

void Connection::Fail(Side side, int error) {
  End& self = end(side);
  if (self.state == State::kGone || self.state == State::kNone) return;
  const auto keep = shared_from_this();
  syn_alarm_.Clear();
  self.state = State::kGone;
  self.error = error;
  self.read_ended = self.write_ended = true;
  flow(side).Abandon();
  Notify(side, {.readable = true, .writable = true, .ended = true, .failed = true});
  ForgetIfOver();
}

void Connection::OnDelivered(Side receiver) {
  End& self = end(receiver);
  if (!flow(Other(receiver)).finished()) return Notify(receiver, {.readable = true});
  self.read_ended = true;
  Notify(receiver, {.readable = true, .ended = true, .failed = self.write_ended});
  ForgetIfOver();
}

}  // namespace flywheel::inline v0::sim
