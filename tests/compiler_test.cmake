# cmake -DSOURCE_DIR=... -DSCRATCH_DIR=... -DCXX=... -P compiler_test.cmake
#
# Compilers that miscompile coroutines must be refused by configure, and the message must say why and what to do. A
# Debian machine need not have g++, so CMake is told that clang is one.
cmake_minimum_required(VERSION 3.25)

function(expect_refused id version)
  file(REMOVE_RECURSE ${SCRATCH_DIR})
  execute_process(
    COMMAND ${CMAKE_COMMAND} -S ${SOURCE_DIR} -B ${SCRATCH_DIR} -G Ninja -DCMAKE_CXX_COMPILER=${CXX}
      -DCMAKE_CXX_COMPILER_ID_RUN=1 -DCMAKE_CXX_COMPILER_ID=${id} -DCMAKE_CXX_COMPILER_VERSION=${version}
      -DCMAKE_CXX_COMPILER_FORCED=1
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(result EQUAL 0)
    message(FATAL_ERROR "${id} ${version} was accepted:\n${output}")
  endif()
  string(REGEX REPLACE "[ \n]+" " " output "${output}")
  foreach(needed "${id} ${version}" "is refused" "g[+][+] 12 miscompiles ordinary coroutines" "apt-get install clang-19")
    if(NOT output MATCHES "${needed}")
      message(FATAL_ERROR "the refusal of ${id} ${version} does not say '${needed}':\n${output}")
    endif()
  endforeach()
endfunction()

expect_refused(GNU 12.2.0)
expect_refused(GNU 14.2.0)
expect_refused(Clang 16.0.6)
