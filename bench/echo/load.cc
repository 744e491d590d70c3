#include "bench/echo/load.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>

#include "bench/clocks.h"
#include "bench/echo/pattern.h"
#include "flywheel/base/check.h"

namespace flywheel::bench::echo {
namespace {

constexpr std::size_t kChunkBytes = 65'536;
constexpr std::size_t kEventsPerTurn = 256;
constexpr std::size_t kConnectingMax = 128;  // below every sensible backlog
constexpr std::size_t kProblemsMax = 5;
constexpr std::uint64_t kMessagesBeforeResetMax = 8;
constexpr std::uint64_t kStopTag = ~std::uint64_t{0};

// An event names its connection and, since a reset connection is opened anew in the same place, which life of it.
std::uint64_t Tag(std::size_t index, std::uint64_t stream) { return (stream << 32) | index; }

}  // namespace

Status LoadReport::Verdict() const {
  if (mismatches + cuts == 0) return Status::Ok();
  return DataLoss(std::to_string(mismatches) + " connections with wrong bytes, " + std::to_string(cuts) +
                  " cut; first: " + problems.front());
}

Load::Load(LoadOptions options, int stop)
    : options_(std::move(options)), stop_(stop), received_(kChunkBytes), to_send_(kChunkBytes) {}

Status Load::Validate() const {
  const auto outside = [](const char* what, auto value, auto min, auto max) {
    return InvalidArgument(std::string(what) + " " + std::to_string(value) + " is not within " + std::to_string(min) +
                           ".." + std::to_string(max));
  };
  const auto& [address, connections, size, window, reset_share, timeout] = options_;
  if (connections < 1 || connections > kConnectionsMax) return outside("connections", connections, 1, kConnectionsMax);
  if (size < 1 || size > kMessageBytesMax) return outside("message bytes", size, 1, kMessageBytesMax);
  if (window < 1 || window > kWindowMax) return outside("window", window, 1, kWindowMax);
  if (!(reset_share >= 0 && reset_share <= 1)) return outside("reset share", reset_share, 0, 1);
  if (reset_share > 0 && size < 2) return InvalidArgument("a message of 1 byte has no middle to reset in; use 2 bytes");
  return Status::Ok();
}

Status Load::Connect() {
  constexpr std::size_t kOtherFiles = 16;
  FW_RETURN_IF_ERROR(Validate());
  FW_ASSIGN_OR_RETURN(address_, ParseAddress(options_.address));
  FW_RETURN_IF_ERROR(RaiseFileLimit(options_.connections + kOtherFiles));
  epoll_ = Fd(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) return ErrnoStatus(errno, "epoll_create1");

  connections_.resize(options_.connections);
  const auto resetting =
      static_cast<std::size_t>(std::ceil(options_.reset_share * static_cast<double>(options_.connections)));
  for (std::size_t i = 0; i < connections_.size(); ++i) {
    connections_[i].resets = i < resetting;
    FW_RETURN_IF_ERROR(Open(connections_[i]));
    const std::size_t still_connecting = i + 1 < connections_.size() ? kConnectingMax : 0;
    FW_RETURN_IF_ERROR(TurnUntil([&] { return connecting_ <= still_connecting; }, kNever));
  }
  return Status::Ok();
}

Status Load::Exchange(std::uint64_t messages) {
  budget_ = messages;
  PumpAll();
  return TurnUntil([this] { return budget_ == 0 && unanswered_ == 0 && connecting_ == 0; }, kNever);
}

Status Load::ExchangeUntil(Instant end) {
  if (stop_ >= 0) {
    epoll_event event{.events = EPOLLIN, .data = {.u64 = kStopTag}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, stop_, &event) != 0) return ErrnoStatus(errno, "epoll_ctl");
  }
  budget_ = ~std::uint64_t{0};
  PumpAll();
  const Status status = TurnUntil([this] { return stopped_; }, end);
  budget_ = 0;
  if (stop_ >= 0) epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, stop_, nullptr);
  return status;
}

Status Load::Settle() { return Exchange(0); }

Status Load::StreamAndFinish(std::uint64_t bytes) {
  for (Connection& connection : connections_) {
    if (connection.state == State::kOpen) connection.allowed = connection.sent + bytes;
  }
  finishing_ = true;
  for (Connection& connection : connections_) {
    if (connection.state == State::kOpen) Send(connection);
  }
  return Finish();
}

Status Load::Finish() {
  budget_ = 0;
  if (!finishing_) {
    finishing_ = true;
    for (Connection& connection : connections_) {
      if (connection.state != State::kOpen) continue;
      connection.allowed = connection.sent;
      Block(connection, false);
      HalfCloseIfDone(connection);
    }
  }
  Status status = TurnUntil([this] { return living_ == 0; }, kNever);
  if (status.code() != StatusCode::kDeadlineExceeded) return status;
  for (Connection& connection : connections_) {
    if (connection.state != State::kClosed) Fault(connection, report_.cuts, "still open after the timeout");
  }
  return Status::Ok();
}

Status Load::Open(Connection& connection) {
  FW_ASSIGN_OR_RETURN(Fd fd, StartConnect(address_));
  const std::uint64_t stream = ++streams_;
  // A reset comes after 0 to 7 whole messages, in the middle of the next.
  const std::uint64_t reset_at = stream % kMessagesBeforeResetMax * options_.size + options_.size / 2;
  connection = Connection{.fd = std::move(fd),
                          .state = State::kConnecting,
                          .resets = connection.resets,
                          .stream = stream,
                          .reset_at = reset_at,
                          .started_at = std::move(connection.started_at)};
  connection.started_at.resize(options_.window);
  Watch(connection, EPOLL_CTL_ADD, EPOLLOUT);
  ++connecting_;
  ++living_;
  return Status::Ok();
}

template <typename Done>
Status Load::TurnUntil(Done done, Instant end) {
  std::array<epoll_event, kEventsPerTurn> events;
  progress_ = MonotonicTime();
  while (!done()) {
    if (!failure_.ok()) return failure_;
    if (living_ == 0) return Unavailable("no connection is left; " + report_.Verdict().ToString());
    const Instant now = MonotonicTime();
    const Instant give_up = SaturatingAdd(progress_, options_.timeout);
    if (now >= end) return Status::Ok();
    if (now >= give_up) {
      return DeadlineExceeded("no byte from " + options_.address + " while " + std::to_string(unanswered_) +
                              " messages were unanswered; the limit is " +
                              std::to_string(options_.timeout / std::chrono::milliseconds(1)) + " ms (--timeout)");
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(std::min(end, give_up) - now);
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 static_cast<int>(std::min<std::int64_t>(wait.count(), 1'000'000)));
    for (const epoll_event& event : std::span(events).first(static_cast<std::size_t>(std::max(count, 0)))) {
      if (event.data.u64 == kStopTag) {
        stopped_ = true;
        continue;
      }
      Connection& connection = connections_[event.data.u64 & 0xffffffff];
      if (connection.state == State::kClosed || event.data.u64 >> 32 != connection.stream) continue;
      OnEvent(connection, event.events);
    }
  }
  return failure_;
}

void Load::OnEvent(Connection& connection, std::uint32_t events) {
  if (connection.state == State::kConnecting) return OnConnected(connection);
  if ((events & EPOLLOUT) != 0 && connection.state == State::kOpen) {
    const std::uint64_t stream = connection.stream;
    Send(connection);
    if (connection.state == State::kClosed || connection.stream != stream) return;
  }
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) != 0) OnReadable(connection);
}

void Load::OnConnected(Connection& connection) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(connection.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  --connecting_;
  if (error != 0) {
    if (failure_.ok()) failure_ = ErrnoStatus(error, "connect " + options_.address);
    return Close(connection);
  }
  connection.state = State::kOpen;
  progress_ = MonotonicTime();
  Watch(connection, EPOLL_CTL_MOD, EPOLLIN);
  if (finishing_) {
    HalfCloseIfDone(connection);
  } else {
    Pump(connection, progress_);
  }
}

void Load::OnReadable(Connection& connection) {
  const std::uint64_t stream = connection.stream;
  while (true) {
    const ssize_t got = recv(connection.fd.get(), received_.data(), received_.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return OnEnd(connection, got < 0 ? errno : 0);
    OnBytes(connection, std::span(received_).first(static_cast<std::size_t>(got)));
    if (connection.state == State::kClosed || connection.stream != stream) return;
    if (static_cast<std::size_t>(got) < received_.size()) return;
  }
}

void Load::OnBytes(Connection& connection, std::span<const unsigned char> bytes) {
  if (bytes.size() > connection.sent - connection.received) {
    return Fault(connection, report_.mismatches, "more came back than was sent");
  }
  if (!MatchesPattern(connection.stream, connection.received, bytes)) {
    return Fault(connection, report_.mismatches, "wrong bytes");
  }
  connection.received += bytes.size();
  report_.bytes += bytes.size();
  progress_ = MonotonicTime();
  while (connection.answered < connection.started && connection.received >= (connection.answered + 1) * options_.size) {
    report_.latencies.Record(progress_ - connection.started_at[connection.answered % options_.window]);
    ++report_.messages;
    ++connection.answered;
    --unanswered_;
  }
  if (!finishing_) Pump(connection, progress_);
}

void Load::OnEnd(Connection& connection, int error) {
  if (error != 0) return Fault(connection, report_.cuts, ErrnoStatus(error, "recv").ToString());
  if (connection.state != State::kHalfClosed) {
    return Fault(connection, report_.cuts, "the server ended the stream before we did");
  }
  if (connection.received != connection.sent) return Fault(connection, report_.cuts, "the stream ended early");
  ++report_.finished;
  Close(connection);
}

void Load::PumpAll() {
  const Instant now = MonotonicTime();
  for (Connection& connection : connections_) {
    if (connection.state == State::kOpen) Pump(connection, now);
  }
}

void Load::Pump(Connection& connection, Instant now) {
  while (budget_ > 0 && connection.started - connection.answered < options_.window &&
         (!connection.resets || connection.allowed < connection.reset_at)) {
    connection.started_at[connection.started % options_.window] = now;
    ++connection.started;
    ++unanswered_;
    --budget_;
    connection.allowed = connection.started * options_.size;
    if (connection.resets) connection.allowed = std::min(connection.allowed, connection.reset_at);
  }
  if (!connection.blocked && connection.sent < connection.allowed) {
    Send(connection);
  } else {
    ResetIfDue(connection);
  }
}

void Load::Send(Connection& connection) {
  while (connection.sent < connection.allowed) {
    const auto chunk = std::span(to_send_).first(std::min(connection.allowed - connection.sent, to_send_.size()));
    FillPattern(connection.stream, connection.sent, chunk);
    const ssize_t sent = send(connection.fd.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN || errno == EINTR) return Block(connection, true);
      return Fault(connection, report_.cuts, ErrnoStatus(errno, "send").ToString());
    }
    connection.sent += static_cast<std::uint64_t>(sent);
  }
  Block(connection, false);
  HalfCloseIfDone(connection);
  ResetIfDue(connection);
}

void Load::HalfCloseIfDone(Connection& connection) {
  if (!finishing_ || connection.state != State::kOpen || connection.sent < connection.allowed) return;
  // An end that came while all was answered lies unread; after our own it would look like a proper one.
  unsigned char byte = 0;
  if (recv(connection.fd.get(), &byte, 1, MSG_PEEK) == 0) return OnEnd(connection, 0);
  connection.state = State::kHalfClosed;
  if (shutdown(connection.fd.get(), SHUT_WR) != 0) {
    Fault(connection, report_.cuts, ErrnoStatus(errno, "shutdown").ToString());
  }
}

void Load::ResetIfDue(Connection& connection) {
  if (!connection.resets || finishing_ || connection.sent != connection.reset_at) return;
  const bool waits_for_answer = connection.stream % 2 == 0;
  if (waits_for_answer && connection.received < connection.sent) return;
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(connection.fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  Close(connection);
  ++report_.resets;
  if (Status status = Open(connection); !status.ok() && failure_.ok()) failure_ = std::move(status);
}

void Load::Watch(const Connection& connection, int operation, std::uint32_t events) {
  epoll_event event{.events = events, .data = {.u64 = Tag(IndexOf(connection), connection.stream)}};
  FW_CHECK(epoll_ctl(epoll_.get(), operation, connection.fd.get(), &event) == 0) << "epoll_ctl: errno " << errno;
}

void Load::Block(Connection& connection, bool blocked) {
  if (connection.blocked == blocked) return;
  connection.blocked = blocked;
  Watch(connection, EPOLL_CTL_MOD, blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void Load::Close(Connection& connection) {
  unanswered_ -= connection.started - connection.answered;
  --living_;
  connection.state = State::kClosed;
  connection.fd.Close();
}

void Load::Fault(Connection& connection, std::uint64_t& counter, std::string what) {
  ++counter;
  if (report_.problems.size() < kProblemsMax) {
    report_.problems.push_back("connection " + std::to_string(IndexOf(connection)) + ": " + what + " (sent " +
                               std::to_string(connection.sent) + ", received " + std::to_string(connection.received) +
                               ")");
  }
  if (connection.state == State::kConnecting) --connecting_;
  Close(connection);
}

}  // namespace flywheel::bench::echo
