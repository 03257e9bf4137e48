/* SPDX-License-Identifier: Apache-2.0 */
/* Clients that cannot be made: whichever setting is refused, and however late, the program lives on
 * and learns which property it was. */
#include "config_fixture.h"

#include "config/kafka_keys.h"
#include "kafka/client.h"

/* Of two authorities for nothing; the key is the first one's. */
static const char certificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBcDCCARWgAwIBAgIULTTKGcyY3VMNlCuYRP9UX5mwz8IwCgYIKoZIzj0EAwIw\n"
    "DDEKMAgGA1UEAwwBYTAgFw0yNjExMjgxMTIwNTZaGA8yMTI2MTEwNDExMjA1Nlow\n"
    "DDEKMAgGA1UEAwwBYTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABO77RJ60Evrn\n"
    "lpDl0dTuh4ohXryb4t1G0ZASiT+MuRfAH9zYOhEXSikEUX0DapbtEVfeftWw9hZ9\n"
    "1Ul4le/KqrqjUzBRMB0GA1UdDgQWBBQ3SDZI4rrOkmATe7qyktXp7+5H9DAfBgNV\n"
    "HSMEGDAWgBQ3SDZI4rrOkmATe7qyktXp7+5H9DAPBgNVHRMBAf8EBTADAQH/MAoG\n"
    "CCqGSM49BAMCA0kAMEYCIQDmO03GEdyrwjlqKZa9mpRi8WMaqr1vKi497UHE+u9Q\n"
    "6AIhAOlKmXpHO4c2O4ZRSfYXkl39Tnsak4A8drAYOY8uo5Yx\n"
    "-----END CERTIFICATE-----\n";
static const char key[] = "-----BEGIN PRIVATE KEY-----\n"
                          "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgIbVJDvy3G7+LH24l\n"
                          "oZaKN6bdBOzk0rYqjByiNrjH9uihRANCAATu+0SetBL655aQ5dHU7oeKIV68m+Ld\n"
                          "RtGQEok/jLkXwB/c2DoRF0opBFF9A2qW7RFX3n7VsPYWfdVJeJXvyqq6\n"
                          "-----END PRIVATE KEY-----\n";
static const char other_certificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBcDCCARWgAwIBAgIUZPzZA49Sp1Tvnd48MIXoWS1JyO8wCgYIKoZIzj0EAwIw\n"
    "DDEKMAgGA1UEAwwBYjAgFw0yNjExMjgxMTIwNTZaGA8yMTI2MTEwNDExMjA1Nlow\n"
    "DDEKMAgGA1UEAwwBYjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABO1k6tZ3Yo3y\n"
    "B56N8RtZx79X72j7+N0p5LktUWiRsW82cn6nfYxT1NkjOjT6zHJMaDrkvPpYDoWM\n"
    "xrf6yZXmjzejUzBRMB0GA1UdDgQWBBTSzfpvcjeXLRh+OFEtj+K6bGVakDAfBgNV\n"
    "HSMEGDAWgBTSzfpvcjeXLRh+OFEtj+K6bGVakDAPBgNVHRMBAf8EBTADAQH/MAoG\n"
    "CCqGSM49BAMCA0kAMEYCIQCqUso22uHNjoNK2PnBNwfK4j+m6sJk2cwRH8WNOwMe\n"
    "8QIhAKMbcaGxNXRshIWoc7zRR6kwiSiJX0uCeeIyMMFc7zUJ\n"
    "-----END CERTIFICATE-----\n";

/* librdkafka itself leaks part of a refused configuration (client.h). */
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:librdkafka\n";
}

static int news; /* clients that are being made */

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *user,
                                  char *text, size_t size)
{
    (void)rk, (void)conf, (void)user, (void)text, (void)size;
    news++;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void hear_nothing(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk, (void)level, (void)facility, (void)text;
}

/* Makes a client and frees it again. */
static int try_client(rd_kafka_conf_t *conf, aep_error *err)
{
    rd_kafka_t *rk;
    rd_kafka_conf_set_log_cb(conf, hear_nothing);
    int result = aep__client_new(&rk, RD_KAFKA_PRODUCER, conf, on_new, NULL, err);
    if (result == AEP_OK)
        rd_kafka_destroy(rk);
    return result;
}

/* ---- which property it was ---- */

#define SETTINGS_MAX 5

static int try_settings(struct world *world, const struct aep__property *settings)
{
    static const struct aep__property none[] = {{NULL, NULL}};
    rd_kafka_conf_t *conf;
    aep_config_free(world->args);
    world->args = NULL;
    given_argument(world, "kafka.bootstrap.servers", "127.0.0.1:1");
    for (; settings->name; settings++) {
        char name[64], path[PATH_SIZE];
        snprintf(name, sizeof name, "kafka.%s", settings->name);
        snprintf(path, sizeof path, "%s", path_in(world, settings->value));
        given_argument(world, name, strstr(name, "location") ? path : settings->value);
    }
    must_load(world);
    int result = aep__client_conf(&conf, world->config, none, none, &world->err);
    return result == AEP_OK ? try_client(conf, &world->err) : result;
}

static const struct {
    struct aep__property settings[SETTINGS_MAX];
    const char *field, *text;
} refused[] = {
    {{{"security.protocol", "ssl"}, {"ssl.ca.location", "nope"}},
     "kafka.ssl.ca.location",
     "/nope: No such file or directory"},
    {{{"security.protocol", "ssl"}, {"ssl.ca.location", "text"}}, "kafka.ssl.ca.location", ""},
    {{{"security.protocol", "ssl"},
      {"ssl.ca.location", "certificate"},
      {"ssl.certificate.location", "nope"}},
     "kafka.ssl.certificate.location",
     "No such file or directory"},
    {{{"security.protocol", "ssl"},
      {"ssl.ca.location", "certificate"},
      {"ssl.key.location", "nope"}},
     "kafka.ssl.key.location",
     "No such file or directory"},
    {{{"security.protocol", "ssl"},
      {"ssl.ca.location", "certificate"},
      {"ssl.certificate.location", "other"},
      {"ssl.key.location", "key"}},
     "kafka.ssl.key.location",
     ""},
    {{{"security.protocol", "ssl"},
      {"ssl.ca.location", "certificate"},
      {"ssl.keystore.location", "nope"}},
     "kafka.ssl.keystore.password",
     "mandatory"},
    {{{"security.protocol", "sasl_plaintext"}}, "kafka.sasl.mechanism", "Kerberos"},
    {{{"security.protocol", "sasl_plaintext"}, {"sasl.mechanism", "NOPE"}},
     "kafka.sasl.mechanism",
     "NOPE"},
    {{{"security.protocol", "sasl_plaintext"}, {"sasl.mechanism", "PLAIN"}},
     "kafka.sasl.username",
     "must be set"},
    {{{"security.protocol", "sasl_plaintext"}, {"sasl.mechanism", "OAUTHBEARER"}},
     "kafka.sasl.oauthbearer.method",
     "oidc"},
    {{{"linger.ms", "a while"}}, "kafka.linger.ms", "Invalid value"},
};

static void given_files(struct world *world)
{
    given_file(world, "certificate", certificate);
    given_file(world, "other", other_certificate);
    given_file(world, "key", key);
    given_file(world, "text", "no certificate");
}

static void test_the_error_names_the_property(void **state)
{
    struct world *world = *state;
    given_files(world);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        assert_int_equal(try_settings(world, refused[i].settings), AEP_ECONFIG);
        if (strcmp(world->err.field, refused[i].field) != 0 ||
            !strstr(world->err.text, refused[i].field) || !strstr(world->err.text, refused[i].text))
            fail_msg("row %zu: %s: %s", i, world->err.field, world->err.text);
    }
}

static void test_a_client_is_made_of_good_settings(void **state)
{
    static const struct aep__property settings[] = {{"security.protocol", "ssl"},
                                                    {"ssl.ca.location", "certificate"},
                                                    {"ssl.certificate.location", "certificate"},
                                                    {"ssl.key.location", "key"},
                                                    {NULL, NULL}};
    given_files(*state);
    int result = try_settings(*state, settings);
    if (result != AEP_OK)
        fail_msg("%s", ((struct world *)*state)->err.text);
}

/* Without a token callback, librdkafka waits for the program to supply a token. */
static void test_tokens_that_need_no_server_are_fetched_behind_the_scenes(void **state)
{
    static const struct aep__property settings[] = {
        {"security.protocol", "sasl_plaintext"},
        {"sasl.mechanism", "OAUTHBEARER"},
        {"enable.sasl.oauthbearer.unsecure.jwt", "true"},
        {"sasl.oauthbearer.config", "principal=somebody"},
        {NULL, NULL}};
    assert_int_equal(try_settings(*state, settings), AEP_OK);
}

/* ---- any property, any value ---- */

static const char *const values[] = {"x",       "-1", "0",   "true", "99999999999999999999",
                                     "/nope/x", ",",  "\xff"};
static const struct aep__property grounds[][4] = {
    {{"bootstrap.servers", "127.0.0.1:1"}},
    {{"security.protocol", "ssl"}},
    {{"security.protocol", "sasl_ssl"}, {"sasl.mechanism", "PLAIN"}},
    {{"security.protocol", "sasl_plaintext"},
     {"sasl.mechanism", "SCRAM-SHA-256"},
     {"sasl.username", "u"},
     {"sasl.password", "p"}},
};

static rd_kafka_conf_t *begin_conf(const struct aep__property *ground)
{
    aep_error err;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(aep__client_set(conf, "ssl.ca.pem", certificate, &err), AEP_OK);
    for (size_t i = 0; i < 4 && ground[i].name; i++)
        assert_int_equal(aep__client_set(conf, ground[i].name, ground[i].value, &err), AEP_OK);
    return conf;
}

/* True: it was refused while the client was being made. */
static bool try_value(const struct aep__property *ground, const char *name, const char *value)
{
    aep_error err = {0};
    rd_kafka_conf_t *conf = begin_conf(ground);
    int before = news, result = aep__client_set(conf, name, value, &err);
    if (result == AEP_OK)
        result = try_client(conf, &err);
    else
        rd_kafka_conf_destroy(conf);
    if (result != AEP_OK && (err.code != AEP_ECONFIG || strncmp(err.text, "kafka.", 6) != 0))
        fail_msg("%s=%s: %s", name, value, err.text);
    return result != AEP_OK && news > before;
}

/* Values that name code to run, or are not text, never get this far. */
static void test_any_refused_value_is_survived(void **state)
{
    (void)state;
    size_t count;
    unsigned late = 0;
    const struct aep__kafka_key *keys = aep__kafka_keys(&count);
    for (size_t g = 0; g < sizeof grounds / sizeof *grounds; g++)
        for (size_t i = 0; i < count; i++)
            for (size_t v = 0; v < sizeof values / sizeof *values; v++)
                if (!(keys[i].flags & (AEP__KAFKA_PROGRAM | AEP__KAFKA_CODE)))
                    late += try_value(grounds[g], keys[i].name, values[v]);
    assert_true(late > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_error_names_the_property),
        TEST(test_a_client_is_made_of_good_settings),
        TEST(test_tokens_that_need_no_server_are_fetched_behind_the_scenes),
        TEST(test_any_refused_value_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
