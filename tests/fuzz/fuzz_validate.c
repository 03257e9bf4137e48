/* SPDX-License-Identifier: Apache-2.0 */
/* Validation and the policy accept any bytes; a valid event has a key, and has no findings when
 * validated again. */
#include "aep/aep.h"
#include "base/utf8.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* Counts errors; every finding is whole. */
static void count_errors(void *user, const aep_finding *finding)
{
    must(*finding->code && *finding->text);
    must(*finding->pointer == '\0' || *finding->pointer == '/');
    must(aep__utf8_valid(finding->pointer, strlen(finding->pointer)) == strlen(finding->pointer) ||
         strcmp(finding->code, "encoding") == 0);
    *(size_t *)user += finding->severity == AEP_SEVERITY_ERROR;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    char key[AEP_CORRELATION_ID_SIZE];
    size_t errors = 0, strict_errors = 0;
    aep_error err = {0};
    int code = aep_validate(text, size, 0, count_errors, &errors, &err);
    int strict = aep_validate(text, size, 1, count_errors, &strict_errors, &err);
    must((code == AEP_OK) == (errors == 0) && (strict == AEP_OK) == (strict_errors == 0));
    must(errors <= strict_errors);
    int keyed = aep_policy_key(text, size, key, &err);
    must(code != AEP_OK || keyed == AEP_OK || keyed == AEP_EINVAL);
    must(keyed != AEP_OK || strlen(key) > 0);
    char name[300];
    size_t len = size < sizeof name - 1 ? size : sizeof name - 1;
    memcpy(name, text, len);
    name[len] = '\0';
    aep_policy_find(name);
    return 0;
}
