/* configs/plugin/program.c: a program of one's own on the library: it brings an operator, plans a
 * config and runs it. Alone, or under mpirun.
 *
 *   mpicc $(pkg-config --cflags millrace) program.c $(pkg-config --libs millrace) -o program
 *   ./program my.yaml                 # whose chain may say - halve                           */
#include <stdio.h>
#include "millrace/millrace.h"

typedef struct halve {
    double by; /* parameter */
} halve;

static const mr_param params[] = {
    {"by", MR_F64, offsetof(halve, by), .min = 1, .max = 100, .def = "2", .doc = "divisor"}, {0}};

static void map(const void *self, const mr_piece *p)
{
    for (size_t t = 0; t < p->y->nt; t++)
        for (size_t c = 0; c < p->y->nc; c++)
            *mr_at(p->y, t, c) = mr_piece_row(p, t)[c] / ((const halve *)self)->by;
}

static const mr_op op = {"halve",          "divide",   .size = sizeof(halve),
                         .params = params, .map = map, .pointwise = true};
MR_OWN_OPS(&op);

int main(int argc, char **argv)
{
    mr_work *work = NULL;
    const mr_plan *plan = NULL;
    mr_status st = mr_work_begin(&argc, &argv, argc > 1 ? argv[1] : "my.yaml", &work);
    if (st == MR_OK) st = mr_work_plan(work, &plan);
    if (st == MR_OK) printf("%llu lanes\n", (unsigned long long)mr_plan_facts_of(plan).lanes);
    if (st == MR_OK) st = mr_work_run(work);
    return mr_work_end(work, st);
}
