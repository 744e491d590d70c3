# Run by cmake --install: copies the public headers of `rooms` from `source_dir` to `include_dir`.
#
# Public is what does not lie under internal/. An internal header comes along only where a public one includes it,
# directly or through another. Headers of tests and benchmarks stay.
cmake_policy(VERSION 3.25)
cmake_path(ABSOLUTE_PATH include_dir BASE_DIRECTORY ${CMAKE_INSTALL_PREFIX})

set(pending)
foreach(room IN LISTS rooms)
  file(GLOB_RECURSE headers RELATIVE ${source_dir} ${source_dir}/flywheel/${room}/*.h)
  list(FILTER headers EXCLUDE REGEX "/internal/|_(test|bench|fuzz)\\.h$")
  list(APPEND pending ${headers})
endforeach()

set(installed)
while(pending)
  list(POP_FRONT pending header)
  if(header IN_LIST installed)
    continue()
  endif()
  list(APPEND installed ${header})

  cmake_path(GET header PARENT_PATH folder)
  file(INSTALL DESTINATION ${include_dir}/${folder} TYPE FILE FILES ${source_dir}/${header})

  file(STRINGS ${source_dir}/${header} includes REGEX "^#include \"flywheel/")
  list(TRANSFORM includes REPLACE "^#include \"([^\"]+)\".*$" "\\1")
  list(FILTER includes INCLUDE REGEX "/internal/")
  list(APPEND pending ${includes})
endwhile()
