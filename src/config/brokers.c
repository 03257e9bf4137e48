/* SPDX-License-Identifier: Apache-2.0 */
/* Two lists of the same servers give the same text, since it names the spool. An entry that cannot
 * be a server is refused here: the relay could only report that it does not answer. */
#include "config/brokers.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVERS_MAX 256
#define HOST_MAX 253 /* RFC 1035 §2.3.4, as text */
#define LABEL_MAX 63
#define DEFAULT_PORT 9092

struct server {
    char text[HOST_MAX + 16]; /* host:port */
};

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

/* A name whose last label is all digits can only be an IPv4 address (RFC 1123 §2.1). */
static bool is_numeric(const char *host)
{
    const char *last = strrchr(host, '.');
    last = last ? last + 1 : host;
    return *last && last[strspn(last, "0123456789")] == '\0';
}

static bool check_name(const char *host, struct aep__problem *problem)
{
    char quoted[AEP__QUOTE_SIZE];
    struct in_addr address;
    aep__quote(host, quoted);
    for (const char *at = host; *at; at++)
        if (!is_host_char(*at))
            return aep__problem(problem,
                                "%s is not a host name: it has a character that host "
                                "names cannot have",
                                quoted);
    for (const char *label = host; *label; label += *label == '.') {
        size_t len = strcspn(label, ".");
        if (len == 0 || len > LABEL_MAX)
            return aep__problem(problem, "%s is not a host name: a part of it is %s", quoted,
                                len ? "longer than 63 characters" : "empty");
        label += len;
    }
    if (is_numeric(host) && inet_pton(AF_INET, host, &address) != 1)
        return aep__problem(problem, "%s is neither a host name nor an IPv4 address", quoted);
    return true;
}

/* An IPv6 address, its zone left as it is, in the one form of RFC 5952. */
static bool canonical_ipv6(char *host, size_t size, struct aep__problem *problem)
{
    char quoted[AEP__QUOTE_SIZE], address[INET6_ADDRSTRLEN], zone[64] = "";
    struct in6_addr bytes;
    aep__quote(host, quoted);
    char *percent = strchr(host, '%');
    if (percent) {
        snprintf(zone, sizeof zone, "%s", percent);
        *percent = '\0';
    }
    for (const char *at = zone[0] ? zone + 1 : zone; *at; at++)
        if (!is_host_char(*at))
            return aep__problem(problem, "%s is not an IPv6 address", quoted);
    if (inet_pton(AF_INET6, host, &bytes) != 1)
        return aep__problem(problem, "%s is not an IPv6 address", quoted);
    inet_ntop(AF_INET6, &bytes, address, sizeof address);
    snprintf(host, size, "%s%s", address, zone);
    return true;
}

static bool read_port(const char *text, unsigned *ret_port, struct aep__problem *problem)
{
    char quoted[AEP__QUOTE_SIZE];
    size_t digits = strspn(text, "0123456789");
    unsigned long port = strtoul(text, NULL, 10);
    if (digits == 0 || text[digits] || port < 1 || port > 65535)
        return aep__problem(problem, "%s is not a port (1 to 65535)", aep__quote(text, quoted));
    *ret_port = (unsigned)port;
    return true;
}

/* Splits "host", "host:port", "[v6]" and "[v6]:port", in place; port "" if there is none. */
static bool split_server(char *text, char **ret_host, char **ret_port, bool *ret_is_ipv6,
                         struct aep__problem *problem)
{
    char quoted[AEP__QUOTE_SIZE];
    aep__quote(text, quoted);
    *ret_is_ipv6 = text[0] == '[';
    *ret_host = text + *ret_is_ipv6;
    char *end = *ret_is_ipv6 ? strchr(text, ']') : strchr(text, ':');
    *ret_port = "";
    if (!end && *ret_is_ipv6)
        return aep__problem(problem, "%s has no ]", quoted);
    if (!end)
        return true;
    bool has_port = !*ret_is_ipv6 || end[1] == ':';
    *ret_port = end + 1 + *ret_is_ipv6 * has_port;
    *end = '\0';
    if (!has_port && **ret_port)
        return aep__problem(problem, "%s: only a port may follow ]", quoted);
    if (!has_port)
        *ret_port = "";
    else if (strchr(*ret_port, ':'))
        return aep__problem(problem, "%s: write an IPv6 address in brackets: [::1]:9092", quoted);
    else if (!**ret_port)
        return aep__problem(problem, "%s has no port after the colon", quoted);
    return true;
}

/* `text` is one server, lower case, no blanks around it. */
static bool read_server(char *text, struct server *server, struct aep__problem *problem)
{
    char *host, *port_text, quoted[AEP__QUOTE_SIZE];
    unsigned port = DEFAULT_PORT;
    bool is_ipv6;
    if (!*text)
        return aep__problem(problem, "the list has an empty server");
    aep__quote(text, quoted);
    if (text[strcspn(text, "; ")])
        return aep__problem(problem, "%s: separate servers by commas: host1:9092,host2:9092",
                            quoted);
    if (strchr(text, '@'))
        return aep__problem(problem, "it has an @: user names and passwords do not belong here");
    if (strstr(text, "://"))
        return aep__problem(problem, "%s: write host:port; the protocol is kafka.security.protocol",
                            quoted);
    if (strlen(text) > HOST_MAX)
        return aep__problem(problem, "%s is too long", quoted);
    if (!split_server(text, &host, &port_text, &is_ipv6, problem))
        return false;
    if (!*host)
        return aep__problem(problem, "%s has no host", quoted);
    if (*port_text && !read_port(port_text, &port, problem))
        return false;
    char copy[HOST_MAX + 1];
    snprintf(copy, sizeof copy, "%s", host);
    if (!(is_ipv6 ? canonical_ipv6(copy, sizeof copy, problem) : check_name(copy, problem)))
        return false;
    snprintf(server->text, sizeof server->text, is_ipv6 ? "[%s]:%u" : "%s:%u", copy, port);
    return true;
}

static int compare_servers(const void *a, const void *b)
{
    return strcmp(((const struct server *)a)->text, ((const struct server *)b)->text);
}

static void join_servers(struct server *servers, size_t count, struct aep__buf *canonical)
{
    qsort(servers, count, sizeof *servers, compare_servers);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && compare_servers(&servers[i - 1], &servers[i]) == 0)
            continue;
        if (i > 0)
            aep__buf_byte(canonical, ',');
        aep__buf_text(canonical, servers[i].text);
    }
}

static void lower_and_trim(char **text)
{
    *text += strspn(*text, " ");
    size_t len = strlen(*text);
    while (len > 0 && (*text)[len - 1] == ' ')
        (*text)[--len] = '\0';
    for (char *at = *text; *at; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
}

/* Reads the servers of `list`, which it cuts up. */
static bool read_servers(char *list, struct server *servers, size_t *ret_count,
                         struct aep__problem *problem)
{
    size_t count = 0;
    for (char *text, *rest = list; (text = strsep(&rest, ","));) {
        lower_and_trim(&text);
        if (count == SERVERS_MAX)
            return aep__problem(problem, "has more than %d servers", SERVERS_MAX);
        if (!read_server(text, &servers[count++], problem))
            return false;
    }
    *ret_count = count;
    return true;
}

/* As in Kafka's own clients, any white space counts as a blank: a secret may end with a line
 * end. */
static void blank_out(char *list)
{
    static const char space[] = "\t\r\n";
    for (char *at = list + strcspn(list, space); *at; at += strcspn(at, space))
        *at = ' ';
}

bool aep__brokers_parse(const char *text, struct aep__buf *canonical, struct aep__problem *problem)
{
    if (!aep__value_clean(text, true, problem))
        return false;
    struct server *servers = malloc(SERVERS_MAX * sizeof *servers);
    char *list = strdup(text);
    size_t count = 0;
    bool ok = servers && list;
    if (list)
        blank_out(list);
    if (!ok)
        canonical->failed = true;
    else if ((ok = read_servers(list, servers, &count, problem)))
        join_servers(servers, count, canonical);
    free(list);
    free(servers);
    return ok;
}
