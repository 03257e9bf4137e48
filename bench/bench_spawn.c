/* SPDX-License-Identifier: Apache-2.0 */
/* Times whole processes: runs each of the commands COUNT times in turn (A B C A B C …) and
 * prints the wall time of each from before the spawn until it has been reaped.
 *
 *     bench_spawn COUNT NAME 'COMMAND WITH WORDS' [NAME 'COMMAND']… */
#include "measure.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define COMMANDS_MAX 16
#define WORDS_MAX 64

extern char **environ;

struct command {
    const char *name;
    char *words[WORDS_MAX + 1];
    struct samples samples;
};

static void split_words(struct command *command, char *text)
{
    size_t count = 0;
    for (char *word = strtok(text, " "); word && count < WORDS_MAX; word = strtok(NULL, " "))
        command->words[count++] = word;
}

static int64_t run(const struct command *command, posix_spawn_file_actions_t *actions)
{
    pid_t pid;
    int status;
    int64_t begun = bench_now_ns();
    if (posix_spawnp(&pid, command->words[0], actions, NULL, command->words, environ) != 0)
        bench_die("cannot run %s", command->words[0]);
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        bench_die("%s failed", command->name);
    return bench_now_ns() - begun;
}

int main(int argc, char **argv)
{
    struct command commands[COMMANDS_MAX] = {0};
    size_t count = argc > 3 ? strtoul(argv[1], NULL, 10) : 0, kinds = 0;
    for (int i = 2; i + 1 < argc && kinds < COMMANDS_MAX; i += 2, kinds++) {
        commands[kinds].name = argv[i];
        split_words(&commands[kinds], argv[i + 1]);
        commands[kinds].samples = bench_samples(count ? count : 1);
    }
    if (count == 0 || kinds == 0)
        bench_die("usage: bench_spawn COUNT NAME 'COMMAND'…");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    for (size_t k = 0; k < kinds; k++)
        run(&commands[k], &actions);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < kinds; k++)
            commands[k].samples.ns[i] = run(&commands[k], &actions);
    for (size_t k = 0; k < kinds; k++)
        bench_print(commands[k].name, commands[k].samples);
    return 0;
}
