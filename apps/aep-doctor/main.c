/* SPDX-License-Identifier: Apache-2.0 */
/* aep-doctor: checks each part of an event's way, and the tracker, and says what is wrong and what
 * helps. Run by `aep doctor`, whose table is in apps/aep/doctor.c.
 *
 *     a step a row ─▶ can it be taken? ─ no ─▶ skipped, and why
 *                           └─ yes ─▶ its function ─▶ verdicts */
#include "aep/out.h"
#include "aep/verbs.h"
#include "doctor.h"

#define TIMEOUT_MS 5000
#define TIMEOUT_MAX_MS 3600000 /* some steps wait a multiple of it */

/* What must have succeeded before. */
enum need { NEEDS_NOTHING, NEEDS_CONFIG, NEEDS_SPOOL, NEEDS_SERVERS, NEEDS_CONTACT, NEEDS_WAY };

static const struct step {
    const char *name;
    enum need need;
    void (*take)(struct aep__doctor *doctor);
} steps[] = {
    {"configuration", NEEDS_NOTHING, aep__doctor_configuration},
    {"spool", NEEDS_CONFIG, aep__doctor_spool},
    {"clock", NEEDS_NOTHING, aep__doctor_clock},
    {"relay program", NEEDS_CONFIG, aep__doctor_program},
    {"relay", NEEDS_SPOOL, aep__doctor_relay},
    {"backlog", NEEDS_SPOOL, aep__doctor_backlog},
    {"tracker", NEEDS_CONFIG, aep__doctor_tracker},
    {"hooks", NEEDS_NOTHING, aep__doctor_hooks},
    {"server", NEEDS_SERVERS, aep__doctor_servers},
    {"connection", NEEDS_SERVERS, aep__doctor_contact},
    {"brokers", NEEDS_CONTACT, aep__doctor_brokers},
    {"topics", NEEDS_CONTACT, aep__doctor_topics},
    {"reading", NEEDS_CONTACT, aep__doctor_reading},
    {"probe", NEEDS_WAY, aep__doctor_probe},
};

static bool is_local(const struct aep__doctor *doctor)
{
    return doctor->config && aep__config_is(doctor->config, AEP__OPT_MODE, "local");
}

/* Why a step cannot be taken; NULL: it can. */
static const char *obstacle(const struct aep__doctor *doctor, enum need need)
{
    bool of_kafka = need == NEEDS_SERVERS || need == NEEDS_CONTACT;
    if (need != NEEDS_NOTHING && !doctor->config)
        return "not checked: the configuration is wrong";
    if ((need == NEEDS_SPOOL || need == NEEDS_WAY) && doctor->spool.dir_fd < 0)
        return "not checked: there is no spool";
    if (of_kafka && is_local(doctor))
        return "local mode: no Kafka";
    if (need == NEEDS_SERVERS &&
        !*aep__config_text(doctor->config, AEP__OPT_KAFKA_BOOTSTRAP_SERVERS))
        return "not checked: no servers are set";
    if ((need == NEEDS_CONTACT || (need == NEEDS_WAY && !is_local(doctor))) && !doctor->admin)
        return "not checked: no contact with Kafka";
    return NULL;
}

static void take_step(struct aep__doctor *doctor, const struct step *step)
{
    const char *why_not = obstacle(doctor, step->need);
    aep__verdicts_step(&doctor->verdicts, step->name);
    if (why_not)
        aep__verdict(&doctor->verdicts, AEP__GRADE_SKIPPED, "%s", why_not);
    else
        step->take(doctor);
}

static int doctor_open(struct aep__doctor *doctor, const struct aep__args *args, aep_error *err)
{
    *doctor = (struct aep__doctor){.args = args, .timeout_ms = TIMEOUT_MS, .spool = {.dir_fd = -1}};
    int code = aep__args_ms(args, "timeout", 1, &doctor->timeout_ms, err);
    if (doctor->timeout_ms > TIMEOUT_MAX_MS)
        doctor->timeout_ms = TIMEOUT_MAX_MS;
    return code == AEP_OK ? aep__args_config(args, &doctor->arguments, err) : code;
}

static void doctor_close(struct aep__doctor *doctor)
{
    aep__admin_close(doctor->admin);
    if (doctor->spool.dir_fd >= 0)
        aep__spool_done(&doctor->spool);
    aep_publisher_close(doctor->publisher);
    aep_config_free(doctor->config);
    aep_config_free(doctor->arguments);
}

static int run_doctor(struct aep__args *args)
{
    struct aep__doctor doctor;
    aep_error err;
    if (doctor_open(&doctor, args, &err) != AEP_OK)
        return aep__out_error(&err);
    aep__verdicts_begin(&doctor.verdicts, aep__args_given(args, "json"));
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        take_step(&doctor, &steps[i]);
    doctor_close(&doctor);
    return aep__verdicts_finish(&doctor.verdicts);
}

int main(int argc, char **argv)
{
    static const struct aep__runner runners[] = {{&aep__verb_doctor, run_doctor}, {NULL, NULL}};
    aep__out_guard();
    return aep__verb_main(&aep__verb_doctor, aep__verb_doctor.name, argv + (argc > 0), runners);
}
