/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"

/* ---- its words ------------------------------------------------------------------------------ */

/* Appends the word that begins there; NULL: a quote is open. */
static const char *read_word(const char *at, struct aep__buf *out)
{
    char quote = 0;
    for (; *at && (quote || (*at != ' ' && *at != '\t' && *at != '\n')); at++) {
        if (*at == quote)
            quote = 0;
        else if (!quote && (*at == '\'' || *at == '"'))
            quote = *at;
        else if (*at == '\\' && quote != '\'' && at[1])
            aep__buf_byte(out, *++at);
        else
            aep__buf_byte(out, *at);
    }
    aep__buf_byte(out, '\0');
    return quote ? NULL : at;
}

static int count_words(struct aep__buf *text, const char *typed, size_t *ret, aep_error *err)
{
    for (const char *at = typed + strspn(typed, " \t\n"); *at; at += strspn(at, " \t\n")) {
        at = read_word(at, text);
        (*ret)++;
        if (!at)
            return aep__error(err, AEP_EINVAL, "exec", "watch: --exec: a quote is not closed");
    }
    if (text->failed)
        return aep__error_memory(err);
    return *ret ? AEP_OK : aep__error(err, AEP_EINVAL, "exec", "watch: --exec needs a command");
}

int aep__command_init(struct aep__command *command, const char *typed, aep_error *err)
{
    size_t count = 0;
    int code = count_words(&command->text, typed, &count, err);
    if (code != AEP_OK)
        return code;
    command->words = calloc(count + 1, sizeof *command->words);
    command->calls = calloc(AEP__COMMANDS_MAX, sizeof *command->calls);
    if (!command->words || !command->calls)
        return aep__error_memory(err);
    char *word = command->text.data;
    for (size_t i = 0; i < count; i++, word += strlen(word) + 1)
        command->words[i] = word;
    return AEP_OK;
}

static void free_call(struct aep__command_call *call)
{
    aep__buf_done(&call->id);
    aep__buf_done(&call->state);
    aep__buf_done(&call->correlation);
    aep__buf_done(&call->row);
}

void aep__command_done(struct aep__command *command)
{
    if (command->pid > 0) {
        kill(command->pid, SIGTERM);
        waitpid(command->pid, NULL, 0);
    }
    for (; command->count > 0; command->count--)
        free_call(&command->calls[command->first++ % AEP__COMMANDS_MAX]);
    free(command->calls);
    free(command->words);
    aep__buf_done(&command->text);
    *command = (struct aep__command){0};
}

/* ---- one call ------------------------------------------------------------------------------- */

void aep__command_call(struct aep__command *command, const struct aep__tracked *execution,
                       const struct aep__view *view)
{
    struct aep__row_fields fields;
    if (!command->words)
        return;
    if (command->count == AEP__COMMANDS_MAX) {
        command->dropped++;
        return;
    }
    struct aep__command_call *call =
        &command->calls[(command->first + command->count++) % AEP__COMMANDS_MAX];
    *call = (struct aep__command_call){0};
    aep__row_fields_all(&fields);
    aep__row_add(&call->row, &fields, execution, view);
    aep__buf_byte(&call->row, '\n');
    aep__buf_format(&call->id, "AEP_EXECUTION_ID=%s", execution->id);
    aep__buf_format(&call->state, "AEP_STATE=%s",
                    aep__state_word(aep__state_of(execution, view->clock_us)));
    aep__buf_format(&call->correlation, "AEP_CORRELATION_ID=%s",
                    execution->correlation_id ? execution->correlation_id : "");
}

/* A file in memory with the row, so that it may be read slowly, or not at all. */
static int open_row(const struct aep__command_call *call)
{
    int fd = memfd_create("aep-row", MFD_CLOEXEC);
    size_t done = 0;
    while (fd >= 0 && done < call->row.len) {
        ssize_t n = write(fd, call->row.data + done, call->row.len - done);
        if (n < 0 && errno != EINTR) {
            close(fd);
            return -1;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}

static bool is_ours(const char *entry)
{
    return strncmp(entry, "AEP_EXECUTION_ID=", 17) == 0 || strncmp(entry, "AEP_STATE=", 10) == 0 ||
           strncmp(entry, "AEP_CORRELATION_ID=", 19) == 0;
}

static char **make_environment(struct aep__command_call *call)
{
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    char **all = calloc(count + 4, sizeof *all);
    for (size_t i = 0; all && i < count; i++)
        if (!is_ours(environ[i]))
            all[kept++] = environ[i];
    struct aep__buf *const own[] = {&call->id, &call->state, &call->correlation};
    for (size_t i = 0; all && i < 3; i++) {
        aep__buf_string(own[i]);
        all[kept++] = own[i]->data;
    }
    return all;
}

/* With signals as they are by default, and in its own group, so that Ctrl-C here does not end it
 * half-way. */
static int spawn(struct aep__command *command, int row_fd, char **environment)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&files, row_fd, STDIN_FILENO);
    if (command->quiet) {
        posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    }
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    int error = posix_spawnp(&command->pid, command->words[0], &files, &attributes, command->words,
                             environment);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return error;
}

static void start(struct aep__command *command)
{
    struct aep__command_call *call = &command->calls[command->first];
    char **environment = make_environment(call);
    int row_fd = call->row.failed ? -1 : open_row(call);
    command->error = ENOMEM;
    if (environment && row_fd >= 0)
        command->error = spawn(command, row_fd, environment);
    if (command->error)
        command->pid = 0;
    if (row_fd >= 0)
        close(row_fd);
    free(environment);
    free_call(call);
    command->first = (command->first + 1) % AEP__COMMANDS_MAX;
    command->count--;
}

void aep__command_turn(struct aep__command *command)
{
    if (command->pid > 0 && waitpid(command->pid, NULL, WNOHANG) == command->pid)
        command->pid = 0;
    while (command->pid == 0 && command->count > 0 && !command->error)
        start(command);
}

bool aep__command_idle(const struct aep__command *command)
{
    return command->pid == 0 && (command->count == 0 || command->error);
}
