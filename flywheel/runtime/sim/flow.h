// Flow: one direction of a simulated TCP connection: the sender's buffer, the wire, the receiver's buffer.
//
// All three are ranges of one stream of bytes: [read | delivered | sent | written). Segments carry no bytes, they say
// how far the stream has got when they arrive, in order; so a segment costs one alarm. Acknowledgements, which also
// open the receiver's window, take their way back as records that the sender looks at when it has a use for them, and
// ring only when somebody waits for one. Nothing is retransmitted segment by segment. What the link refuses (a
// partition, a silenced connection, a machine without power) stops the flow until the sender's timer tries again, with
// exponential back-off as in RFC 6298; only then has the flow a timer at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>

#include "flywheel/base/time.h"
#include "flywheel/runtime/sim/alarm.h"
#include "flywheel/runtime/sim/byte_ring.h"
#include "flywheel/runtime/sim/link.h"
#include "flywheel/runtime/sim/tcp.h"

struct iovec;

namespace flywheel::inline v0::sim {

class Connection;

class Flow {
 public:
  enum class Kind : unsigned char { kSyn, kSynAck, kAck, kData, kFin, kProbe, kReset };

  Flow(Connection& owner, Side sender, AlarmQueue& alarms, Link& link, std::size_t buffer);
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;

  // The sender. `now` is its host's time. Write takes what there is room for.
  std::size_t Write(std::span<const iovec> pieces, Instant now);
  void Finish(Instant now);
  void Send(Kind control, Instant now);
  [[nodiscard]] bool finishing() const noexcept { return fin_written_; }
  // Whether the receiver is known to have everything, and the end of it.
  [[nodiscard]] bool finish_acknowledged(Instant now);
  // Something that left the receiver after its acknowledgements arrives at the sender at `time`, and they not later.
  void AcknowledgeBy(Instant time);
  // The sender knows of no connection any more; what has left it is still under way.
  void Abandon() noexcept;

  // The receiver.
  [[nodiscard]] std::size_t readable() const noexcept { return static_cast<std::size_t>(delivered_ - bytes_.begin()); }
  std::size_t Read(std::span<std::byte> buffer, Instant now);
  [[nodiscard]] bool finished() const noexcept { return fin_delivered_; }
  // What is under way never arrives.
  void DropInFlight() noexcept;

 private:
  struct Segment {
    Instant arrival;
    std::uint64_t end;
    Kind kind;
  };
  struct Acknowledgement {
    Instant arrival;
    std::uint64_t received;
    std::uint64_t edge;
    bool finish;
  };

  [[nodiscard]] bool Open() const noexcept;
  [[nodiscard]] Duration Latency() noexcept;
  [[nodiscard]] std::size_t Room() const noexcept;
  [[nodiscard]] bool Settled() const noexcept;
  [[nodiscard]] std::size_t SegmentSize(std::uint64_t limit) noexcept;
  bool Put(Kind kind, std::uint64_t end, std::size_t bytes, Instant now);
  void Transmit(Instant now);
  void Hold(Instant now);
  void StartRetry(Instant now);
  void Retry(Instant now);
  void TakeAcknowledgements(Instant now);
  void Acknowledge(Instant now);
  void ArmSender();
  void Lose(Instant now);
  void OnArrival();
  void OnSender();

  Connection& owner_;
  const Side sender_;
  Link& link_;
  const std::size_t buffer_;

  ByteRing bytes_;  // [read, written)
  // The sender's.
  std::uint64_t sent_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t edge_;  // how far the receiver has offered to take
  bool fin_written_ = false;
  bool fin_sent_ = false;
  bool fin_acknowledged_ = false;
  bool wants_room_ = false;  // somebody was told EAGAIN
  bool held_ = false;        // what is sent waits for the retry
  bool abandoned_ = false;
  Instant stalled_since_ = kNever;  // nothing has been heard since
  Instant retry_at_ = kNever;
  Duration retry_after_ = kRetryMin;
  // On the wire.
  std::deque<Segment> in_flight_;
  std::deque<Acknowledgement> acknowledgements_;
  Instant last_arrival_{};
  Instant last_acknowledgement_{};
  bool arriving_ = false;
  // The receiver's.
  std::uint64_t delivered_ = 0;
  std::uint64_t offered_;
  bool fin_delivered_ = false;

  AlarmFor<&Flow::OnArrival> arrival_alarm_;
  AlarmFor<&Flow::OnSender> sender_alarm_;
};

}  // namespace flywheel::inline v0::sim
