#include "bench/report.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "bench/allocations.h"

namespace flywheel::bench {
namespace {

const RunInfo kInfo{.revision = "abc123",
                    .date = "2024-05-01",
                    .cpu = "A \"fast\" CPU",
                    .kernel = "Linux 6",
                    .compiler = "clang",
                    .build = "optimized",
                    .cpus = 2,
                    .load = 0.5};

Row Alone(std::string id, double ours) {
  return {.id = std::move(id),
          .scenario = "c",
          .metric = "cpu",
          .unit = "ns",
          .ours = ours,
          .spread = {ours - 1, ours + 1},
          .rounds = 9,
          .peer = std::nullopt};
}

Row Against(std::string peer, double ours, double theirs) {
  Row row = Alone("runtime.await", ours);
  row.peer = PeerValue{
      .name = std::move(peer), .version = "1.22.1", .value = theirs, .ratio = ours / theirs, .spread = {0.125, 0.75}};
  return row;
}

std::vector<std::string> RowLines(const std::string& json) {
  std::vector<std::string> rows;
  std::istringstream lines(json);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("{\"id\"")) rows.push_back(line.substr(0, line.rfind('}') + 1));
  }
  return rows;
}

TEST(JsonTest, WritesEveryFieldOfARow) {
  const std::string json = ToJson(kInfo, {Against("asio", 20, 80), Alone("runtime.timer", 45.5)});
  EXPECT_EQ(json,
            "{\n"
            "\"revision\": \"abc123\", \"date\": \"2024-05-01\",\n"
            "\"machine\": {\"cpu\": \"A \\\"fast\\\" CPU\", \"cpus\": 2, \"kernel\": \"Linux 6\", "
            "\"compiler\": \"clang\", \"build\": \"optimized\", \"load\": 0.5},\n"
            "\"rows\": [\n"
            "{\"id\": \"runtime.await\", \"case\": \"c\", \"metric\": \"cpu\", \"peer\": \"asio\", \"unit\": \"ns\", "
            "\"ours\": 20, \"peer_version\": \"1.22.1\", \"peer_value\": 80, \"ratio\": 0.25, \"rounds\": 9, "
            "\"spread\": {\"ours\": [19, 21], \"ratio\": [0.125, 0.75]}},\n"
            "{\"id\": \"runtime.timer\", \"case\": \"c\", \"metric\": \"cpu\", \"peer\": null, \"unit\": \"ns\", "
            "\"ours\": 45.5, \"peer_version\": null, \"peer_value\": null, \"ratio\": null, \"rounds\": 9, "
            "\"spread\": {\"ours\": [44.5, 46.5]}}\n"
            "]\n}\n");
}

TEST(JsonTest, WhatIsNotANumberIsNullAndControlCharactersAreEscaped) {
  Row row = Alone("a\nb", std::numeric_limits<double>::quiet_NaN());
  const std::string json = ToJson(kInfo, {row});
  EXPECT_TRUE(json.contains("\"a\\u000ab\"")) << json;
  EXPECT_TRUE(json.contains("\"ours\": null")) << json;
  EXPECT_FALSE(json.contains("nan")) << json;
}

TEST(MergeTest, AddsRowsAndReplacesThoseOfTheSameName) {
  const std::string first =
      ToJson(kInfo, {Alone("base.histogram", 7), Against("asio", 20, 80), Against("other", 20, 40)});
  const StatusOr<std::string> merged = MergeJson(first, kInfo, {Against("asio", 10, 80), Alone("echo.cpu", 5000)});
  ASSERT_TRUE(merged.ok()) << merged.status().ToString();
  EXPECT_EQ(*merged, ToJson(kInfo, {Alone("base.histogram", 7), Against("asio", 10, 80), Against("other", 20, 40),
                                    Alone("echo.cpu", 5000)}));
}

TEST(MergeTest, AFileWithoutRowsTakesThem) {
  const StatusOr<std::string> merged = MergeJson(ToJson(kInfo, {}), kInfo, {Alone("a", 1)});
  ASSERT_TRUE(merged.ok()) << merged.status().ToString();
  EXPECT_EQ(*merged, ToJson(kInfo, {Alone("a", 1)}));
}

TEST(MergeTest, NeverMixesRevisionsOrDates) {
  const std::string existing = ToJson(kInfo, {Alone("a", 1)});
  RunInfo later = kInfo;
  later.revision = "def456";
  EXPECT_EQ(MergeJson(existing, later, {}).status().code(), StatusCode::kFailedPrecondition);
  later = kInfo;
  later.date = "2024-05-02";
  EXPECT_EQ(MergeJson(existing, later, {}).status().code(), StatusCode::kFailedPrecondition);
}

TEST(MergeTest, RefusesAFileThatIsNotInItsLayout) {
  const std::string good = ToJson(kInfo, {Alone("a", 1), Alone("b", 2)});
  for (std::size_t end = 0; end < good.size(); ++end) {
    EXPECT_FALSE(MergeJson(good.substr(0, end), kInfo, {}).ok()) << "cut after " << end << " bytes";
  }
  EXPECT_FALSE(MergeJson("{\"revision\": \"abc123\", \"rows\": []}\n", kInfo, {}).ok());
  std::string damaged = good;
  damaged.replace(damaged.find("{\"id\": \"b\""), 7, "{\"xx\": ");
  EXPECT_FALSE(MergeJson(damaged, kInfo, {}).ok());
}

class WriteJsonTest : public testing::Test {
 protected:
  WriteJsonTest() {
    std::string name = (std::filesystem::temp_directory_path() / "flywheel_bench_XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~WriteJsonTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] static std::string Read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  std::filesystem::path folder_;
};

TEST_F(WriteJsonTest, MakesTheFolderReplacesAppendsAndLeavesNothingHalfWritten) {
  const std::string path = folder_ / "bench" / "runtime.json";
  ASSERT_TRUE(WriteJson(path, WriteMode::kAppend, kInfo, {Alone("a", 1)}).ok()) << "append starts a missing file";
  EXPECT_EQ(Read(path), ToJson(kInfo, {Alone("a", 1)}));
  ASSERT_TRUE(WriteJson(path, WriteMode::kAppend, kInfo, {Alone("b", 2)}).ok());
  EXPECT_EQ(RowLines(Read(path)).size(), 2U);
  ASSERT_TRUE(WriteJson(path, WriteMode::kReplace, kInfo, {Alone("c", 3)}).ok());
  EXPECT_EQ(Read(path), ToJson(kInfo, {Alone("c", 3)}));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_ / "bench"), {}), 1);
}

TEST_F(WriteJsonTest, AForeignFileStaysAsItIs) {
  const std::string path = folder_ / "notes.json";
  std::ofstream(path) << "precious";
  const Status status = WriteJson(path, WriteMode::kAppend, kInfo, {Alone("a", 1)});
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(status.message().contains("notes.json"));
  EXPECT_EQ(Read(path), "precious");
}

TEST(TableTest, PrintsGoalsUnderTheirRowsOnceAndNamesThoseWithoutOne) {
  const Goals goals = Goals::Parse(
                          "runtime.await * cpu ours <=25ns <=15ns\n"
                          "runtime.await * cpu asio/ours >=3x -\n"
                          "runtime.await * cpu gone/ours >=3x -\n"
                          "not.measured * cpu ours <=1ns -\n",
                          "goals")
                          .value();
  const std::string table = ToTable({Against("asio", 20, 80), Against("other", 20, 40)}, goals);
  std::vector<std::string> lines;
  std::istringstream in(table);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 6U) << table;
  EXPECT_EQ(lines[0].find("ours/peer"), lines[1].find("0.2500")) << "columns are aligned\n" << table;
  EXPECT_EQ(lines[0].find("ours/peer"), lines[4].find("0.5000")) << table;
  EXPECT_EQ(lines[2], "    goal ours 20.0ns: must <=25ns met, aim <=15ns not yet");
  EXPECT_EQ(lines[3], "    goal asio/ours 4.00: must >=3x met");
  EXPECT_EQ(lines[5], "goal without a row: runtime.await * cpu gone/ours");
}

TEST(DescribeMachineTest, SaysWhereTheRowsAreFrom) {
  const RunInfo info = DescribeMachine();
  EXPECT_GE(info.cpus, 1);
  EXPECT_TRUE(info.kernel.starts_with("Linux "));
  EXPECT_TRUE(info.compiler.contains("Clang"));
#if defined(FW_BENCH_SANITIZED)
  EXPECT_EQ(info.build, "sanitized");
#elif defined(__OPTIMIZE__)
  EXPECT_EQ(info.build, "optimized");
#else
  EXPECT_EQ(info.build, "unoptimized");
#endif
}

}  // namespace
}  // namespace flywheel::bench
