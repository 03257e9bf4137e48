/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON Schemas of the four kinds, as they are installed: written at build time by gen_schemas
 * from the kinds table, embedded with their hashes by schemas.cmake. */
#ifndef AEP_EVENT_SCHEMA_H
#define AEP_EVENT_SCHEMA_H

struct aep__schema {
    const unsigned char *text; /* NUL-terminated */
    const char *sha256;        /* of the text, hex */
};

/** By enum aep_kind; in the generated kind_schemas.c. */
extern const struct aep__schema aep__schemas[];

#endif
