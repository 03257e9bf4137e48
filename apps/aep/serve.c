/* SPDX-License-Identifier: Apache-2.0 */
/* aep serve, as help and parser know it; the program aep-tracker runs it. */
#include "verbs.h"

static const struct aep__flag options[] = {
    {"listen", 'l', AEP__ARGUMENT_VALUE, "HOST:PORT",
     "Where to listen (default 127.0.0.1:7450); port 0: one that is free.", NULL, NULL, NULL},
    {"open", 'o', AEP__ARGUMENT_NONE, NULL, "Opens the page in a browser.", NULL, NULL, NULL},
    {"token-file", 0, AEP__ARGUMENT_VALUE, "FILE",
     "The file that holds the token (default: serve.token in $XDG_STATE_HOME/aep, made if it is "
     "missing). Other users must not be able to read it; our group may if it is root's.",
     "FILE", NULL, NULL},
    {"host", 0, AEP__ARGUMENT_VALUE, "NAMES",
     "More names that requests may call this server by, separated by commas: that of a proxy.",
     NULL, NULL, NULL},
    AEP__OPTIONS_END,
};

const struct aep__verb aep__verb_serve = {
    .name = "serve",
    .summary = "shows executions in a browser, and to programs by HTTP",
    .usage = "[--listen HOST:PORT] [--open] [--token-file FILE] [--host NAMES]",
    .description =
        "Runs the tracker in the foreground, with a page, an API and metrics, until it is stopped "
        "(Ctrl-C). It takes over from a tracker in the background; there is one `aep serve` for "
        "each store. Nothing can be changed through it.\n"
        "\n"
        "It prints its address with a token, which everything but the page's own files, /healthz "
        "and /readyz asks for: whoever has the address can read everything. Programs send it as "
        "\"Authorization: Bearer TOKEN\". /api/v1/openapi.json describes the API, /metrics is for "
        "Prometheus.\n"
        "\n"
        "An address that other machines can reach needs --token-file, and a proxy with TLS in front.",
    .examples = "  aep serve --open\n"
                "  aep serve --listen 127.0.0.1:0\n"
                "  curl -H \"Authorization: Bearer $(cat ~/.local/state/aep/serve.token)\" \\\n"
                "    'http://127.0.0.1:7450/api/v1/executions?state=waiting'",
    .options = options,
    .program = "aep-tracker",
    .shared = true,
};
