# SPDX-License-Identifier: Apache-2.0
# The light program is linked statically where the system has what that takes: a one-shot publish
# then costs half of what it does with the dynamic loader at work.
option(AEP_STATIC_CLI "Link aep statically if libc and jansson can be" ON)
include(CheckCSourceCompiles)
set(CMAKE_REQUIRED_LINK_OPTIONS -static)
check_c_source_compiles("int main(void) { return 0; }" AEP_HAVE_STATIC_LIBC)
unset(CMAKE_REQUIRED_LINK_OPTIONS)
if(AEP_STATIC_CLI AND AEP_HAVE_STATIC_LIBC AND JANSSON_STATIC MATCHES "\\.a$" AND NOT AEP_SANITIZE)
  target_link_options(aep PRIVATE -static)
endif()

# Man pages and completions, made from the tables of the command line when it is built.
add_executable(gen_docs apps/aep/gen_docs.c)
target_link_libraries(gen_docs PRIVATE aep_cli)
set_target_properties(gen_docs PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tools)

set(AEP_DOCS_DIR ${CMAKE_BINARY_DIR}/docs)
add_custom_command(OUTPUT ${AEP_DOCS_DIR}/stamp
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${AEP_DOCS_DIR}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${AEP_DOCS_DIR}/man ${AEP_DOCS_DIR}/bash
    ${AEP_DOCS_DIR}/zsh
  COMMAND gen_docs man ${AEP_DOCS_DIR}/man
  COMMAND gen_docs bash ${AEP_DOCS_DIR}/bash/aep
  COMMAND gen_docs zsh ${AEP_DOCS_DIR}/zsh/_aep
  COMMAND gen_docs markdown ${AEP_DOCS_DIR}/CLI.md
  COMMAND ${CMAKE_COMMAND} -E touch ${AEP_DOCS_DIR}/stamp
  DEPENDS gen_docs COMMENT "Man pages and completions" VERBATIM)
add_custom_target(aep_docs ALL DEPENDS ${AEP_DOCS_DIR}/stamp)

install(DIRECTORY ${AEP_DOCS_DIR}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1
  FILES_MATCHING PATTERN "*.1")
install(FILES ${AEP_DOCS_DIR}/bash/aep
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${AEP_DOCS_DIR}/zsh/_aep DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
