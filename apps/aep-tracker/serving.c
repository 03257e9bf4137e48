/* SPDX-License-Identifier: Apache-2.0 */
/* A store has one tracker. One in the background is asked to stop, and its place is taken; one that
 * serves already stays, and its address is what the caller wants to know. */
#include "serving.h"

#include "aep/browser.h"
#include "aep/out.h"
#include "asking.h"
#include "tracker.h"

#include "base/error.h"
#include "config/layers.h"
#include "serve/serve.h"
#include "track/link.h"

#include <stdlib.h>
#include <sys/stat.h>

#define LISTEN "127.0.0.1:7450"
#define TRIES 20 /* against readers that start one in the background */

static void open_browser(const char *link)
{
    if (aep__browser_open(link) != 0)
        aep__out_say("serve: --open: %s cannot be run; open the address yourself",
                     aep__browser_name());
}

static int say_link(const struct aep__args *args, const struct aep__serve *serve)
{
    struct aep__buf out = {0};
    aep__buf_format(&out, "%s\n", aep__serve_link(serve));
    int status = aep__out_finish(&out);
    if (status == AEP__EXIT_DONE && aep__args_given(args, "open"))
        open_browser(aep__serve_link(serve));
    return status;
}

/* Takes the place of one in the background, if there is one. */
static int take_over(const aep_config *config, const char *store, aep_error *err)
{
    struct aep__buf address = {0}, name = {0};
    if (!aep__link_held(store))
        return AEP_OK;
    int code = aep__link_name(config, store, &name, err);
    if (code == AEP_OK && aep__tracker_serves(store, &address))
        code = aep__error(err, AEP_ESTATE, NULL,
                          "serve: %s serves this store already: open that, or stop it "
                          "with `aep tracker stop`",
                          aep__buf_string(&address));
    else if (code == AEP_OK)
        code = aep__tracker_end(store, aep__buf_string(&name), err);
    aep__buf_done(&address);
    aep__buf_done(&name);
    return code;
}

static int open_server(const struct aep__args *args, const aep_config *config, const char *store,
                       int listen_fd, struct aep__serve **ret, aep_error *err)
{
    const char *listen = aep__args_text(args, "listen");
    struct aep__serve_settings settings = {.store = aep__link_where(config, store),
                                           .state_dir = config->state_dir,
                                           .listen = listen ? listen : LISTEN,
                                           .hosts = aep__args_text(args, "host"),
                                           .token_file = aep__args_text(args, "token-file"),
                                           .listen_fd = listen_fd};
    return aep__serve_open(ret, &settings, err);
}

/* A reader may start one in the background between our asking one to stop and our taking its place. */
static int take_store(struct aep__tracker *tracker, const struct aep__args *args,
                      const aep_config *config, const char *store, struct aep__serve **ret,
                      aep_error *err)
{
    struct aep__serve *serve = NULL;
    int code = AEP_ESTATE;
    for (int left = TRIES; code == AEP_ESTATE && left > 0; left--) {
        code = take_over(config, store, err);
        if (code == AEP_ESTATE)
            break;
        if (code == AEP_OK && !serve)
            code = open_server(args, config, store, -1, &serve, err);
        if (code != AEP_OK)
            break;
        code = aep__tracker_take(tracker, config, store, -1, serve, err);
        if (code != AEP_OK && code != AEP_ESTATE)
            serve = NULL; /* freed with what it has */
    }
    if (code != AEP_OK)
        aep__serve_free(serve);
    *ret = serve;
    return code;
}

/* As the program before this one in the same process has left it: whoever needs the address has it. */
static int resume(struct aep__tracker *tracker, const struct aep__args *args,
                  const aep_config *config, const char *store, int lock_fd, int listen_fd,
                  aep_error *err)
{
    struct aep__serve *serve;
    int code = open_server(args, config, store, listen_fd, &serve, err);
    if (code != AEP_OK)
        return code;
    code = aep__tracker_take(tracker, config, store, lock_fd, serve, err);
    if (code == AEP_ESTATE) /* of another store, that is configured by now */
        aep__serve_free(serve);
    return code;
}

static int begin(struct aep__tracker *tracker, const struct aep__args *args,
                 const aep_config *config, const char *store, aep_error *err)
{
    struct aep__serve *serve;
    int code = take_store(tracker, args, config, store, &serve, err);
    if (code == AEP_OK && say_link(args, serve) != AEP__EXIT_DONE)
        tracker->ending = "nobody reads its address";
    return code;
}

static int find_settings(const struct aep__args *args, aep_config **ret, aep_error *err)
{
    aep_config *arguments = NULL;
    int code = aep__args_config(args, &arguments, err);
    if (code == AEP_OK)
        code = aep__config_resolve_reading(arguments, ret, err);
    aep_config_free(arguments);
    return code;
}

/* Of the program that this one becomes: it would end for good where we go on. */
static int check_settings(void *user, aep_error *err)
{
    aep_config *config = NULL;
    int code = find_settings(user, &config, err);
    aep_config_free(config);
    return code;
}

static int run(struct aep__args *args, const aep_config *config, const char *store, aep_error *err)
{
    struct aep__inherited left[] = {{AEP__TRACKER_LOCK_LEFT, -1}, {AEP__TRACKER_HTTP_LEFT, -1}};
    struct aep__tracker *tracker = malloc(sizeof *tracker);
    if (!tracker)
        return aep__error_memory(err);
    aep__inherited_take(left, sizeof left / sizeof *left);
    int code = left[0].fd >= 0 ? resume(tracker, args, config, store, left[0].fd, left[1].fd, err)
                               : begin(tracker, args, config, store, err);
    if (code == AEP_OK) {
        tracker->successor.check = check_settings;
        tracker->successor.check_user = args;
        aep__tracker_go(tracker, NULL);
    }
    free(tracker);
    return code;
}

int aep__serving(struct aep__args *args)
{
    aep_config *config = NULL;
    struct aep__buf store = {0};
    aep_error err;
    umask(077);
    int code = find_settings(args, &config, &err);
    if (code == AEP_OK)
        code = aep__link_store(config, &store, &err);
    if (code == AEP_OK)
        code = aep__link_prepare(aep__buf_string(&store), &err);
    if (code == AEP_OK)
        code = run(args, config, aep__buf_string(&store), &err);
    aep_config_free(config);
    aep__buf_done(&store);
    return code == AEP_OK ? AEP__EXIT_DONE : aep__out_error(&err);
}
