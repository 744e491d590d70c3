#include "flywheel/runtime/sim/connection.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <utility>

#include "flywheel/runtime/sim/fabric.h"
#include "flywheel/runtime/sim/station.h"

namespace flywheel::inline v0::sim {
namespace {

std::size_t DrawBuffer(const TcpOptions& options, Random& random) {
  if (options.buffer_min >= options.buffer_max) return options.buffer_min;
  const auto doublings = static_cast<std::uint64_t>(std::bit_width(options.buffer_max / options.buffer_min));
  const std::size_t size = options.buffer_min << random.Below(doublings);
  return std::min(size + static_cast<std::size_t>(random.Below(size)), options.buffer_max);
}

}  // namespace

Connection::Connection(SimFabric& fabric, Setup setup)
    : fabric_(fabric),
      id_(setup.id),
      client_(std::move(setup.client)),
      server_(std::move(setup.server)),
      options_(setup.options),
      random_(setup.random),
      links_{&setup.to_server, &setup.to_client},
      ends_{End{.station = &setup.client_station}, End{.station = setup.server_station}},
      flows_{Flow(*this, Side::kClient, fabric.alarms(), *links_[0], DrawBuffer(options_, random_)),
             Flow(*this, Side::kServer, fabric.alarms(), *links_[1], DrawBuffer(options_, random_))},
      syn_alarm_(fabric.alarms(), *this) {}

Instant Connection::world_now() const noexcept { return fabric_.now(); }
Instant Connection::NowOf(Side side) const noexcept { return end(side).station->now(); }

bool Connection::open() const noexcept {
  return std::ranges::any_of(ends_, [](const End& each) { return each.state == State::kOpen && !each.closed; });
}

void Connection::Attach(Side side, SimWatch& watch) noexcept {
  End& self = end(side);
  self.watch = &watch;
  if (self.read_ended || self.write_ended) {
    Notify(side, {.readable = true, .ended = self.read_ended, .failed = self.read_ended && self.write_ended});
  }
}

int Connection::TakeError(Side side) noexcept { return std::exchange(end(side).error, 0); }

IoResult Connection::Read(Side side, std::span<std::byte> buffer) {
  End& self = end(side);
  if (self.closed) return {.count = 0, .error = EBADF};
  Flow& from = flow(Other(side));
  if (buffer.empty()) return {};
  if (from.readable() > 0) return {.count = from.Read(buffer, NowOf(side)), .error = 0};
  if (from.finished()) return {};
  if (self.error != 0) return {.count = 0, .error = TakeError(side)};
  if (self.read_ended) return {};
  return {.count = 0, .error = EAGAIN};
}

IoResult Connection::Write(Side side, std::span<const iovec> pieces) {
  End& self = end(side);
  if (self.closed) return {.count = 0, .error = EBADF};
  if (self.error != 0) return {.count = 0, .error = TakeError(side)};
  if (self.write_ended) return {.count = 0, .error = EPIPE};
  const bool empty = std::ranges::all_of(pieces, [](const iovec& piece) { return piece.iov_len == 0; });
  if (empty) return {};
  const std::size_t count = flow(side).Write(pieces, NowOf(side));
  return {.count = count, .error = count == 0 ? EAGAIN : 0};
}

int Connection::ShutdownWrite(Side side) {
  End& self = end(side);
  if (self.closed) return EBADF;
  if (self.state != State::kOpen) return ENOTCONN;
  const Instant now = NowOf(side);
  if (self.write_ended) return flow(Other(side)).finished() && flow(side).finish_acknowledged(now) ? ENOTCONN : 0;
  self.write_ended = true;
  flow(side).Finish(now);
  Notify(side, {.writable = true, .failed = self.read_ended});
  return 0;
}

void Connection::Close(Side side) {
  End& self = end(side);
  if (self.closed) return;
  const auto keep = shared_from_this();
  self.closed = true;
  self.watch = nullptr;
  const Flow& from = flow(Other(side));
  const bool unread = from.readable() > 0;
  const bool over = flow(side).finishing() && from.finished();
  if (self.state == State::kOpen && (unread || (self.reset_on_close && !over))) {
    Reset(side);
  } else if (self.state == State::kOpen) {
    self.read_ended = self.write_ended = true;
    if (!flow(side).finishing()) flow(side).Finish(NowOf(side));
  } else {
    syn_alarm_.Clear();
    self.state = State::kGone;
    flow(side).Abandon();
  }
  ForgetIfOver();
}

void Connection::Vanish(Side side) {
  End& self = end(side);
  const auto keep = shared_from_this();
  if (side == Side::kClient) syn_alarm_.Clear();
  self.state = State::kGone;
  self.closed = true;
  self.watch = nullptr;
  flow(side).Abandon();
  ForgetIfOver();
}

void Connection::Cut() {
  const auto keep = shared_from_this();
  for (const Side side : {Side::kClient, Side::kServer}) {
    OnReset(side);
    flow(side).DropInFlight();
  }
}

void Connection::Notify(Side side, Readiness::Edges edges) {
  if (SimWatch* const watch = end(side).watch; watch != nullptr) watch->Signal(edges);
}

void Connection::ForgetIfOver() {
  const bool finished = flow(Side::kClient).finished() && flow(Side::kServer).finished();
  const bool over = std::ranges::all_of(ends_, [&](const End& each) {
    return each.state == State::kGone || each.state == State::kNone || (each.closed && finished);
  });
  if (over) fabric_.Forget(*this);
}

}  // namespace flywheel::inline v0::sim
