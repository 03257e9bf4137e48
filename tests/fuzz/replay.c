/* SPDX-License-Identifier: Apache-2.0 */
/* A main() for a fuzz target without libFuzzer: replay [-n ROUNDS] FILE|FOLDER… feeds it every
 * file, empty input, and ROUNDS (1000) mutations of each file, the same in each run. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_BYTES (1 << 20)

static uint64_t random_state = 88172645463325252u;
static long rounds = 1000;
static size_t inputs;

static size_t random_below(size_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return limit ? random_state % limit : 0;
}

/* An exact copy, so that a sanitizer sees a read beyond it. */
static void give_input(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        exit(1);
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    inputs++;
}

/* Flips, replaces, removes or repeats a few bytes. */
static size_t mutate(uint8_t *data, size_t size)
{
    static const char special[] = "{}[]\":,\\=-_@/ \n\x00\x7f\x80\xc2\xed\xff";
    for (size_t i = 0, count = 1 + random_below(4); i < count && size > 0; i++) {
        size_t at = random_below(size), len = 1 + random_below(size - at < 16 ? size - at : 16);
        switch (random_below(4)) {
        case 0:
            data[at] ^= (uint8_t)(1u << random_below(8));
            break;
        case 1:
            data[at] = (uint8_t)special[random_below(sizeof special - 1)];
            break;
        case 2:
            memmove(data + at, data + at + len, size - at - len);
            size -= len;
            break;
        default:
            memmove(data + at + len, data + at, size - at);
            size += len;
        }
    }
    return size;
}

static int replay_file(const char *path)
{
    static uint8_t data[FILE_BYTES], changed[FILE_BYTES + 64];
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 1;
    }
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    give_input(data, size);
    for (long i = 0; i < rounds; i++) {
        memcpy(changed, data, size);
        give_input(changed, mutate(changed, size));
    }
    return 0;
}

static int replay_path(const char *path)
{
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode))
        return replay_file(path);
    struct dirent **entries;
    int failed = 0, count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        perror(path);
        return 1;
    }
    for (int i = 0; i < count; i++) {
        char child[4096];
        snprintf(child, sizeof child, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.')
            failed |= replay_path(child);
        free(entries[i]);
    }
    free(entries);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0, first = 1;
    if (argc > 2 && strcmp(argv[1], "-n") == 0) {
        rounds = atol(argv[2]);
        first = 3;
    }
    give_input((const uint8_t *)"", 0);
    for (int i = first; i < argc; i++)
        failed |= replay_path(argv[i]);
    printf("%zu inputs\n", inputs);
    return failed;
}
