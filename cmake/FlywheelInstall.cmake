# cmake --install: static libraries, public headers and the package that find_package(flywheel) reads. One package holds
# all rooms; a room is taken with target_link_libraries(... flywheel::ROOM).
#
# There is no promise about the binary interface: static libraries, everything in the inline namespace v0, compatible
# in source within a minor version.
include_guard(GLOBAL)
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(rooms GLOBAL PROPERTY FLYWHEEL_ROOMS)
get_property(FLYWHEEL_DEPENDENCIES GLOBAL PROPERTY FLYWHEEL_DEPENDENCIES)  # for flywheel-config.cmake.in
list(REMOVE_DUPLICATES FLYWHEEL_DEPENDENCIES)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/flywheel)
list(TRANSFORM rooms PREPEND flywheel_ OUTPUT_VARIABLE libraries)
install(TARGETS ${libraries} EXPORT flywheel-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT flywheel)
install(EXPORT flywheel-targets NAMESPACE flywheel:: DESTINATION ${package_dir} COMPONENT flywheel)

configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/flywheel-config.cmake.in ${PROJECT_BINARY_DIR}/flywheel-config.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/flywheel-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/flywheel-config.cmake ${PROJECT_BINARY_DIR}/flywheel-config-version.cmake
  DESTINATION ${package_dir} COMPONENT flywheel)

# Chosen while installing, not while configuring: which internal headers are needed depends on what headers include.
install(CODE "
  set(source_dir \"${PROJECT_SOURCE_DIR}\")
  set(rooms \"${rooms}\")
  set(include_dir \"${CMAKE_INSTALL_INCLUDEDIR}\")" COMPONENT flywheel)
install(SCRIPT ${CMAKE_CURRENT_LIST_DIR}/InstallHeaders.cmake COMPONENT flywheel)
