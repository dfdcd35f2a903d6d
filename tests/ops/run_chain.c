/* tests/ops/run_chain.c: a chain over a raw file, for comparing with other implementations.
 *   run_chain IN OUT NC RATE FIRST LANE BLOCK TILE CHAIN
 * IN, OUT: float64 [nt][NC]; FIRST: index of the first sample on the UTC grid; LANE, BLOCK in
 * output samples (0: all); TILE in channels; CHAIN as in cut.h. Prints "a b head tail rate num
 * den nc": output range, blank samples at either end, output rate, position of output a, channels.
 * Status 2 with the message on stderr when the chain is refused. NaN in IN are marked bad and
 * bridged; with RUN_CHAIN_NAN in the environment what is NaN in a chain's samples is NaN in OUT. */
#include "cut.h"
#include <math.h>
#include <stdio.h>

static double *read_all(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) != 0) return NULL;
    long bytes = ftell(f);
    double *x = malloc((size_t)bytes + 8);
    rewind(f);
    *n = fread(x, sizeof *x, (size_t)bytes / sizeof *x, f);
    fclose(f);
    return x;
}

/* Marks NaN and writes the last good value over it (0 if none). */
static uint8_t *bridge(double *x, size_t nt, size_t nc)
{
    uint8_t *bad = calloc(nt * nc + 1, 1);
    for (size_t i = 0; i < nt * nc; i++) {
        bad[i] = isnan(x[i]);
        if (bad[i]) x[i] = i >= nc ? x[i - nc] : 0;
    }
    return bad;
}

int main(int argc, char **argv)
{
    size_t n = 0;
    if (argc != 10) return fprintf(stderr, "usage: see the head of run_chain.c\n"), 2;
    double *x = read_all(argv[1], &n);
    if (!x) return fprintf(stderr, "cannot read %s\n", argv[1]), 3;
    size_t nc = strtoul(argv[3], NULL, 10), nt = n / nc;
    int64_t a = strtoll(argv[5], NULL, 10), num, den;
    /* a geometry with all conversions known: counts x 2 = rad, x 3 = strain/s, x 5 = strain */
    mr_geom g = {.rate_hz = strtod(argv[4], NULL),
                 .nc = nc,
                 .dx_m = 1,
                 .quantity = "counts",
                 .unit = "counts",
                 .to_native = 2,
                 .native_unit = "rad",
                 .native_quantity = "phase",
                 .to_strain_rate = 3,
                 .to_strain = 5};
    mr_node list = cut_settings(argv[9]);
    mr_chain *c = NULL;
    if (mr_chain_new(&list, &g, &c) != MR_OK) return fprintf(stderr, "%s\n", mr_error()), 2;
    cut_job j = {.chain = c,
                 .span = {a, a + (int64_t)nt},
                 .x = x,
                 .bad = bridge(x, nt, nc),
                 .nc = nc,
                 .lane = strtoll(argv[6], NULL, 10),
                 .block = strtoll(argv[7], NULL, 10),
                 .tile = strtoul(argv[8], NULL, 10)};
    mr_slab o = mr_chain_out_span(c, j.span), head, tail;
    double *y = cut_run(&j);
    uint8_t *nan = getenv("RUN_CHAIN_NAN") && !mr_chain_reduces(c) ? mr_cut_nan(&j) : NULL;
    for (size_t i = 0; nan && i < cut_out_rows(c, j.span) * cut_nc(&j); i++)
        if (nan[i]) y[i] = NAN;
    free(nan);
    FILE *f = fopen(argv[2], "wb");
    const size_t rows = cut_out_rows(c, j.span);
    if (!f || fwrite(y, cut_nc(&j) * sizeof *y, rows, f) != rows || fclose(f) != 0) return 4;
    mr_chain_blanks(c, mr_chain_n(c), j.span, &head, &tail);
    mr_chain_position(c, j.span, o.a, &num, &den);
    if (mr_chain_reduces(c)) o = mr_chain_rows(c, o);
    printf("%lld %lld %zu %zu %.17g %lld %lld %zu\n", (long long)o.a, (long long)o.b,
           cut_rows(head), cut_rows(tail), mr_chain_out(c)->rate_hz, (long long)num, (long long)den,
           cut_nc(&j));
    free(y);
    free(x);
    free((void *)j.bad);
    mr_chain_free(c);
    mr_node_fini(&list);
    return 0;
}
