/* SPDX-License-Identifier: Apache-2.0 */
/* Inside a list: its filter as conditions of SQL, the one that leads, and its order. */
#ifndef AEP_TRACK_STORE_SQL_LIST_H
#define AEP_TRACK_STORE_SQL_LIST_H

#include "track/store_sql.h"

#define AEP__LEADS_MAX 16 /* values of a leading condition */
#define AEP__BINDS_MAX (AEP__FILTER_NAME_COUNT * AEP__FILTER_VALUES + 4)

struct aep__sql_value {
    const char *text; /* NULL: the number */
    int64_t number;
};
/** What is bound is borrowed until the statement is given back. */
static inline void aep__sql_bind(struct aep__statement *statement, int i,
                                 const struct aep__sql_value *value)
{
    if (value->text)
        aep__sql_bind_text(statement, i, value->text);
    else
        aep__sql_bind_int(statement, i, value->number);
}

/* ---- store_sql_where.c: all conditions ---- */

/** Parameter 1 is the leading condition's, those of the others follow. */
#define AEP__FIRST_BIND 2

struct aep__where {
    struct aep__buf sql;   /* each condition with AND before it, but for texts */
    struct aep__buf texts; /* those of texts, the same */
    struct aep__sql_value binds[AEP__BINDS_MAX];
    int count;
    struct aep__buf globs; /* strings */
};

/** Fills it in, zeroed before; borrows the filter's texts. */
int aep__where_make(struct aep__where *where, const struct aep__sql_driver *driver,
                    const struct aep__query *query, aep_error *err);
void aep__where_done(struct aep__where *where);
/** Whether an agent's name is a pattern. */
bool aep__where_is_glob(const char *text);

/* ---- store_sql_lead.c: the one that leads ---- */

enum aep__lead_name {
    AEP__LEAD_TEXT,
    AEP__LEAD_CORRELATION,
    AEP__LEAD_PARENT,
    AEP__LEAD_SESSION,
    AEP__LEAD_AGENT,
    AEP__LEAD_TENANT,
    AEP__LEAD_OUTCOME,
    AEP__LEAD_SINCE,
    AEP__LEAD_NONE,
    AEP__LEAD_COUNT,
};

struct aep__lead_row {
    const char *index, *condition;
    bool sorted; /* its index is in order of time */
};
extern const struct aep__lead_row aep__leads[AEP__LEAD_COUNT];

struct aep__lead {
    enum aep__lead_name name;
    struct aep__sql_value values[AEP__LEADS_MAX];
    unsigned count;         /* 0: it cannot lead */
    bool narrow;            /* it has so few rows that they may be sorted */
    struct aep__buf agents; /* texts of its values */
    struct aep__text_lead text;
};

/** Its index, NULL: the table itself; and its condition. */
const char *aep__lead_index(const struct aep__lead *lead);
const char *aep__lead_condition(const struct aep__lead *lead);
/** Chooses the one that has the fewest rows. */
int aep__lead_choose(struct aep__sql *base, const struct aep__filter *filter, struct aep__lead *ret,
                     aep_error *err);
void aep__lead_done(struct aep__lead *lead);

/* ---- store_sql_order.c: in which order ---- */

struct aep__segment {
    const char *value; /* the column in whose order it is; equal ones by their keys */
    bool ascending;
    const char *condition; /* of its rows */
    const char *index;     /* in that order; NULL: the leads' are, by sort_at */
    unsigned outcomes;     /* that its rows have, a bit for each enum aep__ending; 0: any */
    unsigned states;       /* that they may have */
};

/** Those of an order, one after the other. */
const struct aep__segment *aep__segments_of(enum aep__sort sort, unsigned *ret_count);

#endif
