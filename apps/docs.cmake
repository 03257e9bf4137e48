# SPDX-License-Identifier: Apache-2.0
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
