# SPDX-License-Identifier: Apache-2.0
# opencode.js as a C file: ${AEP_PLUGIN_SOURCE}.
set(AEP_PLUGIN_SOURCE ${CMAKE_BINARY_DIR}/generated/plugin_text.c)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/opencode.js)
file(READ ${CMAKE_CURRENT_LIST_DIR}/opencode.js text HEX)
string(REGEX REPLACE "(..)" "0x\\1," text "${text}")
file(CONFIGURE OUTPUT ${AEP_PLUGIN_SOURCE} CONTENT
  "#include \"hook/setup/plugin_text.h\"\n\nconst char aep__plugin_source[] = {@text@ 0};\n" @ONLY)
