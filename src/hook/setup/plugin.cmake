# SPDX-License-Identifier: Apache-2.0
# opencode.js as a C file: ${AEP_PLUGIN_SOURCE}.
set(AEP_PLUGIN_SOURCE ${CMAKE_BINARY_DIR}/generated/plugin_text.c)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/opencode.js)
file(READ ${CMAKE_CURRENT_LIST_DIR}/opencode.js text HEX)
string(REGEX REPLACE "(..)" "0x\\1," text "${text}")
file(CONFIGURE OUTPUT ${AEP_PLUGIN_SOURCE} CONTENT
  "#include \"hook/setup/plugin_text.h\"\n\nconst char aep__plugin_source[] = {@text@ 0};\n" @ONLY)

# The plugin for Claude Code: ${AEP_CLAUDE_PLUGIN}, which is a marketplace of its own, too. Its hooks are those
# of the table.
set(AEP_CLAUDE_PLUGIN ${CMAKE_BINARY_DIR}/share/aep/claude-code)
foreach(name plugin marketplace)
  configure_file(${CMAKE_CURRENT_LIST_DIR}/claude-code/.claude-plugin/${name}.json.in
    ${AEP_CLAUDE_PLUGIN}/.claude-plugin/${name}.json @ONLY)
endforeach()
file(MAKE_DIRECTORY ${AEP_CLAUDE_PLUGIN}/hooks)
add_executable(gen_plugin ${CMAKE_CURRENT_LIST_DIR}/gen_plugin.c)
target_link_libraries(gen_plugin PRIVATE aep_hook_setup_objects)
set_target_properties(gen_plugin PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tools)
add_custom_command(OUTPUT ${AEP_CLAUDE_PLUGIN}/hooks/hooks.json
  COMMAND gen_plugin > ${AEP_CLAUDE_PLUGIN}/hooks/hooks.json
  DEPENDS gen_plugin COMMENT "The plugin for Claude Code" VERBATIM)
add_custom_target(aep_claude_plugin ALL DEPENDS ${AEP_CLAUDE_PLUGIN}/hooks/hooks.json)
