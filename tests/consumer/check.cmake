# cmake -DBUILD_DIR=... -DSOURCE_DIR=... -DSCRATCH_DIR=... -DCXX=... -P check.cmake
#
# Installs the build into an empty prefix, looks at what arrived, builds the consumer project against it and compares
# what the consumer prints. Whatever fails ends with the output of the failing command.
cmake_minimum_required(VERSION 3.25)

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    string(REPLACE ";" " " command "${ARGN}")
    string(REPLACE "\n" "\n  " output "${output}")  # indented lines are printed as they are
    message(FATAL_ERROR "failed (${result}): ${command}\n  ${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

set(prefix ${SCRATCH_DIR}/prefix)
file(REMOVE_RECURSE ${SCRATCH_DIR})
run(${CMAKE_COMMAND} --install ${BUILD_DIR} --component flywheel --prefix ${prefix})

# Every public header and nothing private.
file(GLOB_RECURSE installed RELATIVE ${prefix}/include ${prefix}/include/*)
file(GLOB_RECURSE public RELATIVE ${SOURCE_DIR} ${SOURCE_DIR}/flywheel/*.h)
list(FILTER public EXCLUDE REGEX "/internal/|_(test|bench|fuzz)\\.h$")
foreach(header IN LISTS public)
  if(NOT header IN_LIST installed)
    message(FATAL_ERROR "public header ${header} was not installed")
  endif()
endforeach()
list(FILTER installed INCLUDE REGEX "\\.cc$|_(test|bench|fuzz)\\.|CMakeLists")
if(installed)
  message(FATAL_ERROR "private files were installed: ${installed}")
endif()

# Nothing names the tree: neither the package, or the consumer could pass by reading headers from there, nor the
# libraries, which must not carry a path of the machine that built them.
file(GLOB_RECURSE package_files ${prefix}/lib/*)
foreach(file IN LISTS package_files)
  file(STRINGS ${file} text)
  string(FIND "${text}" "${SOURCE_DIR}/" at)
  if(NOT at EQUAL -1)
    string(SUBSTRING "${text}" ${at} 120 text)
    message(FATAL_ERROR "${file} names the source tree: ${text}")
  endif()
endforeach()

run(${CMAKE_COMMAND} -S ${SOURCE_DIR}/tests/consumer -B ${SCRATCH_DIR}/build -G Ninja
  -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH=${prefix}
  -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF)
run(${CMAKE_COMMAND} --build ${SCRATCH_DIR}/build)
run(${SCRATCH_DIR}/build/consumer)

file(READ ${SOURCE_DIR}/tests/consumer/expected.txt expected)
if(NOT output STREQUAL expected)
  message(FATAL_ERROR "the consumer printed\n${output}instead of\n${expected}")
endif()
