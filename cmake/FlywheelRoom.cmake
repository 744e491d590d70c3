# flywheel_room(NAME [USES room...] [LIBRARIES external-target...] [BENCH_LIBRARIES target...])
#
# Declares the room flywheel/NAME from what lies in its folder, so that a room's CMakeLists.txt is one line and a file
# that is added is built:
#   *.cc          library flywheel_NAME, alias flywheel::NAME, linked publicly with the rooms it USES and LIBRARIES,
#                 which are written PACKAGE::TARGET, so that find_package(flywheel) can find PACKAGE again
#   *_test.cc     program NAME_test, each of its test cases one CTest test labelled NAME
#   *_bench.cc    program NAME_bench, linked with the harness of bench/ and BENCH_LIBRARIES, which are the peers that
#                 it is compared with; part of target `benches`, not of `all`
#   *_fuzz.cc     program fuzz_FILE each, in the asan preset only, and a short CTest test fuzz.NAME.FILE which replays
#                 the inputs in corpus/FILE/ and tries some thousand others, the same ones every time
#   *_sim.cc      scenarios, listed by the global property FLYWHEEL_SCENARIOS, for the program flywheel_sim (tools/sim)
#   *_main.cc     nothing: a program of the room, which the room's CMakeLists.txt declares itself
# USES is the layering rule of the house: the tidy test fails when an include crosses it.
include_guard(GLOBAL)
include(GNUInstallDirs)
include(GoogleTest)

add_custom_target(benches)

function(flywheel_room name)
  cmake_parse_arguments(PARSE_ARGV 1 room "" "" "USES;LIBRARIES;BENCH_LIBRARIES")
  if(room_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "flywheel_room(${name}): unknown arguments ${room_UNPARSED_ARGUMENTS}")
  endif()
  foreach(used IN LISTS room_USES)
    if(NOT TARGET flywheel::${used})
      message(FATAL_ERROR "flywheel_room(${name}) USES ${used}, which is not a room below it")
    endif()
  endforeach()

  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  foreach(kind test bench fuzz sim)
    set(${kind}_sources ${sources})
    list(FILTER ${kind}_sources INCLUDE REGEX "_${kind}\\.cc$")
  endforeach()
  list(FILTER sources EXCLUDE REGEX "_(test|bench|fuzz|sim|main)\\.cc$")

  set_property(GLOBAL APPEND PROPERTY FLYWHEEL_SCENARIOS ${sim_sources})

  flywheel_room_library()
  if(FLYWHEEL_TESTS AND test_sources)
    flywheel_test_program(${name}_test ${name} SOURCES ${test_sources} LIBRARIES flywheel::${name})
  endif()
  if(TARGET flywheel_bench_harness AND bench_sources)
    flywheel_room_benches()
  endif()
  if(FLYWHEEL_SANITIZE STREQUAL "address" AND fuzz_sources)
    flywheel_room_fuzzers()
  endif()
endfunction()

macro(flywheel_room_library)
  if(sources)
    set(scope PUBLIC)
    add_library(flywheel_${name} STATIC ${sources})
    target_precompile_headers(flywheel_${name} REUSE_FROM flywheel_pch)
  else()
    set(scope INTERFACE)  # a room of headers
    add_library(flywheel_${name} INTERFACE)
  endif()
  add_library(flywheel::${name} ALIAS flywheel_${name})
  target_compile_features(flywheel_${name} ${scope} cxx_std_23)
  target_include_directories(flywheel_${name} ${scope}
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  foreach(library IN LISTS room_LIBRARIES)
    target_link_libraries(flywheel_${name} ${scope} ${library})
    string(REGEX REPLACE "::.*" "" package ${library})
    set_property(GLOBAL APPEND PROPERTY FLYWHEEL_DEPENDENCIES ${package})
  endforeach()
  foreach(used IN LISTS room_USES)
    target_link_libraries(flywheel_${name} ${scope} flywheel::${used})
  endforeach()
  set_target_properties(flywheel_${name} PROPERTIES EXPORT_NAME ${name})
  set_property(GLOBAL APPEND PROPERTY FLYWHEEL_ROOMS ${name})
endmacro()

# flywheel_test_program(TARGET PREFIX SOURCES file... LIBRARIES target... [PROPERTIES name value...])
#
# A program of GoogleTest and rapidcheck cases, each of which becomes the CTest test PREFIX.Suite.Case labelled PREFIX.
function(flywheel_test_program target prefix)
  cmake_parse_arguments(PARSE_ARGV 2 test "" "" "SOURCES;LIBRARIES;PROPERTIES")
  add_executable(${target} ${test_SOURCES})
  target_link_libraries(${target} PRIVATE
    ${test_LIBRARIES} GTest::gtest GTest::gtest_main rapidcheck rapidcheck_gtest)
  target_precompile_headers(${target} REUSE_FROM flywheel_test_pch)
  set(timeout 60)
  if(FLYWHEEL_SANITIZE)
    set(timeout 300)
  endif()
  # Discovered after linking, so that ctest starts at once. The discovery limit is for a machine that is busy building.
  gtest_discover_tests(${target} TEST_PREFIX "${prefix}." DISCOVERY_TIMEOUT 60
    PROPERTIES TIMEOUT ${timeout} LABELS ${prefix} ${test_PROPERTIES})
endfunction()

macro(flywheel_room_benches)
  add_executable(${name}_bench EXCLUDE_FROM_ALL ${bench_sources})
  target_link_libraries(${name}_bench PRIVATE flywheel::${name} flywheel_bench_harness ${room_BENCH_LIBRARIES})
  target_precompile_headers(${name}_bench REUSE_FROM flywheel_pch)
  add_dependencies(benches ${name}_bench)
endmacro()

macro(flywheel_room_fuzzers)
  foreach(source IN LISTS fuzz_sources)
    cmake_path(GET source STEM file)
    string(REGEX REPLACE "_fuzz$" "" file ${file})
    add_executable(fuzz_${file} ${source})
    target_link_libraries(fuzz_${file} PRIVATE flywheel::${name})
    target_link_options(fuzz_${file} PRIVATE -fsanitize=fuzzer)
    target_precompile_headers(fuzz_${file} REUSE_FROM flywheel_pch)
    if(FLYWHEEL_TESTS)
      file(GLOB corpus CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${file}/*)
      if(corpus)
        list(JOIN corpus "," corpus)
        set(corpus -seed_inputs=${corpus})
      endif()
      add_test(NAME fuzz.${name}.${file} COMMAND fuzz_${file} -seed=1 -runs=10000 -max_total_time=30 -timeout=10
        ${corpus} -artifact_prefix=${CMAKE_CURRENT_BINARY_DIR}/fuzz_${file}-)
      set_tests_properties(fuzz.${name}.${file} PROPERTIES TIMEOUT 120 LABELS ${name})
    endif()
  endforeach()
endmacro()
