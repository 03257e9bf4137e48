/* SPDX-License-Identifier: Apache-2.0 */
/* Step: the hooks of coding agents. Whoever has none needs none. */
#include <string.h>

#include "aep/amount.h"
#include "aep/hook_report.h"
#include "doctor.h"

/* A verdict for each thing that keeps them from running. */
static void judge_faults(struct aep__doctor *doctor, const char *name, struct aep__buf *faults)
{
    for (char *at = faults->data, *end; (end = strchr(at, '\n')); at = end + 1) {
        aep__verdict(&doctor->verdicts, AEP__GRADE_WARNING, "%s: %.*s", name, (int)(end - at), at);
        aep__verdict_remedy(&doctor->verdicts, "see `aep hook status %s`", name);
    }
}

static void judge_seen(struct aep__doctor *doctor, const struct aep__hook_report *report)
{
    const char *name = aep__hook_agents[report->id].name;
    if (report->seen.count == 0)
        aep__verdict(&doctor->verdicts, AEP__GRADE_FINE, "%s: installed; no event seen yet", name);
    else
        aep__verdict(&doctor->verdicts, AEP__GRADE_FINE, "%s: %s seen", name,
                     aep__amount_of(report->seen.count, "event").text);
    if (report->seen.errors > 0)
        aep__verdict_detail(&doctor->verdicts, "%s so far, the last: %s",
                            aep__amount_of(report->seen.errors, "error").text, report->seen.error);
}

static bool is_installed(const struct aep__hook_report *report)
{
    return report->hooks > 0 || report->plugin;
}

/* Whether it is installed. */
static bool judge_agent(struct aep__doctor *doctor, const struct aep__hook_report *report)
{
    struct aep__buf faults = {0};
    bool here = is_installed(report);
    if (here) {
        aep__hook_report_faults(report, &faults);
        aep__buf_string(&faults);
        if (faults.len > 0)
            judge_faults(doctor, aep__hook_agents[report->id].name, &faults);
        else
            judge_seen(doctor, report);
    }
    aep__buf_done(&faults);
    return here;
}

/* Whether any is installed; judge: what is found of each is told. Errors: the choice cannot be made. */
static int look(struct aep__doctor *doctor, bool judge, bool *ret_any, aep_error *err)
{
    struct aep__hook_choice choice;
    *ret_any = false;
    int code = aep__hook_choose(doctor->args, &choice, err);
    for (size_t i = 0; code == AEP_OK && i < choice.count && (judge || !*ret_any); i++) {
        struct aep__hook_report report;
        aep__hook_report_make(&report, choice.ids[i], &choice, doctor->args);
        *ret_any |= judge ? judge_agent(doctor, &report) : is_installed(&report);
        aep__hook_report_done(&report);
    }
    return code;
}

void aep__doctor_hooks(struct aep__doctor *doctor)
{
    aep_error err;
    bool any;
    if (look(doctor, true, &any, &err) != AEP_OK)
        aep__verdict(&doctor->verdicts, AEP__GRADE_UNKNOWN, "%s", err.text);
    else if (!any)
        aep__verdict(&doctor->verdicts, AEP__GRADE_SKIPPED,
                     "no coding agent publishes; `aep hook install` lets them");
}

bool aep__doctor_has_hooks(struct aep__doctor *doctor)
{
    aep_error err;
    bool any;
    look(doctor, false, &any, &err);
    return any;
}
