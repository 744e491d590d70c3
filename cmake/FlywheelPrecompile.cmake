# Two precompiled headers for the whole tree, each compiled once: `flywheel_pch` with the standard library for
# libraries, benchmarks and fuzz targets, `flywheel_test_pch` with GoogleTest and rapidcheck besides. None of our own
# headers is in them: those change, and each must stand alone (the tidy test compiles every header without these).
include_guard(GLOBAL)

set(FLYWHEEL_PCH_STD
  <algorithm> <array> <atomic> <bit> <chrono> <concepts> <coroutine> <cstdint> <cstring> <functional> <memory> <mutex>
  <optional> <span> <string> <string_view> <tuple> <type_traits> <unordered_map> <utility> <variant> <vector>)

file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/pch.cc CONTENT "// A precompiled header needs a source file.\n")

function(flywheel_pch_target name)
  add_library(${name} OBJECT EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/pch.cc)
  target_precompile_headers(${name} PRIVATE ${ARGN})
endfunction()

flywheel_pch_target(flywheel_pch ${FLYWHEEL_PCH_STD})
if(FLYWHEEL_TESTS)
  flywheel_pch_target(flywheel_test_pch ${FLYWHEEL_PCH_STD} <gtest/gtest.h> <rapidcheck.h> <rapidcheck/gtest.h>)
  target_link_libraries(flywheel_test_pch PRIVATE GTest::gtest rapidcheck_gtest)
endif()
