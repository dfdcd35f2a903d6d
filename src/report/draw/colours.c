/* report/draw/colours.c: colour maps, units as they are printed. */
#include "report/draw/colours.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef double knot[3];

static mr_colour between(const knot *k, int n, double at) /* at in 0..n-1 */
{
    if (isnan(at)) return (mr_colour){208, 208, 208};
    at = MR_MAX(0.0, MR_MIN((double)(n - 1), at));
    const int i = MR_MIN(n - 2, (int)at);
    double f = at - i, rgb[3];
    for (int c = 0; c < 3; c++) rgb[c] = k[i][c] + f * (k[i + 1][c] - k[i][c]);
    return (mr_colour){(uint8_t)lrint(rgb[0]), (uint8_t)lrint(rgb[1]), (uint8_t)lrint(rgb[2])};
}

mr_colour mr_colour_diverging(double v)
{
    static const knot k[9] = {{10, 30, 92},    {28, 84, 168},   {88, 152, 214},
                              {184, 214, 238}, {248, 248, 246}, {250, 208, 184},
                              {232, 128, 96},  {186, 42, 52},   {96, 6, 30}};
    return between(k, 9, (v + 1) * 4);
}

mr_colour mr_colour_sequential(double v)
{ /* viridis at eighths */
    static const knot k[9] = {{68, 1, 84},    {71, 44, 122},  {59, 81, 139},
                              {44, 113, 142}, {33, 144, 141}, {39, 173, 129},
                              {92, 200, 99},  {170, 220, 50}, {253, 231, 37}};
    return between(k, 9, v * 8);
}

static const char *const raised[] = {"\xe2\x81\xb0", "\xc2\xb9",     "\xc2\xb2",     "\xc2\xb3",
                                     "\xe2\x81\xb4", "\xe2\x81\xb5", "\xe2\x81\xb6", "\xe2\x81\xb7",
                                     "\xe2\x81\xb8", "\xe2\x81\xb9"};

/* "-12" raised; how many characters it took. */
static size_t raise_number(const char *s, mr_text *out, mr_status *st)
{
    size_t n = *s == '-';
    if (!isdigit((unsigned char)s[n])) return 0;
    if (*s == '-') *st = mr_text_add(out, "\xe2\x81\xbb");
    for (; isdigit((unsigned char)s[n]); n++)
        if (*st == MR_OK) *st = mr_text_add(out, "%s", raised[s[n] - '0']);
    return n;
}

mr_status mr_unit_pretty(const char *unit, mr_text *out)
{
    mr_status st = MR_OK;
    for (const char *p = unit; *p && st == MR_OK;) {
        const bool starts = p == unit || !isalpha((unsigned char)p[-1]);
        const bool after = p > unit && (isalpha((unsigned char)p[-1]) || p[-1] == ')');
        size_t mark = *p == '^' ? 1 : strncmp(p, "**", 2) == 0 ? 2 : 0, n = 0;
        if (mark || after) n = raise_number(p + mark, out, &st);
        if (n) {
            p += mark + n;
        } else if (starts && p[0] == 'u' && (p[1] == 'm' || p[1] == 's') &&
                   !isalpha((unsigned char)p[2])) {
            st = mr_text_add(out, "\xc2\xb5");
            p++;
        } else {
            st = mr_text_add(out, "%c", *p == '_' ? ' ' : *p);
            p++;
        }
    }
    return st;
}

mr_status mr_power_pretty(int power, mr_text *out)
{
    char digits[16];
    mr_status st = mr_text_add(out, "\xc3\x97"
                                    "10");
    snprintf(digits, sizeof digits, "%d", power);
    if (st == MR_OK) raise_number(digits, out, &st);
    return st;
}
