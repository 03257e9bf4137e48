/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: every part of the configuration that reads what others wrote. The first byte chooses
 * the reader. What was read must survive being shown, packed and unpacked. */
#include "config/layers.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int ignore_kafka(void *user, const char *name, const char *value)
{
    (void)user;
    return strlen(name) > 0 && strlen(value) > 0 ? 0 : -1;
}

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* Packs it, unpacks it, packs that: both packs must be the same. */
static void use_config(const aep_config *config)
{
    struct aep__buf packed = {0}, again = {0}, shown = {0}, dir = {0};
    aep_config *copy = NULL;
    if (aep__config_check(config, NULL) != AEP_OK)
        return;
    if (!aep__config_has_password_file(config))
        must(aep__config_each_kafka(config, ignore_kafka, NULL, NULL) == 0);
    aep__config_spool_dir(config, &dir, NULL);
    aep__config_explain(config, true, &shown);
    aep__config_explain(config, false, &shown);
    aep__config_pack(config, &packed);
    must(aep__config_unpack(packed.data, packed.len, &copy, NULL) == AEP_OK);
    aep__config_pack(copy, &again);
    must(packed.len == again.len && memcmp(packed.data, again.data, packed.len) == 0);
    aep_config_free(copy);
    aep__buf_done(&packed);
    aep__buf_done(&again);
    aep__buf_done(&shown);
    aep__buf_done(&dir);
}

static void check_error(int code, const aep_error *err)
{
    must(code == AEP_ECONFIG || code == AEP_ENOMEM);
    must(err->code == code && err->text[0] && !strchr(err->text, '\n'));
}

/* Reads text as a file's, then loads the rest, which is nothing but defaults. */
static void read_file(char kind, const char *text, size_t len)
{
    aep_config *config = aep_config_new(), *loaded = NULL;
    aep_error err = {0};
    struct aep__config_sources nothing = {NULL, NULL};
    int code = kind == 'd'
                   ? aep__dotenv_parse(config, text, len, "/x/.env", &err)
                   : aep__conf_parse(config, text, len, AEP__LAYER_USER_FILE, "/x/aep.conf", &err);
    if (code != AEP_OK)
        check_error(code, &err);
    else if (aep__config_load_from(config, &nothing, &loaded, &err) == AEP_OK)
        use_config(loaded);
    aep_config_free(config);
    aep_config_free(loaded);
}

static void read_pack(const char *text, size_t len)
{
    aep_config *config = NULL;
    aep_error err = {0};
    int code = aep__config_unpack(text, len, &config, &err);
    if (code == AEP_OK)
        use_config(config);
    else
        check_error(code, &err);
    aep_config_free(config);
}

/* Whether it would make us read files, which the fuzzer does not control. */
static bool names_file(const char *entry)
{
    return strncmp(entry, "AEP_DOTENV=", 11) == 0 || strncmp(entry, "HOME=", 5) == 0 ||
           strncmp(entry, "XDG_CONFIG_HOME=", 16) == 0;
}

/* Entries of an environment, each up to a zero byte. */
static void read_environment(char *text, size_t len)
{
    char *entries[33] = {0};
    size_t count = 0;
    aep_config *config = NULL;
    for (size_t at = 0; at < len && count < 32; at += strlen(text + at) + 1)
        entries[count++] = names_file(text + at) ? "X=" : text + at;
    struct aep__config_sources sources = {entries, NULL};
    if (aep__config_load_from(NULL, &sources, &config, NULL) == AEP_OK)
        use_config(config);
    aep_config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    char *text = malloc(size); /* of exactly that size, so that a sanitizer sees a read beyond it */
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (data[0] == 'p')
        read_pack(text, size - 1);
    else if (data[0] == 'e')
        read_environment(text, size);
    else
        read_file((char)data[0], text, size - 1);
    free(text);
    return 0;
}
