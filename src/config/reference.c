/* SPDX-License-Identifier: Apache-2.0 */
/* docs/CONFIGURATION.md: the rules that hold for all options, then the table's rows. */
#include "config/kafka_keys.h"
#include "config/layers.h"

#include <string.h>

static const char head[] =
    "# Configuration\n\n"
    "<!-- Generated from the option table by `aep config reference`; edit the table. -->\n\n"
    "The first of these that sets an option wins:\n\n"
    "1. an argument: `aep_config_set()`, `aep VERB --set KEY=VALUE`\n"
    "2. the environment: `AEP_` and the key in capitals, with underscores for dots "
    "(`AEP_SPOOL_DIR`), then the other names listed below\n"
    "3. a `.env` file, only if `AEP_DOTENV` holds its absolute path, and only the variables "
    "marked below\n"
    "4. `$XDG_CONFIG_HOME/aep/aep.conf` (`~/.config/aep/aep.conf`)\n"
    "5. `/etc/aep/aep.conf`\n"
    "6. its default\n\n"
    "`aep config explain` prints every value in force and where it was set, with secrets masked.\n"
    "The configuration is read once, when a publisher opens. Nothing is read from the working "
    "directory, and relative paths are refused. A setuid or setgid program ignores the "
    "environment.\n\n"
    "An empty value counts as not set. An unknown key, a bad value, a key that occurs twice in a "
    "file, and an unreadable file are errors that name the file, the line and the nearest known "
    "key. A world-writable file is refused, and so is your own aep.conf if it belongs to somebody "
    "else.\n\n"
    "## aep.conf\n\n"
    "```\n"
    "# a comment, on its own line\n"
    "kafka.bootstrap.servers = broker-1:9092, broker-2:9092\n"
    "spool.max_bytes = 4 GiB\n"
    "tenant.id = \"a value that holds a # or ends with a blank \"\n"
    "```\n\n"
    "## Values\n\n"
    "| type | written as |\n"
    "|---|---|\n"
    "| text | UTF-8 without control characters |\n"
    "| boolean | true, on, yes, 1 or false, off, no, 0 |\n"
    "| size | bytes, or a number with k, M, G, T (or KiB … PiB: powers of 1024) or kB, MB, GB, TB "
    "(powers of 1000) |\n"
    "| time | a number with ms, s, min, h or d; without a unit: seconds, or milliseconds if the "
    "key ends in `_ms` |\n"
    "| path | absolute; `~` is not expanded |\n"
    "| servers | `host`, `host:port`, `[IPv6]:port`, separated by commas |\n";

static const char kafka_head[] =
    "\n"
    "## kafka.*\n\n"
    "Set any other librdkafka property as `kafka.NAME`, or in the environment as `AEP_KAFKA_NAME` "
    "in capitals with underscores for dots: `kafka.security.protocol` is "
    "`AEP_KAFKA_SECURITY_PROTOCOL`. They are passed to librdkafka unchanged, except for these:\n\n"
    "| key | rule |\n"
    "|---|---|\n";

static const char tail[] =
    "\n"
    "## Other variables\n\n"
    "| name | meaning |\n"
    "|---|---|\n"
    "| `AEP_DOTENV` | the absolute path of a `.env` file to read |\n"
    "| `TRACEPARENT`, `TRACESTATE` | the W3C trace context that events join |\n"
    "| `AEP_CORRELATION_ID`, `AEP_CAUSATION_ID`, `AEP_SESSION_ID`, `AEP_AGENT_NAME` | set by `aep "
    "run` for its command; `aep run` and `aep publish` use them where an option is not given |\n";

static const char *type_name(enum aep__option_type type)
{
    switch (type) {
    case AEP__OPTION_TYPE_TEXT:
        return "text";
    case AEP__OPTION_TYPE_BOOL:
        return "boolean";
    case AEP__OPTION_TYPE_WORD:
        return "word";
    case AEP__OPTION_TYPE_SIZE:
        return "size";
    case AEP__OPTION_TYPE_SECONDS:
    case AEP__OPTION_TYPE_MS:
        return "time";
    case AEP__OPTION_TYPE_PATH:
        return "path";
    case AEP__OPTION_TYPE_SERVERS:
        return "servers";
    case AEP__OPTION_TYPE_WORDS:
        return "words";
    case AEP__OPTION_TYPE_TOPICS:
        return "topics";
    case AEP__OPTION_TYPE_STORE:
        return "path or URL";
    }
    return "";
}

static bool is_number(enum aep__option_type type)
{
    return type == AEP__OPTION_TYPE_SIZE || type == AEP__OPTION_TYPE_SECONDS ||
           type == AEP__OPTION_TYPE_MS;
}

/* "one|two" as `one`, `two`. */
static void add_words(struct aep__buf *out, const char *words)
{
    aep__buf_byte(out, '`');
    for (; *words; words++) {
        if (*words == '|')
            aep__buf_text(out, "`, `");
        else
            aep__buf_byte(out, *words);
    }
    aep__buf_byte(out, '`');
}

static void add_option(struct aep__buf *out, const struct aep__option_row *row)
{
    char name[AEP__NAME_SIZE];
    aep__option_name(row->key, name);
    aep__buf_format(out, "\n### %s\n\n%s\n\n- Environment: `%s`", row->key, row->doc, name);
    for (int i = 0; i < AEP__OPTION_NAMES && row->names[i]; i++)
        aep__buf_format(out, ", `%s`", row->names[i]);
    if (row->in_dotenv)
        aep__buf_format(out, "; `.env`: `%s`", row->names[0]);
    if (row->alias)
        aep__buf_format(out, "\n- Also: `%s`", row->alias);
    aep__buf_format(out, "\n- Type: %s", row->words ? "" : type_name(row->type));
    if (row->words)
        add_words(out, row->words);
    if (is_number(row->type))
        aep__buf_format(out, ", %s to %s", aep__value_number(row, row->min).text,
                        aep__value_number(row, row->max).text);
    aep__buf_format(out, *row->fallback ? "\n- Default: `%s`\n" : "\n- Default: not set\n",
                    row->fallback);
}

static void add_kafka_rule(struct aep__buf *out, const struct aep__kafka_key *key)
{
    if (key->same_as) {
        aep__buf_format(out, "| `kafka.%s` | another name of `kafka.%s` |\n", key->name,
                        key->same_as);
    } else if (key->flags & AEP__KAFKA_CODE) {
        aep__buf_format(out, "| `kafka.%s` | only in aep.conf, since it loads or runs code |\n",
                        key->name);
    } else if (key->flags & AEP__KAFKA_OWNED) {
        aep__buf_format(out, "| `kafka.%s` | ", key->name);
        aep__buf_text(out, key->words ? "only " : "not settable");
        if (key->words)
            add_words(out, key->words);
        aep__buf_format(out, ": %s |\n", key->why);
    } else if (key->flags & AEP__KAFKA_SECRET) {
        aep__buf_format(out, "| `kafka.%s` | secret: never shown |\n", key->name);
    }
}

void aep__config_reference(struct aep__buf *out)
{
    size_t count;
    const struct aep__kafka_key *keys = aep__kafka_keys(&count);
    aep__buf_text(out, head);
    aep__buf_text(out, "\n## Options\n");
    for (int i = 0; i < AEP__OPT_COUNT; i++)
        add_option(out, &aep__options[i]);
    aep__buf_text(out, kafka_head);
    for (size_t i = 0; i < count; i++)
        add_kafka_rule(out, &keys[i]);
    aep__buf_text(out, tail);
}
