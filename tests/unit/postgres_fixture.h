/* SPDX-License-Identifier: Apache-2.0 */
/* A database of its own for each test, on the server whose URL is AEP_TEST_POSTGRES. */
#ifndef AEP_TESTS_POSTGRES_FIXTURE_H
#define AEP_TESTS_POSTGRES_FIXTURE_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline const char *postgres_server(void)
{
    const char *url = getenv("AEP_TEST_POSTGRES");
    return url && *url ? url : NULL;
}

static inline void postgres_silent(void *user, const char *message)
{
    (void)user, (void)message;
}

/* Runs SQL with that URL; false, and said, if it fails. */
static inline bool postgres_run(const char *url, const char *sql)
{
    PGconn *conn = PQconnectdb(url);
    PQsetNoticeProcessor(conn, postgres_silent, NULL);
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!good)
        fprintf(stderr, "%s: %s", sql, PQerrorMessage(conn));
    PQclear(result);
    PQfinish(conn);
    return good;
}

/* The server's URL with another database: it has "/postgres?" in it. */
static inline void postgres_url(const char *database, char *url, size_t size)
{
    const char *server = postgres_server(), *mark = strstr(server, "/postgres?");
    snprintf(url, size, "%.*s/%s?%s", (int)(mark - server), server, database,
             mark + strlen("/postgres?"));
}

/* Drops the database of such a URL. */
static inline bool postgres_drop(const char *url)
{
    char sql[128];
    const char *name = strstr(url, "/test_") + 1;
    snprintf(sql, sizeof sql, "DROP DATABASE IF EXISTS %.*s WITH (FORCE)", (int)strcspn(name, "?"),
             name);
    return postgres_run(postgres_server(), sql);
}

static inline bool postgres_make(char *url, size_t size)
{
    static unsigned count;
    char name[32], sql[80];
    snprintf(name, sizeof name, "test_%ld_%u", (long)getpid(), ++count);
    snprintf(sql, sizeof sql, "CREATE DATABASE %s", name);
    postgres_url(name, url, size);
    return postgres_drop(url) && postgres_run(postgres_server(), sql);
}

#endif
