# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where. Nothing in it holds the prefix: it works from any folder.
include(CMakePackageConfigHelpers)

install(TARGETS aep_shared aep_static EXPORT aep-targets
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS aep DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS ${AEP_LIBEXEC_PROGRAMS} DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/aep)
install(DIRECTORY include/aep DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${AEP_SCHEMA_DIR}/ DESTINATION ${CMAKE_INSTALL_DATADIR}/aep/schemas
  FILES_MATCHING PATTERN "*.json")
install(DIRECTORY ${AEP_CLAUDE_PLUGIN}/ DESTINATION ${CMAKE_INSTALL_DATADIR}/aep/claude-code)
install(DIRECTORY examples/systemd/ DESTINATION ${CMAKE_INSTALL_DATADIR}/aep/systemd OPTIONAL)

file(RELATIVE_PATH AEP_PREFIX_FROM_PC
  /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/aep.pc.in aep.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/aep.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(AEP_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/aep)
install(EXPORT aep-targets NAMESPACE aep:: DESTINATION ${AEP_CMAKE_DIR})
configure_package_config_file(cmake/aepConfig.cmake.in aepConfig.cmake
  INSTALL_DESTINATION ${AEP_CMAKE_DIR})
write_basic_package_version_file(aepConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/aepConfig.cmake ${CMAKE_BINARY_DIR}/aepConfigVersion.cmake
  DESTINATION ${AEP_CMAKE_DIR})
