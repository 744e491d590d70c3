# The compiler, and how it is called for every target of the tree.
include_guard(GLOBAL)

if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR
    "flywheel: ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION} (${CMAKE_CXX_COMPILER}) is refused; "
    "clang 19 or newer is needed.\n"
    "Reason: g++ 12 miscompiles ordinary coroutines. Of 28 everyday idioms, such as an aggregate passed by value or a "
    "capturing lambda inside a co_await expression, 14 free twice, crash or do not compile; clang 19 passes all.\n"
    "On Debian 12: apt-get install clang-19, then ./run build, or cmake --preset release.")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
unset(CMAKE_POSITION_INDEPENDENT_CODE)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
# -g1 keeps function names and lines for backtraces at a tenth of the size of full debug information.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g -D_GLIBCXX_ASSERTIONS")

add_compile_options(
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
  -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Wthread-safety
  -Wno-missing-designated-field-initializers  # options are aggregates: what is not named keeps its default
  -Wno-deprecated-declarations  # libstdc++ 12 uses its own get_temporary_buffer in every std::stable_sort
  -fPIC  # also for programs, where CMake would say -fPIE: a precompiled header serves one of them only
  -fno-omit-frame-pointer  # profiles and the turn watchdog walk the stack
  # No path of the machine that built it reaches a binary, neither by __FILE__ nor by debug information, in which the
  # build folder becomes "." as well: so a debugger that is started in the source folder finds the sources.
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=
  -ffile-prefix-map=${PROJECT_BINARY_DIR}=.)
if(FLYWHEEL_WERROR)
  add_compile_options(-Werror)
endif()

if(FLYWHEEL_SANITIZE STREQUAL "address")
  # "fuzzer-no-link" gives the fuzz targets, which exist in this preset only, their coverage of the libraries.
  set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=all)
  add_compile_options(${sanitize} -fsanitize=fuzzer-no-link -O1 -g1)
  add_link_options(${sanitize})
elseif(FLYWHEEL_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -O1 -g1)
  add_link_options(-fsanitize=thread)
elseif(FLYWHEEL_SANITIZE)
  message(FATAL_ERROR "flywheel: FLYWHEEL_SANITIZE is '${FLYWHEEL_SANITIZE}'; say address, thread or nothing")
endif()

if(PROJECT_IS_TOP_LEVEL)
  find_program(FLYWHEEL_MOLD mold)
  if(FLYWHEEL_MOLD)
    add_link_options(-fuse-ld=mold)
  endif()
  find_program(FLYWHEEL_CCACHE ccache)
  if(FLYWHEEL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # The sloppiness is what ccache asks for before it caches anything that uses a precompiled header.
    set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros ${FLYWHEEL_CCACHE})
    add_compile_options("SHELL:-Xclang -fno-pch-timestamp")
  endif()
endif()
