/* SPDX-License-Identifier: Apache-2.0 */
/* Inside the driver of SQLite: what its files share.
 *
 *     store_sqlite.c         opening, transactions, errors
 *     store_sqlite_statement.c   statements, the search
 *     store_sqlite_file.c    the file and its folder: whose, what kind, who else may write
 *     store_sqlite_lock.c    who has it locked
 *     store_sqlite_schema.c  tables, indexes, versions
 *     store_sqlite_search.c  the search for a text
 *     store_sqlite_texts.c   its index */
#ifndef AEP_TRACK_STORE_SQLITE_H
#define AEP_TRACK_STORE_SQLITE_H

#include "track/store_sql.h"

#include <sqlite3.h>
#include <sys/stat.h>

#define AEP__STORE_REMEDY "set AEP_TRACK_STORE (track.store) to another file"
#define AEP__SQLITE_DAMAGED                                                                        \
    "%s is damaged: move it away, and a tracker makes a new one from its sources"

struct aep__sqlite {
    struct aep__sql base; /* first; its name is the path */
    sqlite3 *db;
    struct stat file; /* which one it opened */
    sqlite3_stmt *version;
};

static inline struct aep__sqlite *aep__sqlite_of(const struct aep__sql *base)
{
    return (struct aep__sqlite *)base;
}

/* ---- store_sqlite.c ---- */

/** Fills err from SQLite's newest error, and returns its code. */
int aep__sqlite_error(struct aep__sqlite *sqlite, aep_error *err) __attribute__((cold));
/** Runs statements that give nothing. */
int aep__sqlite_run(struct aep__sqlite *sqlite, const char *sql, aep_error *err);

/* ---- store_sqlite_texts.c ---- */

extern const struct aep__sql_texts aep__sqlite_texts;

/* ---- store_sqlite_statement.c ---- */

extern const struct aep__sql_statements aep__sqlite_statements;

/* ---- store_sqlite_file.c ---- */

/** Resolves the path, makes folder and file (to write), and refuses what is not safely ours. */
int aep__sqlite_prepare_file(struct aep__sqlite *sqlite, aep_error *err);
/** Whether the file that is open is no longer the one at its path. */
bool aep__sqlite_is_replaced(const struct aep__sqlite *sqlite);
/** AEP_ESPOOL: it is no longer. */
int aep__sqlite_check_file(const struct aep__sqlite *sqlite, aep_error *err);

/* ---- store_sqlite_schema.c ---- */

/** Checks whose tables these are, of which version, and for a reader whether they are there. */
int aep__sqlite_check_schema(struct aep__sqlite *sqlite, aep_error *err);
/** Makes what is missing of them, or migrates them. */
int aep__sqlite_make_schema(struct aep__sqlite *sqlite, aep_error *err);

/* ---- store_sqlite_search.c ---- */

/** Makes the SQL function by which texts are searched. */
int aep__sqlite_add_search(struct aep__sqlite *sqlite, aep_error *err);

#endif
