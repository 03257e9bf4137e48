/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fill_error(aep_error *err, int code, const char *field, const char *format,
                       va_list args)
{
    *err = (aep_error){.code = code};
    snprintf(err->field, sizeof err->field, "%s", field ? field : "");
    vsnprintf(err->text, sizeof err->text, format, args);
}

int aep__error(aep_error *err, int code, const char *field, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        fill_error(err, code, field, format, args);
        va_end(args);
    }
    return code;
}

const char *aep__errno_text(int number)
{
#ifdef __GLIBC__ /* where strerror() translates */
    const char *text = strerrordesc_np(number);
    return text ? text : "unknown error";
#else
    return strerror(number);
#endif
}

int aep__error_errno(aep_error *err, int code, const char *field, const char *format, ...)
{
    int number = errno;
    if (err) {
        va_list args;
        va_start(args, format);
        fill_error(err, code, field, format, args);
        va_end(args);
        size_t len = strlen(err->text);
        snprintf(err->text + len, sizeof err->text - len, ": %s", aep__errno_text(number));
    }
    return code;
}

int aep__error_memory(aep_error *err)
{
    return aep__error(err, AEP_ENOMEM, NULL, "out of memory");
}

const char *aep_code_text(int code)
{
    switch (code) {
#define CODE_TEXT(name, number, text)                                                              \
    case name:                                                                                     \
        return text;
        AEP_CODES(CODE_TEXT)
#undef CODE_TEXT
    }
    return "unknown code";
}

const char *aep_code_name(int code)
{
    switch (code) {
#define CODE_NAME(name, number, text)                                                              \
    case name:                                                                                     \
        return #name;
        AEP_CODES(CODE_NAME)
#undef CODE_NAME
    }
    return "unknown code";
}

const char *aep_version(void)
{
    return AEP_VERSION;
}
