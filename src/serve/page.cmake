# SPDX-License-Identifier: Apache-2.0
# The files of the page as a C file: ${AEP_PAGE_SOURCE}, written by gen_page.
file(GLOB AEP_PAGE_FILES CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/page/*)
list(FILTER AEP_PAGE_FILES EXCLUDE REGEX "\\.(json|md)$")
set(AEP_PAGE_SOURCE ${CMAKE_BINARY_DIR}/generated/page.c)
add_executable(gen_page ${CMAKE_CURRENT_LIST_DIR}/gen_page.c
  ${CMAKE_CURRENT_LIST_DIR}/../base/hash.c)
target_include_directories(gen_page PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(gen_page PRIVATE PkgConfig::ZLIB)
set_target_properties(gen_page PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/generated)
add_custom_command(OUTPUT ${AEP_PAGE_SOURCE}
  COMMAND gen_page ${AEP_PAGE_SOURCE} ${AEP_PAGE_FILES}
  DEPENDS gen_page ${AEP_PAGE_FILES} COMMENT "Embedding the page" VERBATIM)
