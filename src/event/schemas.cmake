# SPDX-License-Identifier: Apache-2.0
# The kinds' JSON Schemas: ${AEP_SCHEMA_DIR}/<kind>.json, written by gen_schemas from the kinds table,
# and ${AEP_SCHEMA_SOURCES}, a C file with their texts and hashes. Run as a script (cmake -P) it
# makes that file from DIR to OUT. The kinds are those of AEP_KINDS in aep.h.
set(header ${CMAKE_CURRENT_LIST_DIR}/../../include/aep/aep.h)
file(READ ${header} kinds)
string(REGEX MATCHALL " X\\([A-Z]+, [a-z]+, [a-z]+\\)" kinds "${kinds}")
list(TRANSFORM kinds REPLACE " X\\([A-Z]+, ([a-z]+), .*" "\\1")

if(CMAKE_SCRIPT_MODE_FILE)
  set(rows "")
  set(texts "")
  foreach(kind IN LISTS kinds)
    file(READ ${DIR}/${kind}.json hex HEX)
    file(SHA256 ${DIR}/${kind}.json hash)
    string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    string(APPEND texts "static const unsigned char ${kind}[] = {\n${hex}0x00};\n\n")
    string(APPEND rows "    {${kind}, \"${hash}\"},\n")
  endforeach()
  file(WRITE ${OUT} "/* Made by schemas.cmake from the kinds table. */
#include \"event/kinds.h\"\n#include \"event/schema.h\"\n\n${texts}const struct aep__schema aep__schemas[] = {\n${rows}};\nAEP__KINDS_FULL(aep__schemas);\n")
  return()
endif()

set(AEP_SCHEMA_DIR ${CMAKE_BINARY_DIR}/schemas)
set(AEP_SCHEMA_SOURCES ${CMAKE_BINARY_DIR}/generated/kind_schemas.c)
set(AEP_SCHEMA_FILES "")
foreach(kind IN LISTS kinds)
  list(APPEND AEP_SCHEMA_FILES ${AEP_SCHEMA_DIR}/${kind}.json)
endforeach()
file(MAKE_DIRECTORY ${AEP_SCHEMA_DIR} ${CMAKE_BINARY_DIR}/generated)

add_executable(gen_schemas ${CMAKE_CURRENT_LIST_DIR}/gen_schemas.c ${CMAKE_CURRENT_LIST_DIR}/kinds.c
  ${CMAKE_CURRENT_LIST_DIR}/../base/sized.c ${CMAKE_CURRENT_LIST_DIR}/../base/error.c)
target_include_directories(gen_schemas PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
set_target_properties(gen_schemas PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/generated)
add_custom_command(
  OUTPUT ${AEP_SCHEMA_FILES} ${AEP_SCHEMA_SOURCES}
  COMMAND gen_schemas ${AEP_SCHEMA_DIR}
  COMMAND ${CMAKE_COMMAND} -DDIR=${AEP_SCHEMA_DIR} -DOUT=${AEP_SCHEMA_SOURCES}
          -P ${CMAKE_CURRENT_LIST_DIR}/schemas.cmake
  DEPENDS gen_schemas ${CMAKE_CURRENT_LIST_DIR}/schemas.cmake
  COMMENT "Writing JSON Schemas" VERBATIM)
