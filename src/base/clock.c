/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <time.h>

static int64_t read_us(clockid_t id)
{
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t aep__clock_wall_us(void)
{
    return read_us(CLOCK_REALTIME);
}

int64_t aep__clock_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

/* Days and dates by the proleptic Gregorian calendar, a year beginning in March so that the leap
 * day is its last: no table, no time zone data. */
static void date_of_days(int64_t days, int *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

static int64_t days_of_date(int year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t yoe = year - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static char *put_digits(char *at, int64_t value, int width)
{
    uint32_t number = (uint32_t)value; /* dividing it takes half as long */
    for (int i = width - 1; i >= 0; i--, number /= 10)
        at[i] = (char)('0' + number % 10);
    return at + width;
}

void aep__clock_format(int64_t wall_us, char text[AEP__TIME_SIZE])
{
    int64_t seconds = wall_us / 1000000, us = wall_us % 1000000;
    if (us < 0)
        seconds--, us += 1000000;
    int64_t days = seconds / 86400, rest = seconds % 86400;
    if (rest < 0)
        days--, rest += 86400;
    int year, month, day;
    date_of_days(days, &year, &month, &day);
    char *at = put_digits(text, year, 4);
    *at++ = '-';
    at = put_digits(at, month, 2);
    *at++ = '-';
    at = put_digits(at, day, 2);
    *at++ = 'T';
    at = put_digits(at, rest / 3600, 2);
    *at++ = ':';
    at = put_digits(at, rest / 60 % 60, 2);
    *at++ = ':';
    at = put_digits(at, rest % 60, 2);
    *at++ = '.';
    at = put_digits(at, us, 6);
    *at++ = 'Z';
    *at = '\0';
}

/* Reads `width` digits at *at and moves it on; -1 if they are not all digits. */
static int take_digits(const char **at, const char *end, int width)
{
    if (end - *at < width)
        return -1;
    int number = 0;
    for (int i = 0; i < width; i++) {
        char c = *(*at)++;
        if (c < '0' || c > '9')
            return -1;
        number = number * 10 + (c - '0');
    }
    return number;
}

static bool take_char(const char **at, const char *end, const char *any)
{
    for (; *any; any++)
        if (*at < end && **at == *any) {
            ++*at;
            return true;
        }
    return false;
}

static bool parse_date(const char **at, const char *end, int64_t *ret_days)
{
    int year = take_digits(at, end, 4);
    bool dashes = take_char(at, end, "-");
    int month = take_digits(at, end, 2);
    dashes = take_char(at, end, "-") && dashes;
    int day = take_digits(at, end, 2);
    if (!dashes || year < 0 || month < 1 || month > 12 || day < 1)
        return false;
    int back_year, back_month, back_day;
    *ret_days = days_of_date(year, month, day);
    date_of_days(*ret_days, &back_year, &back_month, &back_day);
    return back_month == month && back_day == day;
}

static bool parse_time(const char **at, const char *end, int64_t *ret_us)
{
    int hour = take_digits(at, end, 2);
    bool colons = take_char(at, end, ":");
    int minute = take_digits(at, end, 2);
    colons = take_char(at, end, ":") && colons;
    int second = take_digits(at, end, 2);
    if (!colons || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
        return false;
    int64_t fraction = 0, unit = 100000;
    if (take_char(at, end, ".")) {
        int digit = take_digits(at, end, 1);
        if (digit < 0)
            return false;
        do {
            fraction += digit * unit;
            unit /= 10;
        } while (*at < end && **at >= '0' && **at <= '9' && (digit = take_digits(at, end, 1)) >= 0);
    }
    *ret_us = ((int64_t)hour * 3600 + minute * 60 + second) * 1000000 + fraction;
    return true;
}

static bool parse_zone(const char **at, const char *end, int64_t *ret_us)
{
    *ret_us = 0;
    if (take_char(at, end, "Zz"))
        return true;
    bool east = *at < end && **at == '+';
    if (!take_char(at, end, "+-"))
        return false;
    int hour = take_digits(at, end, 2);
    bool colon = take_char(at, end, ":");
    int minute = take_digits(at, end, 2);
    if (!colon || hour < 0 || hour > 23 || minute < 0 || minute > 59)
        return false;
    int64_t offset_us = ((int64_t)hour * 3600 + minute * 60) * 1000000;
    *ret_us = east ? offset_us : -offset_us;
    return true;
}

bool aep__clock_parse(const char *text, size_t len, int64_t *ret_us)
{
    const char *at = text, *end = text + len;
    int64_t days, time_us, zone_us;
    if (!parse_date(&at, end, &days) || !take_char(&at, end, "Tt") ||
        !parse_time(&at, end, &time_us) || !parse_zone(&at, end, &zone_us) || at != end)
        return false;
    if (ret_us)
        *ret_us = days * 86400000000 + time_us - zone_us;
    return true;
}
