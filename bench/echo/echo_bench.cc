// The row echo.cpu: CPU time per 64-byte echo on 32 connections, of Flywheel's example, of raw epoll and of Asio.
//
// As goals.md asks: servers on the first CPU, the load on the second. In each round all servers are started anew (so
// that no lucky memory layout lasts), warmed up, and take turns of one slice, ABCCBA several times over; those that
// wait are parked. A slice lies between two moments at which every message has been answered, and a round's value is
// the sum of its slices: what neighbours on the machine do hits all servers alike. Every echoed byte is checked.
// Rows: server_cpu, client_cpu and sum_cpu, because loopback bills some of the receiver's TCP work to the sender; and
// the server's allocations, counted in one run of their own.
#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>

#include "bench/allocation_meter.h"
#include "bench/clocks.h"
#include "bench/echo/load.h"
#include "bench/echo/server_process.h"
#include "bench/options.h"
#include "bench/peers/asio_peers.h"
#include "bench/rounds.h"

namespace flywheel::bench::echo {
namespace {

constexpr const char* kId = "echo.cpu";
constexpr std::size_t kConnections = 32;
constexpr std::size_t kMessageBytes = 64;
constexpr std::uint64_t kWarmUpMessages = 10'000;
constexpr int kPassesPerRound = 8;  // even, so that forward and backward passes are alike in number

struct Contender {
  std::string name;
  std::string version;
  std::vector<std::string> command;
  std::vector<double> server_cpu{};
  std::vector<double> client_cpu{};
  std::vector<double> sum_cpu{};
  std::vector<double> rate{};
  std::vector<double> calls{};
  std::vector<double> bytes{};
};

struct Cpus {
  int server;
  int load;
};

std::filesystem::path ProgramFolder() { return std::filesystem::read_symlink("/proc/self/exe").parent_path(); }

StatusOr<Cpus> TwoCpus() {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return ErrnoStatus(errno, "sched_getaffinity");
  std::vector<int> cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(static_cast<std::size_t>(cpu), &allowed)) cpus.push_back(cpu);
  }
  if (cpus.size() < 2) return FailedPrecondition("echo.cpu needs 2 CPUs, one for the server and one for the load");
  return Cpus{cpus[0], cpus[1]};
}

Status PinThisThread(int cpu) {
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(static_cast<std::size_t>(cpu), &only);
  if (sched_setaffinity(0, sizeof only, &only) != 0) return ErrnoStatus(errno, "sched_setaffinity");
  return Status::Ok();
}

// A started server with its load, for one round.
struct Entry {
  Contender* contender;
  ServerProcess server;
  std::unique_ptr<Load> load;
  std::uint64_t messages = 0;
  Duration server_cpu{};
  Duration client_cpu{};
  Duration wall{};
};

StatusOr<Entry> Start(Contender& contender, const LaunchOptions& options) {
  FW_ASSIGN_OR_RETURN(ServerProcess server, ServerProcess::Start(contender.command, options));
  auto load = std::make_unique<Load>(
      LoadOptions{.address = server.address(), .connections = kConnections, .size = kMessageBytes});
  FW_RETURN_IF_ERROR(load->Connect());
  FW_RETURN_IF_ERROR(load->Exchange(kWarmUpMessages));
  return Entry{.contender = &contender, .server = std::move(server), .load = std::move(load)};
}

Status RunSlice(Entry& entry, std::uint64_t messages) {
  FW_ASSIGN_OR_RETURN(const Duration server_before, CpuOfProcess(entry.server.pid()));
  const Instant start = MonotonicTime();
  const Duration client_before = ThreadCpu();
  FW_RETURN_IF_ERROR(entry.load->Exchange(messages));
  entry.client_cpu += ThreadCpu() - client_before;
  entry.wall += MonotonicTime() - start;
  FW_ASSIGN_OR_RETURN(const Duration server_after, CpuOfProcess(entry.server.pid()));
  entry.server_cpu += server_after - server_before;
  entry.messages += messages;
  return Status::Ok();
}

Status End(Entry& entry) {
  FW_RETURN_IF_ERROR(entry.load->Finish());
  FW_RETURN_IF_ERROR(entry.load->report().Verdict());
  FW_RETURN_IF_ERROR(entry.server.Stop());
  const auto per_message = [&](Duration time) {
    return static_cast<double>(time.count()) / static_cast<double>(entry.messages);
  };
  Contender& contender = *entry.contender;
  contender.server_cpu.push_back(per_message(entry.server_cpu));
  contender.client_cpu.push_back(per_message(entry.client_cpu));
  contender.sum_cpu.push_back(per_message(entry.server_cpu + entry.client_cpu));
  contender.rate.push_back(1e9 / per_message(entry.wall));
  return Status::Ok();
}

Status RunRound(std::vector<Contender>& contenders, const Cpus& cpus, int passes, Duration slice) {
  std::vector<Entry> entries;
  for (Contender& contender : contenders) {
    StatusOr<Entry> entry = Start(contender, {.cpu = cpus.server});
    if (!entry.ok()) return entry.status().Annotate(contender.name);
    entries.push_back(*std::move(entry));
  }
  // One slice tells how many messages fill a slice; the servers are near enough to each other to share the number.
  FW_RETURN_IF_ERROR(RunSlice(entries.front(), kWarmUpMessages));
  const Duration probe = std::exchange(entries.front().wall, {});
  entries.front().server_cpu = entries.front().client_cpu = {};
  entries.front().messages = 0;
  const auto messages = static_cast<std::uint64_t>(kWarmUpMessages * slice.count() / probe.count()) + kConnections;

  for (int pass = 0; pass < passes; ++pass) {
    for (const std::size_t turn : SidesInOrder(pass, entries.size())) {
      const Status status = RunSlice(entries[turn], messages);
      if (!status.ok()) return status.Annotate(entries[turn].contender->name);
    }
  }
  for (Entry& entry : entries) {
    if (const Status status = End(entry); !status.ok()) return status.Annotate(entry.contender->name);
  }
  return Status::Ok();
}

Status CountAllocations(Contender& contender, const Cpus& cpus) {
  const std::string library = ProgramFolder().parent_path() / "libflywheel_bench_allocations.so";
  FW_ASSIGN_OR_RETURN(const AllocationMeter meter, AllocationMeter::Create(library));
  FW_ASSIGN_OR_RETURN(const Entry entry, Start(contender, {.cpu = cpus.server, .environment = meter.environment()}));
  FW_ASSIGN_OR_RETURN(const Allocations before, meter.Read());
  FW_RETURN_IF_ERROR(entry.load->Exchange(kWarmUpMessages));
  FW_ASSIGN_OR_RETURN(const Allocations after, meter.Read());
  contender.calls = {static_cast<double>((after - before).calls) / kWarmUpMessages};
  contender.bytes = {static_cast<double>((after - before).bytes) / kWarmUpMessages};
  return entry.load->Finish();
}

Status Measure(std::vector<Contender>& contenders, const MeasureOptions& options) {
  FW_ASSIGN_OR_RETURN(const Cpus cpus, TwoCpus());
  FW_RETURN_IF_ERROR(PinThisThread(cpus.load));
  const int rounds = options.only_check ? 1 : options.rounds;
  for (int round = 0; round < rounds; ++round) {
    FW_RETURN_IF_ERROR(RunRound(contenders, cpus, options.only_check ? 1 : kPassesPerRound, options.slice));
    std::fprintf(stderr, "echo.cpu round %d of %d\n", round + 1, rounds);
  }
  for (Contender& contender : contenders) {
    if (!kCountsAllocations) break;
    if (const Status status = CountAllocations(contender, cpus); !status.ok()) return status.Annotate(contender.name);
  }
  return Status::Ok();
}

std::vector<Row> Rows(const std::vector<Contender>& contenders) {
  std::vector<Row> rows;
  const auto add = [&](const char* name, const char* unit, std::vector<double> Contender::* values) {
    std::vector<SideValues> sides;
    for (const Contender& contender : contenders) {
      sides.push_back({contender.name, contender.version, contender.*values});
    }
    std::ranges::move(MakeRows({kId, "32x64B", name, unit}, sides), std::back_inserter(rows));
  };
  add("server_cpu", "ns", &Contender::server_cpu);
  add("client_cpu", "ns", &Contender::client_cpu);
  add("sum_cpu", "ns", &Contender::sum_cpu);
  add("rate", "1/s", &Contender::rate);
  if (kCountsAllocations) {
    add("server_allocs", "calls", &Contender::calls);
    add("server_alloc_bytes", "B", &Contender::bytes);
  }
  return rows;
}

// Where the build puts the programs, seen from this one.
std::vector<Contender> DefaultContenders(const std::string& echo) {
  const std::filesystem::path folder = ProgramFolder();
  const std::string ours = echo.empty() ? (folder / "../../examples/echo/echo").lexically_normal().string() : echo;
  const std::vector<std::string> listen = {"--listen", "127.0.0.1:0"};
  return {{"flywheel", "", {ours, listen[0], listen[1]}},
          {"raw_epoll", "written here", {folder / "raw_epoll_echo", listen[0], listen[1]}},
          {"asio", peers::AsioVersion(), {folder / "asio_echo", listen[0], listen[1]}}};
}

int Main(const std::vector<std::string>& arguments) {
  const StatusOr<Options> options = ParseOptions(arguments);
  std::string echo;
  bool understood = options.ok();
  if (options.ok() && !options->rest.empty()) {
    understood = options->rest.size() == 2 && options->rest[0] == "--echo";
    if (understood) echo = options->rest[1];
  }
  if (!understood || options->help) {
    if (!options.ok()) std::fprintf(stderr, "echo_bench: %s\n", options.status().ToString().c_str());
    std::fprintf(stderr, "options:\n  --echo PROGRAM   our server (examples/echo/echo of the same build)\n%s",
                 std::string(OptionsHelp()).c_str());
    return understood ? 0 : 2;
  }
  if (options->list) {
    std::printf("%s EchoServers\n", kId);
    return 0;
  }
  if (!options->Wants(kId)) return 0;

  RunInfo info = DescribeMachine();
  std::vector<Contender> contenders = DefaultContenders(echo);
  std::vector<Status> failures;
  if (const Status status = Measure(contenders, options->measure); !status.ok()) {
    failures.push_back(status.Annotate(kId));
  }
  const bool measured = failures.empty() && !options->measure.only_check;
  return Finish(*options, std::move(info), measured ? Rows(contenders) : std::vector<Row>(), failures);
}

}  // namespace
}  // namespace flywheel::bench::echo

int main(int argc, char** argv) { return flywheel::bench::echo::Main(std::vector<std::string>(argv + 1, argv + argc)); }
