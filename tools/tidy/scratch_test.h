// Scratch: a folder of files for one test, removed with it.
//
// For the checks that ask other programs, which look at the disk. Each test has its own, named by the system, so that
// tests may run side by side.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace flywheel::tidy {

class Scratch {
 public:
  Scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "tidy_test.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "mkdtemp " << name;
    root_ = std::filesystem::canonical(name);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }

  const std::filesystem::path& root() const { return root_; }

  void Write(std::string_view path, std::string_view text) const {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path, std::ios::binary) << text;
  }

 private:
  std::filesystem::path root_;
};

// What CMakeLists.txt hands to the tests. Where it is missing a test fails instead of testing nothing.
inline std::string SourceDir() {
  const char* const value = ::getenv("FLYWHEEL_SOURCE_DIR");
  if (value == nullptr) ADD_FAILURE() << "FLYWHEEL_SOURCE_DIR is not set; run this through ctest";
  return value == nullptr ? "" : value;
}
inline std::string FromBuild(std::string_view path) {
  const std::filesystem::path full = std::filesystem::current_path() / path;
  if (!std::filesystem::exists(full)) ADD_FAILURE() << full << " does not exist; run this through ctest";
  return full.string();
}

}  // namespace flywheel::tidy
