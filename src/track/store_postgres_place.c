/* SPDX-License-Identifier: Apache-2.0 */
/* Who is meant by a URL: the server, the database and the user, of which libpq may know some from its
 * environment, or a service file. */
#include "track/store_postgres.h"

#include "base/error.h"

#include <ctype.h>
#include <string.h>

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
    for (; options && options->keyword; options++)
        if (strcmp(options->keyword, keyword) == 0)
            return options->val && *options->val ? options->val : NULL;
    return NULL;
}

struct known {
    PQconninfoOption *given, *usual;
};

static const char *choose(const struct known *known, const char *keyword, const char *otherwise)
{
    const char *value = value_of(known->given, keyword);
    value = value ? value : value_of(known->usual, keyword);
    return value ? value : otherwise;
}

static void add_encoded(struct aep__buf *out, const char *text)
{
    for (; *text; text++) {
        if (isalnum((unsigned char)*text) || strchr("-._,:", *text))
            aep__buf_byte(out, *text);
        else
            aep__buf_format(out, "%%%02X", (unsigned char)*text);
    }
}

/* libpq's own words may repeat the URL. */
static int know(const char *url, struct known *ret, aep_error *err)
{
    ret->given = aep__pq.conninfoParse(url, NULL);
    ret->usual = aep__pq.conndefaults();
    if (ret->given)
        return AEP_OK;
    return aep__error(err, AEP_ECONFIG, AEP__STORE_FIELD,
                      "track.store is no URL of PostgreSQL: write "
                      "postgresql://USER@HOST:PORT/DATABASE, with special characters as %%XX");
}

static void forget(struct known *known)
{
    aep__pq.conninfoFree(known->given);
    aep__pq.conninfoFree(known->usual);
}

int aep__pg_add_name(const char *url, struct aep__buf *out, aep_error *err)
{
    struct known known;
    int code = know(url, &known, err);
    if (code == AEP_OK) {
        const char *service = choose(&known, "service", NULL);
        const char *user = choose(&known, "user", "");
        const char *address = choose(&known, "hostaddr", "localhost");
        aep__buf_text(out, "postgresql://");
        add_encoded(out, user);
        aep__buf_byte(out, '@');
        add_encoded(out, choose(&known, "host", address));
        aep__buf_byte(out, ':');
        add_encoded(out, choose(&known, "port", "5432"));
        aep__buf_byte(out, '/');
        add_encoded(out, choose(&known, "dbname", user));
        if (service)
            aep__buf_text(out, "?service=");
        if (service)
            add_encoded(out, service);
        aep__buf_string(out);
        code = out->failed ? aep__error_memory(err) : AEP_OK;
    }
    forget(&known);
    return code;
}

int aep__store_postgres_name(const char *url, struct aep__buf *out, aep_error *err)
{
    int code = aep__pq_load(err);
    return code == AEP_OK ? aep__pg_add_name(url, out, err) : code;
}
