/* SPDX-License-Identifier: Apache-2.0 */
/* gen_page OUT FILE...: writes the table of asset.h with these files. */
#include "base/hash.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define PLACE "@assets@"

struct file {
    const char *name, *type;
    char *text;
    size_t len;
};

static const struct {
    const char *suffix, *type;
} types[] = {
    {".html", "text/html; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".png", "image/png"},
};

static void fail(const char *what)
{
    fprintf(stderr, "gen_page: %s\n", what);
    exit(1);
}

static const char *find_type(const char *name)
{
    const char *suffix = strrchr(name, '.');
    for (size_t i = 0; suffix && i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].suffix, suffix) == 0)
            return types[i].type;
    fail("a file is of no known type");
    return NULL;
}

static struct file read_file(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct file file = {.name = slash ? slash + 1 : path};
    FILE *in = fopen(path, "rb");
    if (!in || fseek(in, 0, SEEK_END) != 0)
        fail(path);
    file.len = (size_t)ftell(in);
    file.text = malloc(file.len + 1);
    rewind(in);
    if (!file.text || fread(file.text, 1, file.len, in) != file.len)
        fail(path);
    file.text[file.len] = '\0';
    fclose(in);
    file.type = find_type(file.name);
    return file;
}

static void hash_files(const struct file *files, int count, char hash[AEP__HASH_TEXT_SIZE])
{
    char *all = NULL;
    size_t len = 0;
    for (int i = 0; i < count; i++) {
        size_t name_len = strlen(files[i].name) + 1;
        all = realloc(all, len + name_len + files[i].len);
        if (!all)
            fail("out of memory");
        memcpy(all + len, files[i].name, name_len);
        memcpy(all + len + name_len, files[i].text, files[i].len);
        len += name_len + files[i].len;
    }
    aep__hash_text(all, len, hash);
    free(all);
}

static void name_folder(struct file *file, const char *hash)
{
    char folder[64];
    size_t folder_len = (size_t)snprintf(folder, sizeof folder, "/assets/%s", hash), len = 0;
    char *out = malloc(file->len * 8 + 1);
    if (!out)
        fail("out of memory");
    for (char *at = file->text; *at;) {
        bool place = strncmp(at, PLACE, strlen(PLACE)) == 0;
        memcpy(out + len, place ? folder : at, place ? folder_len : 1);
        len += place ? folder_len : 1;
        at += place ? strlen(PLACE) : 1;
    }
    free(file->text);
    file->text = out;
    file->len = len;
}

static void write_file(FILE *out, const struct file *file, int number, size_t *ret_len)
{
    z_stream stream = {.next_in = (Bytef *)file->text, .avail_in = (uInt)file->len};
    if (deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        fail("zlib");
    uLong bound = deflateBound(&stream, (uLong)file->len);
    unsigned char *bytes = malloc(bound);
    stream.next_out = bytes;
    stream.avail_out = (uInt)bound;
    if (!bytes || deflate(&stream, Z_FINISH) != Z_STREAM_END)
        fail("zlib");
    *ret_len = bound - stream.avail_out;
    deflateEnd(&stream);
    fprintf(out, "static const unsigned char file_%d[] = {", number);
    for (size_t i = 0; i < *ret_len; i++)
        fprintf(out, "%s0x%02x,", i % 16 ? "" : "\n", bytes[i]);
    fputs("\n};\n\n", out);
    free(bytes);
}

int main(int argc, char **argv)
{
    int count = argc - 2;
    char hash[AEP__HASH_TEXT_SIZE];
    struct file *files = calloc((size_t)(count > 0 ? count : 1), sizeof *files);
    size_t *lens = calloc((size_t)(count > 0 ? count : 1), sizeof *lens);
    if (count < 1 || !files || !lens)
        fail("usage: gen_page OUT FILE...");
    for (int i = 0; i < count; i++)
        files[i] = read_file(argv[2 + i]);
    hash_files(files, count, hash);
    FILE *out = fopen(argv[1], "w");
    if (!out)
        fail(argv[1]);
    fputs("/* Made by gen_page from src/serve/page. */\n#include \"serve/asset.h\"\n\n", out);
    for (int i = 0; i < count; i++) {
        if (strcmp(files[i].name, "index.html") == 0)
            name_folder(&files[i], hash);
        write_file(out, &files[i], i, &lens[i]);
    }
    fprintf(out,
            "const char aep__assets_hash[] = \"%s\";\nconst struct aep__asset aep__assets[] = {\n",
            hash);
    for (int i = 0; i < count; i++)
        fprintf(out, "    {\"%s\", \"%s\", file_%d, %zu, %zu},\n", files[i].name, files[i].type, i,
                lens[i], files[i].len);
    fputs("    {0, 0, 0, 0, 0},\n};\n", out);
    if (fclose(out) != 0)
        fail(argv[1]);
    for (int i = 0; i < count; i++)
        free(files[i].text);
    free(files);
    free(lens);
    return 0;
}
