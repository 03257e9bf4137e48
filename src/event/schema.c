/* SPDX-License-Identifier: Apache-2.0 */
#include "event/schema.h"

#include "aep/aep.h"

const char *aep_kind_schema(enum aep_kind kind)
{
    return (unsigned)kind < AEP_KIND_COUNT ? (const char *)aep__schemas[kind].text : NULL;
}

const char *aep_kind_schema_hash(enum aep_kind kind)
{
    return (unsigned)kind < AEP_KIND_COUNT ? aep__schemas[kind].sha256 : NULL;
}
