// The load on an echo server: many connections on one thread, each byte that comes back compared with what was sent.
//
// Raw epoll and nothing of Flywheel's runtime, so that it judges any server alike. A connection sends messages of one
// size, keeping up to `window` of them unanswered, and every run ends in the same strict way: it stops sending,
// half-closes, and reads to the end of the stream, where exactly what it sent must have come back. An end before that,
// a reset or no end at all is a cut; a wrong byte, or one too many, is a mismatch. The other connections go on, and the
// first few problems are described. A server from which no byte comes for `timeout` is given up on.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bench/echo/latencies.h"
#include "bench/echo/sockets.h"
#include "flywheel/base/status_or.h"
#include "flywheel/base/time.h"

namespace flywheel::bench::echo {

inline constexpr std::size_t kConnectionsMax = 20'000;  // within Linux's default range of local ports, 28,232
inline constexpr std::size_t kMessageBytesMax = 16 << 20;
inline constexpr std::size_t kWindowMax = 4096;

struct LoadOptions {
  std::string address{};        // "127.0.0.1:7000"
  std::size_t connections = 1;  // 1..kConnectionsMax
  std::size_t size = 64;        // bytes of a message, 1..kMessageBytesMax
  std::size_t window = 1;       // messages of a connection that may be unanswered, 1..kWindowMax
  // This share of the connections resets (RST, no orderly end) in the middle of a message after every few messages:
  // half of the times with bytes in flight, half after the server has answered all it got. Then it connects anew.
  double reset_share = 0;
  Duration timeout = std::chrono::seconds(30);
};

struct LoadReport {
  std::uint64_t messages = 0;         // answered in full
  std::uint64_t bytes = 0;            // that came back and were right
  std::uint64_t resets = 0;           // made by us
  std::uint64_t finished = 0;         // connections that ended as they should
  std::uint64_t mismatches = 0;       // connections that ended with a wrong byte
  std::uint64_t cuts = 0;             // connections that ended in any other way
  std::vector<std::string> problems;  // the first few mismatches and cuts
  Latencies latencies;                // of messages

  // DATA_LOSS with the first problem if there is one.
  [[nodiscard]] Status Verdict() const;
};

class Load {
 public:
  // A descriptor that becomes readable, for example a signalfd, ends ExchangeUntil; -1: none.
  explicit Load(LoadOptions options, int stop = -1);
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // What these return is about the run as a whole; what goes wrong on single connections is in the report.

  // Opens all connections. The first that is refused is the result.
  Status Connect();
  // Sends exactly `messages` messages, spread over the connections as they are answered, and awaits all answers.
  Status Exchange(std::uint64_t messages);
  // Sends until `end` or until stopped, and returns at once: with messages unanswered and perhaps half sent.
  Status ExchangeUntil(Instant end);
  // Awaits the answers to everything sent so far.
  Status Settle();
  // Sends `bytes` on each connection as fast as the server takes them, not waiting for answers, then as Finish.
  Status StreamAndFinish(std::uint64_t bytes);
  // Stops sending where it stands, half-closes and reads to the end on every connection.
  Status Finish();

  [[nodiscard]] const LoadReport& report() const { return report_; }

 private:
  enum class State : std::uint8_t { kConnecting, kOpen, kHalfClosed, kClosed };

  struct Connection {
    Fd fd;
    State state = State::kClosed;
    bool resets = false;              // belongs to reset_share
    bool blocked = false;             // waits until it can send
    std::uint64_t stream = 0;         // of the pattern
    std::uint64_t allowed = 0;        // offset up to which it may send
    std::uint64_t sent = 0;           // <= allowed
    std::uint64_t received = 0;       // <= sent
    std::uint64_t started = 0;        // messages
    std::uint64_t answered = 0;       // messages, <= started <= answered + window
    std::uint64_t reset_at = 0;       // offset in the middle of a message
    std::vector<Instant> started_at;  // of the unanswered messages, a ring of `window`
  };

  [[nodiscard]] Status Validate() const;
  // Opens a connection for the first time or, after a reset, again.
  Status Open(Connection& connection);
  // Turns until `done()`, or `end`: both OK. DEADLINE_EXCEEDED when no byte has come for `timeout`.
  template <typename Done>
  Status TurnUntil(Done done, Instant end);
  void OnEvent(Connection& connection, std::uint32_t events);
  void OnConnected(Connection& connection);
  void OnReadable(Connection& connection);
  void OnBytes(Connection& connection, std::span<const unsigned char> bytes);
  void OnEnd(Connection& connection, int error);
  void Pump(Connection& connection, Instant now);  // starts what budget and window allow, and sends
  void PumpAll();
  void Send(Connection& connection);
  void HalfCloseIfDone(Connection& connection);
  void ResetIfDue(Connection& connection);
  void Watch(const Connection& connection, int operation, std::uint32_t events);
  void Block(Connection& connection, bool blocked);
  void Close(Connection& connection);
  void Fault(Connection& connection, std::uint64_t& counter, std::string what);
  [[nodiscard]] std::size_t IndexOf(const Connection& connection) const {
    return static_cast<std::size_t>(&connection - connections_.data());
  }

  LoadOptions options_;
  int stop_;
  sockaddr_in address_{};
  Fd epoll_;
  std::vector<Connection> connections_;
  std::vector<unsigned char> received_;
  std::vector<unsigned char> to_send_;
  std::uint64_t budget_ = 0;      // messages that may still be started
  std::uint64_t unanswered_ = 0;  // messages
  std::uint64_t streams_ = 0;     // given out
  std::size_t connecting_ = 0;
  std::size_t living_ = 0;  // in any state but kClosed
  bool finishing_ = false;
  bool stopped_ = false;
  Instant progress_{};  // the last byte or connection
  Status failure_;      // of the run: a connection could not be opened
  LoadReport report_;
};

}  // namespace flywheel::bench::echo
