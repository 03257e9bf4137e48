/* SPDX-License-Identifier: Apache-2.0 */
#include "reading.h"

#include <string.h>
#include <unistd.h>

#include "aep/amount.h"
#include "aep/out.h"
#include "look.h"
#include "tracker.h"

#include "base/clock.h"
#include "base/error.h"
#include "track/link.h"

#define WAIT_MS 2000

static int read_wishes(struct aep__reading *reading, const struct aep__args *args, aep_error *err)
{
    const char *fields = aep__args_text(args, "json");
    aep_error why;
    reading->json = aep__args_given(args, "json");
    aep__row_fields_all(&reading->fields);
    reading->wait_ms = WAIT_MS;
    if (fields && aep__row_fields_read(&reading->fields, fields, &why) != AEP_OK)
        return aep__error(err, why.code, why.field, "%s: %s", args->name, why.text);
    return aep__args_ms(args, "wait", 0, &reading->wait_ms, err);
}

static void look_at_terminal(struct aep__reading *reading)
{
    reading->utf8 = aep__out_utf8();
    reading->mark = reading->utf8 ? "…" : "...";
    reading->colour = aep__out_colour(STDOUT_FILENO);
    reading->width = (unsigned)aep__out_width(STDOUT_FILENO);
}

static int load_config(struct aep__reading *reading, const struct aep__args *args, aep_error *err)
{
    aep_config *arguments = NULL;
    int code = aep__args_config(args, &arguments, err);
    if (code == AEP_OK)
        code = aep__config_resolve_reading(arguments, &reading->config, err);
    aep_config_free(arguments);
    return code;
}

/* What the store has by now is shown, with its time. */
static void say_behind(const struct aep__reading *reading, const struct aep__args *args,
                       const aep_error *why)
{
    char time[AEP__TIME_SIZE];
    int64_t as_of_us = reading->view.clock_us;
    if (as_of_us == AEP__UNKNOWN_US) {
        aep__out_say("%s: %s, and what is shown may be old", args->name, why->text);
        return;
    }
    aep__clock_format(as_of_us, time);
    aep__out_say("%s: %s: this is as of %.19sZ, %s ago", args->name, why->text, time,
                 aep__look_span(as_of_us, aep__clock_wall_us()).text);
}

static int open_store(struct aep__reading *reading, aep_error *err)
{
    struct aep__buf path = {0};
    int code = aep__link_store(reading->config, &path, err);
    if (code == AEP_OK)
        code = aep__store_open(
            &reading->store, aep__link_where(reading->config, aep__buf_string(&path)), false, err);
    aep__buf_done(&path);
    return code;
}

int aep__reading_open(struct aep__reading *reading, const struct aep__args *args, aep_error *err)
{
    aep_error late;
    *reading = (struct aep__reading){0};
    look_at_terminal(reading);
    int code = read_wishes(reading, args, err);
    if (code == AEP_OK)
        code = load_config(reading, args, err);
    if (code != AEP_OK)
        return code;
    int64_t as_of_us;
    char differs[AEP__TRACKER_DIFFERS];
    int synced = aep__tracker_sync(reading->config, reading->wait_ms, &as_of_us, differs, &late);
    if (differs[0])
        aep__out_say("%s: the tracker runs with other settings than these (%s) and keeps them: "
                     "run `aep tracker stop`, and the next one uses these",
                     args->name, differs);
    reading->view.behind = synced != AEP_OK;
    reading->view.clock_us = as_of_us ? as_of_us : AEP__UNKNOWN_US;
    code = open_store(reading, err);
    if (code == AEP_OK && synced != AEP_OK)
        say_behind(reading, args, &late);
    if (code != AEP_ESPOOL || synced == AEP_OK)
        return code;
    *err = late; /* there is no store: what kept it from being made is the error */
    if (synced != AEP_EDEFERRED)
        return synced;
    return aep__error(err, AEP_ESTATE, "wait",
                      "%s: the tracker has not read anything yet: wait "
                      "longer, for example with --wait=10s",
                      args->name);
}

void aep__reading_close(struct aep__reading *reading)
{
    if (reading->store)
        reading->store->ops->close(reading->store);
    aep_config_free(reading->config);
    *reading = (struct aep__reading){0};
}
