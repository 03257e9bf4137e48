/* SPDX-License-Identifier: Apache-2.0 */
#include "opening.h"

#include "aep/browser.h"
#include "base/ascii.h"
#include "base/buf.h"
#include "base/error.h"
#include "config/layers.h"
#include "track/link.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MS 1000
#define SERVES "serves "
#define TOKEN "serve.token" /* in the state folder, unless a file was named (serve/access.c) */

/* Appends the server's address; false: there is none. */
static bool find_address(const char *store, struct aep__buf *link)
{
    char line[AEP__LINK_LINE];
    bool found = false;
    int fd = aep__link_connect(store);
    bool asked = fd >= 0 && aep__link_send(fd, "status");
    while (asked && !found && aep__link_receive(fd, line, sizeof line, ANSWER_MS) > 0 &&
           strcmp(line, "end") != 0) {
        found = strncmp(line, SERVES, strlen(SERVES)) == 0;
        if (found)
            aep__buf_text(link, line + strlen(SERVES));
    }
    if (fd >= 0)
        close(fd);
    return found;
}

/* Whoever has been there before has a cookie, and needs none. */
static void add_token(const aep_config *config, struct aep__buf *link)
{
    char path[4096], token[600];
    snprintf(path, sizeof path, "%s/" TOKEN, config->state_dir ? config->state_dir : "");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t len = fd >= 0 ? read(fd, token, sizeof token) : -1;
    if (fd >= 0)
        close(fd);
    while (len > 0 && (token[len - 1] == '\n' || token[len - 1] == '\r'))
        len--;
    if (len > 0) {
        aep__buf_text(link, "token=");
        aep__buf_add(link, token, (size_t)len);
        aep__buf_byte(link, '&');
    }
}

static void add_id(struct aep__buf *link, const char *id)
{
    aep__buf_text(link, "id=");
    for (; *id; id++)
        if (aep__is_alnum(*id) || strchr("-._~", *id))
            aep__buf_byte(link, *id);
        else
            aep__buf_format(link, "%%%02X", (unsigned char)*id);
}

int aep__opening(const aep_config *config, const char *store, const char *id, aep_error *err)
{
    struct aep__buf link = {0};
    int code = AEP_OK;
    if (!find_address(store, &link))
        code = aep__error(err, AEP_ESTATE, NULL, "no aep serve runs here: start one first");
    if (code == AEP_OK) {
        aep__buf_byte(&link, '#');
        add_token(config, &link);
        add_id(&link, id);
        aep__buf_string(&link);
        code = link.failed ? aep__error_memory(err) : AEP_OK;
    }
    if (code == AEP_OK && aep__browser_open(link.data) != 0)
        code = aep__error(err, AEP_ESTATE, NULL, "%s cannot be run", aep__browser_name());
    aep__buf_done(&link);
    return code;
}
