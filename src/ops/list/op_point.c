/* ops/list/op_point.c: what needs one sample at a time: scale, units, clip, abs. */
#include "millrace/op_fast.h"
#include "ops/names.h"
#include "ops/ops.h"
#include <math.h>
#include <string.h>

/* Samples become factor times what they were: the conversions of the geometry follow. */
static void rescale(mr_geom *g, double factor)
{
    g->to_native /= factor;
    g->to_strain_rate /= factor;
    g->to_strain /= factor;
}

static void multiply(const mr_piece *p, double factor)
{
    const size_t skip = (size_t)(p->y0 - p->x0);
    for (size_t t = 0; t < p->y->nt; t++)
        for (size_t c = 0; c < p->y->nc; c++)
            *mr_at(p->y, t, c) = factor * *mr_at(p->x, skip + t, c);
}

/* --- scale
 * ----------------------------------------------------------------------------------------- */

typedef struct scale {
    double by;
    char unit[32];
} scale;

static const mr_param scale_params[] = {{"by", MR_F64, offsetof(scale, by), .doc = "factor"},
                                        {"unit", MR_WORD, offsetof(scale, unit), .def = "",
                                         .doc = "unit of the result; as it was if left out"},
                                        {0}};

static mr_status scale_bind(void *self, MR_UNUSED const mr_geom *in, mr_geom *out,
                            MR_UNUSED mr_needs *needs)
{
    const scale *s = self;
    if (!(s->by != 0)) return MR_RAISE(MR_ECONFIG, "by: 0 would lose the samples");
    rescale(out, s->by);
    if (s->unit[0]) out->unit = s->unit;
    needs->lti = true;
    return MR_OK;
}

static void scale_apply(const void *self, const mr_piece *p)
{
    multiply(p, ((const scale *)self)->by);
}

const mr_op mr_op_scale = {.name = "scale",
                           .example = "by: 2.5, unit: mV",
                           .doc = "multiply by a number",
                           .ref = "definition",
                           .size = sizeof(scale),
                           .params = scale_params,
                           .bind = scale_bind,
                           .map = scale_apply,
                           .pointwise = true};

/* --- units
 * ----------------------------------------------------------------------------------------- */

typedef struct units {
    int to;
    double factor;
    mr_made made;
} units;

enum { TO_NATIVE, TO_STRAIN_RATE, TO_STRAIN };
static const char *const targets[] = {"native", "strain_rate", "strain", NULL};

static const mr_param units_params[] = {
    {"to", MR_ENUM, offsetof(units, to), .names = targets,
     .doc = "native: what the recorder measures; strain_rate in 1/s; strain"},
    {0}};

static mr_status units_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    units *u = self;
    const double factors[] = {in->to_native, in->to_strain_rate, in->to_strain};
    const char *is = in->quantity ? in->quantity : "", *unit = in->unit ? in->unit : "";
    u->factor = factors[u->to];
    /* what an operator has made of it, strain say, is what it is */
    if (!(u->factor != 0) && u->to != TO_NATIVE && strcmp(is, targets[u->to]) == 0 &&
        strcmp(unit, u->to == TO_STRAIN ? "1" : "s-1") == 0)
        u->factor = 1;
    if (!(u->factor != 0))
        return MR_RAISE(
            MR_ECONFIG,
            "to: the way from %s to %s is not known here; use scale {by, unit}, or give "
            "input.map its scale and unit",
            in->unit ? in->unit : "the stored numbers", targets[u->to]);
    rescale(out, u->factor);
    out->unit = u->to == TO_NATIVE ? in->native_unit : u->to == TO_STRAIN ? "1" : "s-1";
    mr_name_based(&u->made, in, u->to == TO_NATIVE ? in->native_quantity : targets[u->to], out);
    needs->lti = true;
    return MR_OK;
}

static void units_apply(const void *self, const mr_piece *p)
{
    multiply(p, ((const units *)self)->factor);
}

static mr_status units_describe(const void *self, mr_text *t)
{
    return mr_text_add(t, " factor=%a", ((const units *)self)->factor);
}

const mr_op mr_op_units = {.name = "units",
                           .example = "to: strain_rate",
                           .doc = "stored numbers to physical units, by what the files say",
                           .ref = "the vendor's conversion, as the input layout gives it",
                           .size = sizeof(units),
                           .params = units_params,
                           .bind = units_bind,
                           .map = units_apply,
                           .describe = units_describe,
                           .fast = &(const mr_fast){.in_place = true}};

/* --- clip
 * ------------------------------------------------------------------------------------------ */

typedef struct clip {
    double min, max;
} clip;

static const mr_param clip_params[] = {
    {"min", MR_F64, offsetof(clip, min), .doc = "smaller samples become this"},
    {"max", MR_F64, offsetof(clip, max), .doc = "larger samples become this"},
    {0}};

static mr_status clip_bind(void *self, MR_UNUSED const mr_geom *in, MR_UNUSED mr_geom *out,
                           MR_UNUSED mr_needs *needs)
{
    const clip *s = self;
    if (s->min < s->max) return MR_OK;
    return MR_RAISE(MR_ECONFIG, "min %g is not below max %g", s->min, s->max);
}

static void clip_apply(const void *self, const mr_piece *p)
{
    const clip *s = self;
    const size_t skip = (size_t)(p->y0 - p->x0);
    for (size_t t = 0; t < p->y->nt; t++)
        for (size_t c = 0; c < p->y->nc; c++) {
            double v = *mr_at(p->x, skip + t, c);
            v = v < s->min ? s->min : v;
            *mr_at(p->y, t, c) = v > s->max ? s->max : v;
        }
}

const mr_op mr_op_clip = {.name = "clip",
                          .example = "min: -1, max: 1",
                          .doc = "limit samples to a range",
                          .ref = "numpy.clip",
                          .size = sizeof(clip),
                          .params = clip_params,
                          .bind = clip_bind,
                          .map = clip_apply,
                          .pointwise = true,
                          .hints = &(const mr_hints){.bends = true}};

/* --- abs
 * ------------------------------------------------------------------------------------------- */

typedef struct absolute {
    mr_made made;
} absolute;

static mr_status abs_bind(void *self, const mr_geom *in, mr_geom *out, MR_UNUSED mr_needs *needs)
{
    mr_name_made(&((absolute *)self)->made, in, "abs", out);
    return MR_OK;
}

static void abs_apply(MR_UNUSED const void *self, const mr_piece *p)
{
    const size_t skip = (size_t)(p->y0 - p->x0);
    for (size_t t = 0; t < p->y->nt; t++)
        for (size_t c = 0; c < p->y->nc; c++) *mr_at(p->y, t, c) = fabs(*mr_at(p->x, skip + t, c));
}

const mr_op mr_op_abs = {.name = "abs",
                         .example = "",
                         .doc = "absolute value",
                         .ref = "numpy.abs",
                         .size = sizeof(absolute),
                         .bind = abs_bind,
                         .map = abs_apply,
                         .pointwise = true,
                         .hints = &(const mr_hints){.bends = true}};
