/* ops/names.c: see names.h. */
#include "ops/names.h"
#include "base/base.h"
#include <stdio.h>
#include <string.h>

/* What is put behind a quantity's name. */
static const char *const words[] = {"abs", "envelope", "rms",    "mean",       "std",     "min",
                                    "max", "sum",      "median", "normalised", "whitened"};

static const char *name_of(const mr_geom *in)
{
    return in->quantity && *in->quantity ? in->quantity : "data";
}

/* Where the words behind a name begin; its end where there are none. */
static const char *words_of(const char *name)
{
    const char *end = name + strlen(name);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const size_t n = strlen(words[i]);
        if ((size_t)(end - name) <= n + 1 || end[-(ptrdiff_t)n - 1] != '_' ||
            strncmp(end - n, words[i], n) != 0)
            continue;
        end -= n + 1;
        i = (size_t)-1; /* there may be more before it */
    }
    return end;
}

void mr_name_made(mr_made *m, const mr_geom *in, const char *what, mr_geom *out)
{
    snprintf(m->name, sizeof m->name, "%.48s_%s", name_of(in), what);
    out->quantity = m->name;
}

void mr_name_based(mr_made *m, const mr_geom *in, const char *base, mr_geom *out)
{
    snprintf(m->name, sizeof m->name, "%.31s%.31s", base, words_of(name_of(in)));
    out->quantity = m->name;
}

void mr_name_without_unit(mr_made *m, const mr_geom *in, const char *what, mr_geom *out)
{
    mr_name_made(m, in, what, out);
    out->unit = "1";
    out->to_native = out->to_strain_rate = out->to_strain = 0;
}
