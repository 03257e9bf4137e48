/* SPDX-License-Identifier: Apache-2.0 */
/* What the server's errors mean here, by SQLSTATE: the text of the server is in the language of its own
 * settings. */
#include "track/store_postgres.h"

#include "base/error.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define STATE_LEN 5
#define GONE "the tables of %s have been removed: a tracker makes new ones"
#define OTHERS                                                                                     \
    "another program holds a lock in %s, or stopped within a transaction: end it, or try again"

/* %s: the store's name. A state of fewer letters is a class. The server's own text follows if `told`. */
static const struct {
    const char *state;
    int code;
    bool told;
    const char *text;
} meanings[] = {
    {"53100", AEP_EFULL, false, "the disk of %s is full: make room there"},
    {"53300", AEP_ESTATE, false,
     "%s has no connection left: end other programs, or raise its max_connections"},
    {"53", AEP_EIO, true, "%s lacks resources"},
    {"57P03", AEP_EIO, true, "%s is starting or stopping"},
    {"57P", AEP_EIO, true, "%s has been stopped: start it"},
    {"57014", AEP_ESTATE, false, OTHERS},
    {"25006", AEP_EIO, false,
     "%s is read-only, as a standby is: set track.store to the primary server"},
    {"25P03", AEP_ESTATE, false, OTHERS},
    {"55P03", AEP_ESTATE, false, OTHERS},
    {"40", AEP_ESTATE, false, OTHERS},
    {"28", AEP_EIO, true,
     "%s refuses the login: check the user, pg_hba.conf, and the password (in ~/.pgpass, or "
     "passfile=FILE in track.store)"},
    {"3D000", AEP_EIO, false,
     "there is no database for %s: make it with createdb, or set another in track.store"},
    {"42501", AEP_EIO, true,
     "the user of %s lacks a right: GRANT CREATE ON DATABASE, or make the schema " AEP__PG_SCHEMA
     " its own"},
    {"42P01", AEP_ESPOOL, false, GONE},
    {"3F000", AEP_ESPOOL, false, GONE},
    {"42703", AEP_EIO, true,
     "the tables of %s are not as a tracker made them: drop its schema " AEP__PG_SCHEMA
     ", and a tracker makes them anew from its sources"},
    {"23", AEP_EIO, true,
     "the tables of %s are not as a tracker left them: drop its schema " AEP__PG_SCHEMA
     ", and a tracker makes them anew from its sources"},
    {"XX", AEP_EIO, true, "%s is damaged, or has failed"},
    {"08", AEP_EIO, true, "cannot reach %s: check that it runs, and host and port"},
    {"", AEP_EIO, true, "%s does not do what it is asked"},
};

/* In what libpq says of a login, verbosely: "FATAL:  28P01: password …". NULL: none. */
static const char *find_state(const char *text)
{
    for (const char *at = text; (at = strstr(at, ":  ")); at++) {
        const char *state = at + 3;
        size_t len = strspn(state, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        if (len == STATE_LEN && state[len] == ':')
            return state;
    }
    return NULL;
}

/* A line of it, without what libpq puts before the server's words. */
static void take_line(const char *text, char *line, size_t size)
{
    const char *state = find_state(text), *failed = strstr(text, " failed: ");
    if (state)
        text = state + STATE_LEN + 1;
    else if (failed)
        text = failed + strlen(" failed: ");
    while (isspace((unsigned char)*text))
        text++;
    snprintf(line, size, "%.*s", (int)strcspn(text, "\n"), text);
}

/* Without a code it is the connection: none could be made, or it has gone. */
int aep__pg_error(struct aep__postgres *pg, const PGresult *result, aep_error *err)
{
    const char *state = result ? aep__pq.resultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    const char *primary = result ? aep__pq.resultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *text = result ? aep__pq.resultErrorMessage(result)
                              : aep__pq.errorMessage(pg->conn); /* of NULL it says so */
    char line[200], meaning[sizeof err->text];
    size_t i = 0;
    take_line(primary ? primary : text, line, sizeof line);
    state = state ? state : find_state(text);
    bool asked = pg->conn && aep__pq.connectionNeedsPassword(pg->conn);
    state = state ? state : asked ? "28" : "08";
    const char *severity =
        result ? aep__pq.resultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED) : NULL;
    bool ends = severity && strcmp(severity, "ERROR") != 0; /* FATAL, PANIC */
    if (!pg->conn || ends || aep__pq.status(pg->conn) == CONNECTION_BAD)
        pg->lost = true;
    while (strncmp(state, meanings[i].state, strlen(meanings[i].state)) != 0)
        i++;
    snprintf(meaning, sizeof meaning, meanings[i].text, pg->base.name);
    return meanings[i].told && line[0]
               ? aep__error(err, meanings[i].code, AEP__STORE_FIELD, "%s: %s", meaning, line)
               : aep__error(err, meanings[i].code, AEP__STORE_FIELD, "%s", meaning);
}
