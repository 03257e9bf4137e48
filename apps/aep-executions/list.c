/* SPDX-License-Identifier: Apache-2.0 */
/* aep list: a line or an object for each execution.
 *
 *     filter words ─▶ query ─▶ executions, each with its branches if a tree is wanted ─▶ rows ─▶ stdout */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "aep/out.h"
#include "array.h"
#include "branches.h"
#include "executions.h"
#include "look.h"
#include "reading.h"
#include "table.h"

#include "base/clock.h"
#include "base/error.h"

#define LIMIT_DEFAULT 50
#define OUT_BYTES 65536

static const struct aep__table_column columns[] = {
    {.heading = "STATE", .least = 10},
    {.heading = "AGENT", .least = 8, .most = 28},
    {.heading = "REQUEST", .least = 10},
    {.heading = "STEP", .least = 8, .rank = 4},
    {.heading = "LAST"},
    {.heading = "AGE", .rank = 1},
    {.heading = "DURATION", .rank = 3},
    {.heading = "KIDS", .rank = 2},
    {.heading = "ID", .prefix = 13},
};
#define COLUMN_COUNT (sizeof columns / sizeof *columns)

struct list {
    const struct aep__args *args;
    struct aep__reading reading;
    struct aep__filter filter;
    int64_t limit;
    enum aep__sort sort;
    bool all, tree;
    struct aep__table table;
    struct aep__buf out, text;
    char **tops; /* ids of those whose branches are shown */
    size_t top_count, top_cap;
    size_t shown, taken; /* taken: of those that limit counts */
    bool more;           /* than limit lets through */
    bool stopped;        /* a search for texts, before it had seen all */
    bool closed;         /* stdout; it has been reported */
    bool failed;         /* out of memory */
};

/* ---- what is wanted ------------------------------------------------------------------------- */

/* `--json id,state`: fields have to be joined to their option. */
static int refuse_apart(const struct list *list, const char *word, aep_error *err)
{
    struct aep__row_fields fields;
    bool bare = aep__args_given(list->args, "json") && !aep__args_text(list->args, "json");
    if (!bare || aep__row_fields_read(&fields, word, NULL) != AEP_OK)
        return AEP_OK;
    return aep__error(err, AEP_EINVAL, "json",
                      "list: write --json=%s for fields, or text:%s to search for it", word, word);
}

static int read_filter(struct list *list, aep_error *err)
{
    int code = AEP_OK;
    int64_t now_us = aep__clock_wall_us();
    aep_error why;
    for (char **word = list->args->operands; code == AEP_OK && *word; word++) {
        code = refuse_apart(list, *word, err);
        if (code == AEP_OK && aep__filter_add(&list->filter, *word, now_us, &why) != AEP_OK)
            code = aep__error(err, why.code, why.field, "list: %s", why.text);
    }
    return code;
}

static int read_sort(struct list *list, aep_error *err)
{
    const char *word = aep__args_text(list->args, "sort");
    aep_error why;
    if (!word || aep__sort_find(word, &list->sort, &why) == AEP_OK)
        return AEP_OK;
    return aep__error(err, why.code, why.field, "list: --sort: %s", why.text);
}

static int read_wishes(struct list *list, aep_error *err)
{
    list->all = aep__args_given(list->args, "all");
    list->tree = aep__args_given(list->args, "tree");
    list->limit = list->all ? 0 : LIMIT_DEFAULT;
    int code = aep__args_int(list->args, "limit", 0, INT_MAX, &list->limit, err);
    if (code == AEP_OK)
        code = read_sort(list, err);
    if (code == AEP_OK)
        code = read_filter(list, err);
    bool children = list->filter.values[AEP__FILTER_PARENT].count > 0;
    list->filter.roots = !children && (!list->all || list->tree);
    return code;
}

/* ---- rows ----------------------------------------------------------------------------------- */

/* False: nobody reads on. */
static bool flush(struct list *list)
{
    if (list->out.len > 0 || list->out.failed)
        list->closed = aep__out_write(&list->out) != AEP__EXIT_DONE;
    return !list->closed;
}

static void add_text(struct list *list, const char *colour)
{
    list->failed |= list->text.failed;
    aep__table_add(&list->table, aep__buf_string(&list->text), colour);
    aep__buf_clear(&list->text);
}

static void add_row(struct list *list, const struct aep__tracked *execution, const char *lines)
{
    struct aep__table *table = &list->table;
    const struct aep__view *view = &list->reading.view;
    int64_t now_us = view->clock_us;
    aep__look_state(&list->text, execution, view, list->reading.width > 0);
    add_text(list, aep__look_colour(aep__state_of(execution, now_us)));
    aep__buf_text(&list->text, lines);
    aep__buf_text(&list->text, execution->agent_name ? execution->agent_name : "-");
    add_text(list, NULL);
    aep__table_add(table, execution->user_request, NULL);
    aep__look_step(&list->text, execution);
    add_text(list, NULL);
    aep__table_add(table, aep__look_span(execution->last_event_at, now_us).text, NULL);
    aep__table_add(table, aep__look_span(execution->started_at, now_us).text, NULL);
    aep__table_add(table, aep__look_duration(execution->duration_ms).text, NULL);
    aep__table_add(table, aep__look_children(execution).text, NULL);
    aep__table_add(table, execution->id, "2");
    if (aep__table_full(table))
        aep__table_write(table, &list->out);
}

static bool show_row(struct list *list, const struct aep__tracked *execution, const char *lines)
{
    list->shown++;
    if (list->reading.json) {
        aep__row_add(&list->out, &list->reading.fields, execution, &list->reading.view);
        aep__buf_byte(&list->out, '\n');
    } else {
        add_row(list, execution, lines);
    }
    return list->out.len < OUT_BYTES || flush(list);
}

static bool show_branch(void *user, const struct aep__tracked *execution, const char *lines)
{
    return show_row(user, execution, lines);
}

/* One more than the limit is asked for, to know whether there are more. */
static bool is_within(struct list *list)
{
    list->more = list->limit > 0 && list->taken == (size_t)list->limit;
    list->taken += !list->more;
    return !list->more;
}

static bool show_listed(void *user, const struct aep__tracked *execution)
{
    return is_within(user) && show_row(user, execution, "");
}

/* ---- with branches -------------------------------------------------------------------------- */

static bool keep_top(void *user, const struct aep__tracked *execution)
{
    struct list *list = user;
    if (!is_within(list))
        return false;
    char **tops = aep__array_room(list->tops, list->top_count, &list->top_cap, sizeof *tops);
    char *id = tops ? strdup(execution->id) : NULL;
    list->failed = !id;
    list->tops = tops ? tops : list->tops;
    if (id)
        list->tops[list->top_count++] = id;
    return id != NULL;
}

static int show_branches(struct list *list, aep_error *err)
{
    int found = 0;
    for (size_t i = 0; found >= 0 && !list->closed && i < list->top_count; i++)
        found = aep__branches_walk(list->reading.store, list->tops[i], list->reading.utf8,
                                   show_branch, list, err);
    return found < 0 ? err->code : AEP_OK;
}

/* ---- the list ------------------------------------------------------------------------------- */

static void say_stopped(void)
{
    aep__out_say(
        "list: only the first %d executions in this order were searched: use a longer word, narrow it "
        "down (since:1d, agent:NAME), or search all with --limit=0",
        AEP__LOOK_MOST);
}

static struct aep__query query_of(const struct list *list, int64_t limit)
{
    return (struct aep__query){.filter = &list->filter,
                               .clock_us = list->reading.view.clock_us,
                               .limit = (unsigned)limit,
                               .sort = list->sort,
                               .reverse = aep__args_given(list->args, "reverse"),
                               .look_most = list->limit ? AEP__LOOK_MOST : 0};
}

static int show_list(struct list *list, aep_error *err)
{
    struct aep__store *store = list->reading.store;
    struct aep__query query = query_of(list, list->limit > 0 ? list->limit + 1 : 0);
    query.ret_stopped = &list->stopped;
    int code = store->ops->list(store, &query, list->tree ? keep_top : show_listed, list, err);
    if (code == AEP_OK && !list->failed)
        code = show_branches(list, err);
    if (code == AEP_OK && list->failed)
        code = aep__error_memory(err);
    return code;
}

/* ---- hints ---------------------------------------------------------------------------------- */

static bool count_one(void *user, const struct aep__tracked *execution)
{
    (void)execution;
    ++*(size_t *)user;
    return true;
}

/* Whether the filter also matches what others started: all that it matches without is listed. */
static bool children_match(struct list *list)
{
    struct aep__store *store = list->reading.store;
    struct aep__query query = query_of(list, (int64_t)list->taken + 1);
    size_t count = 0;
    aep_error err;
    list->filter.roots = false;
    return store->ops->list(store, &query, count_one, &count, &err) == AEP_OK &&
           count > list->taken;
}

/* What a person may miss. Whoever gives a limit knows that there may be more. */
static void give_hints(struct list *list)
{
    bool filtered = list->args->operand_count > 0, limited = aep__args_given(list->args, "limit");
    if (!aep__out_hints() || (list->more && limited))
        return;
    if (list->more)
        aep__out_hint("list: there are more than these %d; `aep list --all` shows every one, "
                      "--limit=N so many",
                      LIMIT_DEFAULT);
    else if (filtered && list->filter.roots && !list->tree && children_match(list))
        aep__out_hint("list: what other executions started matches, too; --all shows it");
    else if (list->shown == 0 && filtered)
        aep__out_hint("list: no execution matches; `aep list --all` shows every one");
    else if (list->shown == 0)
        aep__out_hint("list: no executions yet; publish the first event: aep publish started "
                      "--agent demo --request 'try it out'");
}

static int run(struct list *list, aep_error *err)
{
    int code = read_wishes(list, err);
    if (code == AEP_OK)
        code = aep__reading_open(&list->reading, list->args, err);
    if (code != AEP_OK)
        return aep__out_error(err);
    aep__table_begin(&list->table, columns, COLUMN_COUNT, list->reading.width, list->reading.colour,
                     list->reading.mark);
    code = show_list(list, err);
    aep__table_write(&list->table, &list->out);
    if (!list->closed)
        flush(list);
    if (code != AEP_OK)
        return aep__out_error(err);
    if (list->stopped)
        say_stopped();
    else
        give_hints(list);
    return list->closed ? AEP__EXIT_FAILED : AEP__EXIT_DONE;
}

int aep__executions_list(struct aep__args *args)
{
    static struct list list; /* its table is large */
    aep_error err;
    list.args = args;
    aep__filter_init(&list.filter);
    int status = run(&list, &err);
    for (size_t i = 0; i < list.top_count; i++)
        free(list.tops[i]);
    free(list.tops);
    aep__table_done(&list.table);
    aep__filter_done(&list.filter);
    aep__reading_close(&list.reading);
    aep__buf_done(&list.out);
    aep__buf_done(&list.text);
    return status;
}
