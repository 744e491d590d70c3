// Runs harness_bench, a real benchmark program of two files, the way ./run bench runs it.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "bench/allocations.h"

namespace flywheel::bench {
namespace {

struct Result {
  int exit_code;
  std::string output;  // stdout and stderr
};

class MainTest : public testing::Test {
 protected:
  MainTest() {
    std::string name = (std::filesystem::temp_directory_path() / "flywheel_bench_XXXXXX").string();
    folder_ = mkdtemp(name.data());
    std::ofstream(folder_ / "goals.txt") << "bench.malloc * cpu ours <=1000000ns <=0.000001ns\n"
                                            "bench.clock * allocs ours <=0calls -\n";
  }
  ~MainTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] Result Run(const std::string& arguments) const {
    const auto program = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "harness_bench";
    const std::string command = "'" + program.string() + "' --goals '" + Path("goals.txt") + "' " + arguments + " 2>&1";
    Result result{};
    std::FILE* const pipe = popen(command.c_str(), "r");
    std::array<char, 4096> buffer;
    while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
      result.output.append(buffer.data(), got);
    }
    result.exit_code = WEXITSTATUS(pclose(pipe));
    return result;
  }
  [[nodiscard]] std::string Path(const std::string& name) const { return (folder_ / name).string(); }
  [[nodiscard]] std::string Json() const {
    std::ostringstream text;
    text << std::ifstream(Path("rows.json")).rdbuf();
    return text.str();
  }

  std::filesystem::path folder_;
};

TEST_F(MainTest, FindsTheBenchmarksOfEveryLinkedFileInTheOrderOfIds) {
  const Result list = Run("--list");
  EXPECT_EQ(list.exit_code, 0);
  EXPECT_EQ(list.output, "bench.clock ReadClocks\nbench.malloc CountedMalloc\n");
}

TEST_F(MainTest, MeasuresPrintsGoalsAndAddsToOneFile) {
  const std::string common = "--slice-ms 1 --revision r1 --date 2024-05-01 ";
  const Result first = Run(common + "--only bench.malloc --out " + Path("rows.json"));
  EXPECT_EQ(first.exit_code, 0) << "a missed aim fails nothing\n" << first.output;
  EXPECT_TRUE(first.output.contains("must <=1000000ns met, aim <=0.000001ns not yet")) << first.output;
  EXPECT_FALSE(first.output.contains("goal without a row")) << first.output;
  EXPECT_FALSE(Json().contains("bench.clock"));

  const Result second = Run(common + "--only bench.clock --append " + Path("rows.json"));
  EXPECT_EQ(second.exit_code, 0) << second.output;
  EXPECT_EQ(second.output.contains("ours 0.00calls: must <=0calls met"), kCountsAllocations) << second.output;
  const std::string json = Json();
  EXPECT_TRUE(json.contains(R"({"id": "bench.malloc", "case": "48B", "metric": "cpu", "peer": )")) << json;
  EXPECT_TRUE(json.contains(R"({"id": "bench.clock", "case": "read", "metric": "wall", "peer": "process_cpu")"))
      << json;
  EXPECT_TRUE(json.contains(R"("revision": "r1", "date": "2024-05-01")")) << json;

  const Result mixed = Run("--slice-ms 1 --revision r2 --only bench.clock --append " + Path("rows.json"));
  EXPECT_EQ(mixed.exit_code, 1) << "rows of two revisions in one file";
  EXPECT_EQ(Json(), json);
}

TEST_F(MainTest, CheckRunsTheWorkAndWritesNothing) {
  const Result check = Run("--check --out " + Path("rows.json"));
  EXPECT_EQ(check.exit_code, 0) << check.output;
  EXPECT_FALSE(std::filesystem::exists(Path("rows.json")));
}

TEST_F(MainTest, ARequestForOtherRoomsRowsIsSaidAndLeavesNoRowsOfAnEarlierRun) {
  ASSERT_EQ(Run("--slice-ms 1 --only bench.malloc --out " + Path("rows.json")).exit_code, 0);
  const Result result = Run("--only no.such.id --out " + Path("rows.json"));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_TRUE(result.output.contains("nothing to do")) << result.output;
  EXPECT_TRUE(Json().contains("\"rows\": [\n]")) << Json();
}

TEST_F(MainTest, RefusesArgumentsItDoesNotUnderstand) {
  for (const char* bad :
       {"--rounds 6", "--rounds many", "--slice-ms 0", "--only", "--frobnicate", "--out a --append b"}) {
    const Result result = Run(bad);
    EXPECT_EQ(result.exit_code, 2) << bad << "\n" << result.output;
    EXPECT_TRUE(result.output.contains("--rounds N")) << "the options are printed";
  }
  EXPECT_EQ(Run("--help").exit_code, 0);
}

TEST_F(MainTest, MissingGoalsAreSaidAndTheRowsAreStillWritten) {
  const Result result = Run("--goals no/such/file --slice-ms 1 --only bench.malloc --out " + Path("rows.json"));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_TRUE(result.output.contains("no/such/file")) << result.output;
  EXPECT_TRUE(Json().contains("bench.malloc"));
}

}  // namespace
}  // namespace flywheel::bench
