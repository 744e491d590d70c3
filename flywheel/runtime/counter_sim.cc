// A counter that is kept in a log on a disk that loses, tears and reorders what was not synced, while machines crash
// and connections are cut between the increment and its acknowledgement.
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "flywheel/base/backoff.h"
#include "flywheel/base/mutant.h"
#include "flywheel/runtime/file.h"
#include "flywheel/runtime/network.h"
#include "flywheel/runtime/semaphore.h"
#include "flywheel/runtime/sim/disk.h"
#include "flywheel/runtime/sim/fabric.h"
#include "flywheel/runtime/sim/scenario.h"
#include "flywheel/runtime/sleep.h"
#include "flywheel/runtime/task_group.h"
#include "flywheel/runtime/timeout.h"

namespace flywheel::inline v0::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kClients = 2;
constexpr Duration kFaultTime = seconds(15);
constexpr Duration kRunTime = seconds(30);

// One increment in the log, as large as a sector may tear it.
struct Record {
  std::uint64_t id = 0;        // of the increment, unique for ever
  std::uint64_t checksum = 0;  // of the id
  std::array<std::uint64_t, 254> padding{};
};

std::uint64_t Checksum(std::uint64_t id) { return Random(id)(); }

// The counter: an increment counts once, however often it is asked for, and is durable before it is acknowledged.
class Counter {
 public:
  Task<Status> Open() {
    FileSystem& files = Context::current().host()->files();
    FW_CO_RETURN_IF_ERROR(co_await files.MakeDirectory("/data"));
    FW_CO_ASSIGN_OR_RETURN(file_, co_await files.Open("/data/log", OpenMode::kCreate));
    if (!FW_MUTANT("counter.skips_directory_sync")) {
      FW_CO_RETURN_IF_ERROR(co_await files.SyncDirectory("/data"));
      FW_CO_RETURN_IF_ERROR(co_await files.SyncDirectory("/"));
    }
    co_return co_await Replay();
  }

  Task<Status> Increment(std::uint64_t id) {
    if (counted_.contains(id) && !FW_MUTANT("counter.counts_twice")) co_return Status::Ok();
    const Record record{.id = id, .checksum = Checksum(id)};
    FW_CO_RETURN_IF_ERROR(co_await file_->WriteAt(end_, std::as_bytes(std::span(&record, 1))));
    end_ += sizeof(Record);
    if (!FW_MUTANT("counter.skips_sync")) FW_CO_RETURN_IF_ERROR(co_await file_->Sync());
    Count(id);
    co_return Status::Ok();
  }

  [[nodiscard]] const std::multiset<std::uint64_t>& counted() const { return counted_; }

 private:
  Task<Status> Replay() {
    FW_CO_ASSIGN_OR_RETURN(const std::uint64_t size, co_await file_->Size());
    for (end_ = 0; end_ + sizeof(Record) <= size; end_ += sizeof(Record)) {
      std::array<std::byte, sizeof(Record)> bytes;
      FW_CO_ASSIGN_OR_RETURN(const std::size_t count, co_await file_->ReadAt(end_, bytes));
      if (count != bytes.size()) break;
      const auto record = std::bit_cast<Record>(bytes);
      // The tail of a crash: everything acknowledged lies before it.
      if (record.checksum != Checksum(record.id) && !FW_MUTANT("counter.accepts_torn_tail")) break;
      Count(record.id);
    }
    if (FW_MUTANT("counter.appends_after_torn_tail")) end_ = size;
    co_return Status::Ok();
  }

  void Count(std::uint64_t id) { counted_.insert(id); }

  std::unique_ptr<File> file_;
  std::uint64_t end_ = 0;
  std::multiset<std::uint64_t> counted_;
};

Task<Status> ReadId(Socket& socket, std::uint64_t& id) {
  std::array<std::byte, sizeof(id)> bytes;
  for (std::size_t read = 0; read < bytes.size();) {
    FW_CO_ASSIGN_OR_RETURN(const std::size_t count, co_await socket.Read(std::span(bytes).subspan(read)));
    if (count == 0) co_return Unavailable("the peer closed the connection");
    read += count;
  }
  id = std::bit_cast<std::uint64_t>(bytes);
  co_return Status::Ok();
}

Task<Status> ServeCounter(Counter& counter, Semaphore& turns, std::unique_ptr<Socket> socket) {
  for (;;) {
    std::uint64_t id = 0;
    FW_CO_RETURN_IF_ERROR(co_await ReadId(*socket, id));
    const auto answer = std::as_bytes(std::span(&id, 1));
    if (FW_MUTANT("counter.acks_early")) FW_CO_RETURN_IF_ERROR(co_await socket->WriteAll(answer));
    // One increment at a time: the log has one end.
    {
      FW_CO_ASSIGN_OR_RETURN(const auto turn, co_await turns.Acquire());
      FW_CO_RETURN_IF_ERROR(co_await counter.Increment(id));
    }
    if (!FW_MUTANT("counter.acks_early")) FW_CO_RETURN_IF_ERROR(co_await socket->WriteAll(answer));
  }
}

Task<void> RunServer() {
  auto counter = std::make_unique<Counter>();
  if (!(co_await counter->Open()).ok()) co_return;
  auto listener = Context::current().host()->network().Listen(*Endpoint::Parse("0.0.0.0:7000"));
  FW_CHECK(listener.ok()) << listener.status();
  Semaphore turns(1);
  TaskGroup connections;
  for (;;) {
    auto socket = co_await (*listener)->Accept();
    if (!socket.ok()) break;
    auto own = [](Counter& shared, Semaphore& order, std::unique_ptr<Socket> connection) -> Task<void> {
      (co_await ServeCounter(shared, order, std::move(connection))).IgnoreError();
    };
    connections.Spawn(own(*counter, turns, *std::move(socket)));
  }
  (co_await connections.Join()).IgnoreError();
}

struct Ledger {
  std::set<std::uint64_t> asked;
  std::set<std::uint64_t> acknowledged;
};

Task<Status> Ask(const Endpoint& server, std::uint64_t id) {
  FW_CO_ASSIGN_OR_RETURN(auto socket, co_await Context::current().host()->network().Connect(server));
  FW_CO_RETURN_IF_ERROR(co_await socket->WriteAll(std::as_bytes(std::span(&id, 1))));
  std::uint64_t answer = 0;
  FW_CO_RETURN_IF_ERROR(co_await ReadId(*socket, answer));
  co_return answer == id ? Status::Ok() : Internal("the answer belongs to another increment");
}

Task<void> RunClient(Endpoint server, std::uint64_t number, Random random, Ledger& ledger) {
  for (std::uint64_t id = number << 32;; ++id) {
    ledger.asked.insert(id);
    Backoff backoff(BackoffPolicy{});
    while (!(co_await Timeout(milliseconds(300), Ask(server, id))).ok()) {
      const auto pause = backoff.Next(random(), Loop::current()->now(), kNever);
      if (!(co_await Sleep(*pause)).ok()) co_return;
    }
    ledger.acknowledged.insert(id);
    if (!(co_await Sleep(milliseconds(random.Below(200)))).ok()) co_return;
  }
}

void PlanCrashes(SimWorld& world, SimHost& server) {
  Random random = world.random().Fork();
  for (Duration at = milliseconds(100); at < kFaultTime; at += milliseconds(200 + random.Below(1500))) {
    world.After(at, [&server] {
      if (server.running()) server.Crash(CrashKind::kMachine);
    });
    world.After(at + milliseconds(1 + random.Below(150)), [&server] {
      if (server.running()) return;
      server.Restart();
      server.Spawn(RunServer());
    });
  }
}

// Connections that break just then: the increment may have counted, and the client has to ask again.
void PlanCuts(SimWorld& world) {
  Random random = world.random().Fork();
  for (Duration at{}; at < kFaultTime; at += milliseconds(10 + random.Below(200))) {
    world.After(at, [&world] {
      const auto connections = world.network().Connections();
      if (!connections.empty()) world.network().Cut(connections[world.random().Below(connections.size())].id);
    });
  }
}

Task<StatusOr<std::multiset<std::uint64_t>>> ReadBack() {
  Counter counter;
  FW_CO_RETURN_IF_ERROR(co_await counter.Open());
  co_return counter.counted();
}

FW_SCENARIO(LossyCounter, "runtime.counter", "what was acknowledged is counted after any crash, and counted once",
            "counter.acks_early", "counter.skips_sync", "counter.counts_twice", "counter.accepts_torn_tail",
            "counter.appends_after_torn_tail", "counter.skips_directory_sync") {
  SimHost& server = world.AddHost({.name = "counter"});
  server.Spawn(RunServer());
  const Endpoint address = world.network().EndpointOf(server, 7000);
  Ledger ledger;
  for (std::uint64_t i = 1; i <= kClients; ++i) {
    world.AddHost().Spawn(RunClient(address, i, world.random().Fork(), ledger));
  }
  PlanCrashes(world, server);
  PlanCuts(world);
  world.RunFor(kRunTime);
  if (server.running()) server.Crash(CrashKind::kMachine);
  server.Restart();
  FW_ASSIGN_OR_RETURN(const auto counted, world.Run(server, ReadBack()));
  for (const std::uint64_t id : ledger.acknowledged) {
    if (counted.count(id) == 0) return Internal("an acknowledged increment is lost");
  }
  for (const std::uint64_t id : counted) {
    if (counted.count(id) != 1) return Internal("an increment was counted twice");
    if (!ledger.asked.contains(id)) return Internal("an increment was counted that nobody asked for");
  }
  if (ledger.acknowledged.empty()) return Internal("nothing was acknowledged: the scenario shows nothing");
  return Status::Ok();
}

}  // namespace
}  // namespace flywheel::inline v0::sim
