/* What an operator declares is honoured or refused by its name and the field's: a liar is told;
 * made-up operators across channels give what their definitions say, with the places, numbers and
 * spacing of their channels, and what is NaN reaches as far as they look and no further. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include "../ops/cut.h"
#include "../ops/made_up.h"

/* --- a liar: declares what cannot be */

typedef struct liar {
    int64_t lie;
} liar;

static const mr_param liar_params[] = {
    {"lie", MR_INT, offsetof(liar, lie), .min = 0, .max = 99, .def = "0", .doc = "which"}, {0}};

static const char *const lies[] = {"out->nc",       "out->nc",       "out->nc",      "needs->state",
                                   "needs->state",  "needs->memory", "out->rate_hz", "out->n_axes",
                                   "needs->source", "needs->items",  "out->chan",    "pointwise"};

static mr_status liar_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    static const uint64_t chan[8] = {0};
    switch (((const liar *)self)->lie) {
    case 0: out->nc = 0; break;
    case 1: out->nc = in->nc + 1; break;
    case 2:
        out->nc = in->nc / 2 + 1;
        needs->ch_down = 2;
        break;
    case 3: *needs = (mr_needs){.ch_after = 1, .state = 1}; break;
    case 4: *needs = (mr_needs){.couples = true, .state = 1}; break;
    case 5: *needs = (mr_needs){.couples = true, .memory = MR_MEM_FADING, .fade = 9}; break;
    case 6: out->rate_hz = in->rate_hz / 2; break;
    case 7: out->n_axes = 1; break;
    case 8: needs->n_sources = 1; break;
    case 9: needs->items = (mr_items){.hop = 1, .len = 1, .least = 1}; break;
    case 10: out->chan = chan; break;
    default: needs->before = 1; break;
    }
    return MR_OK;
}

static void liar_apply(MR_UNUSED const void *self, MR_UNUSED const mr_piece *p)
{
}

static const mr_op liar_op = {.name = "liar",
                              .doc = "says what cannot be",
                              .ref = "none",
                              .example = "lie: 99",
                              .size = sizeof(liar),
                              .params = liar_params,
                              .bind = liar_bind,
                              .map = liar_apply,
                              .pointwise = true};

/* The same of one that decides what NaN does, or goes by stamps. */
static const char *const nan_lies[] = {"nan", "needs->state", "needs->memory",
                                       "nan", "nan",          "needs->by_stamps"};

static mr_status nan_liar_bind(void *self, const mr_geom *in, mr_geom *out, mr_needs *needs)
{
    switch (((const liar *)self)->lie) {
    case 0: needs->down = 2, out->rate_hz = in->rate_hz / 2; break;
    case 1: needs->state = 1; break;
    case 2: needs->memory = MR_MEM_FADING, needs->fade = 9; break;
    case 3: needs->window_ns = 1000000000; break;
    case 4: needs->blank_head = 3; break;
    default: needs->by_stamps = 2, needs->up = 2, out->rate_hz = in->rate_hz * 2; break;
    }
    return MR_OK;
}

static void nan_liar_nan(MR_UNUSED const void *self, MR_UNUSED mr_slab span, MR_UNUSED mr_marks *in,
                         MR_UNUSED mr_marks *out)
{
}

#define NAN_LIAR(word, f)                                                                          \
    {                                                                                              \
        .name = word, .doc = "says what cannot be", .ref = "none", .example = "lie: 99",           \
        .size = sizeof(liar), .params = liar_params, .bind = nan_liar_bind, .map = liar_apply,     \
        .nan = f                                                                                   \
    }
static const mr_op nan_liar_op = NAN_LIAR("nan_liar", nan_liar_nan);
static const mr_op stamp_liar_op = NAN_LIAR("stamp_liar", NULL);

MR_OWN_OPS(MADE_UP, &liar_op, &nan_liar_op, &stamp_liar_op);

static const uint64_t NUMBER[] = {10, 11, 12, 13, 14, 15, 16, 17};
static const double PLACE[] = {0, 5, 10, 15, 20, 25, 30, 35};
enum { NC = 8, NT = 400 };

static mr_status make(const char *text, mr_chain **out)
{
    const mr_geom g = {.rate_hz = 100,
                       .nc = NC,
                       .dx_m = 5,
                       .chan = NUMBER,
                       .x_m = PLACE,
                       .unit = "counts",
                       .quantity = "counts"};
    mr_node list = cut_settings(text);
    const mr_status st = mr_chain_new(&list, &g, out);
    mr_node_fini(&list);
    return st;
}

static void what_cannot_be_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        char text[32];
        mr_chain *c = NULL;
        snprintf(text, sizeof text, "liar lie=%zu", i);
        assert_int_equal(make(text, &c), MR_EBUG);
        if (!strstr(mr_error(), "liar") || !strstr(mr_error(), lies[i]))
            fail_msg("%s: %s", text, mr_error());
    }
    for (size_t i = 0; i < sizeof nan_lies / sizeof *nan_lies; i++) {
        const bool stamps = strstr(nan_lies[i], "stamps");
        char text[32];
        mr_chain *c = NULL;
        snprintf(text, sizeof text, "%s lie=%zu", stamps ? "stamp_liar" : "nan_liar", i);
        assert_int_equal(make(text, &c), MR_EBUG);
        if (!strstr(mr_error(), "_liar declares ") || !strstr(mr_error(), nan_lies[i]))
            fail_msg("%s: %s", text, mr_error());
    }
}

/* A compound is its parts, wherever it stands; what is wrong with one says where, and of what. */
static void a_compound_is_what_it_stands_for(void **state)
{
    mr_chain *c = NULL, *d = NULL;
    mr_text one = {0}, two = {0};
    (void)state;
    assert_int_equal(make("abs | band_rms band=5..20Hz window=2s step=500ms | abs", &c), MR_OK);
    assert_int_equal(make("abs | bandpass band=5..20Hz | rms window=2s step=500ms | abs", &d),
                     MR_OK);
    assert_int_equal(mr_chain_describe(c, &one), MR_OK);
    assert_int_equal(mr_chain_describe(d, &two), MR_OK);
    assert_string_equal(one.s, two.s);
    assert_true(mr_chain_entry(c, 1) == 1 && mr_chain_entry(c, 2) == 1 &&
                mr_chain_entry(c, 3) == 2);
    mr_text_fini(&one);
    mr_text_fini(&two);
    mr_chain_free(c);
    mr_chain_free(d);
    assert_int_equal(make("band_rms band=5..20Hz window=1ms", &c), MR_ECONFIG);
    assert_non_null(strstr(mr_error(), "text:1:1: window: 0.001 s is under two samples"));
    assert_non_null(strstr(mr_error(), "within band_rms"));
    assert_int_equal(make("band_rms band=5..80Hz window=1s", &c), MR_ECONFIG); /* Nyquist: 50 Hz */
    assert_non_null(strstr(mr_error(), "binding bandpass"));
}

static void channels_have_their_places_and_numbers(void **state)
{
    mr_chain *c = NULL;
    double *y = NULL;
    (void)state;
    assert_int_equal(make("made_up_halve", &c), MR_OK);
    const mr_geom *g = mr_chain_out(c);
    assert_true(g->nc == 4 && g->dx_m == 10 && g->rate_hz == 50);
    assert_string_equal(g->unit, "halves");
    for (size_t k = 0; k < 4; k++) {
        assert_true(g->x_m[k] == 2.5 + 10 * (double)k);
        assert_int_equal(g->chan[k], 10 + 2 * k);
    }
    mr_chain_free(c);
    assert_int_equal(make("made_up_halve | made_up_between", &c), MR_OK);
    g = mr_chain_out(c); /* between channels 0 and 3 of four: half way */
    assert_true(g->nc == 1 && g->x_m[0] == 17.5 && g->chan[0] == 10 && g->dx_m == 10);
    assert_int_equal(mr_chain_place(c, PLACE, &y), MR_OK);
    assert_true(y[0] == 17.5);
    free(y);
    mr_chain_free(c);
    assert_int_equal(make("made_up_fan", &c), MR_OK);
    g = mr_chain_out(c); /* as they were */
    assert_true(g->nc == NC && g->x_m == PLACE && g->chan == NUMBER && g->dx_m == 5);
    mr_chain_free(c);
}

static double x_at(const double *x, int64_t t, int64_t c)
{
    return x[t * NC + c];
}

static double fan_at(const double *x, int64_t m, int64_t j)
{
    double sum = 0;
    int n = 0;
    for (int64_t t = m - 2; t <= m + 1; t++)
        for (int64_t c = j - 1; c <= j + 1; c++)
            if (t >= 0 && t < NT && c >= 0 && c < NC) {
                sum += x_at(x, t, c);
                n++;
            }
    return sum / n;
}

/* fan, then halve, by hand: a rate and a number of channels that change, at every edge. */
static void across_channels_by_hand(void **state)
{
    double x[NT * NC];
    mr_chain *c = NULL;
    (void)state;
    for (size_t i = 0; i < NT * NC; i++) x[i] = (double)(i * i % 1009);
    assert_int_equal(make("made_up_fan | made_up_halve", &c), MR_OK);
    cut_job j = {.chain = c, .span = {0, NT}, .x = x, .nc = NC, .lane = 90, .block = 31, .tile = 3};
    double *y = cut_run(&j);
    for (int64_t m = 0; m < NT / 2; m++)
        for (int64_t k = 0; k < NC / 2; k++) {
            const double want = fan_at(x, 2 * m, 2 * k) + fan_at(x, 2 * m, 2 * k + 1) +
                                fan_at(x, 2 * m + 1, 2 * k) + fan_at(x, 2 * m + 1, 2 * k + 1);
            const double got = y[m * (NC / 2) + k];
            if (!(fabs(got - want) < 1e-9 * fabs(want))) fail_msg("%d %d", (int)m, (int)k);
        }
    free(y);
    mr_chain_free(c);
}

static void check_slab(mr_slab s, int64_t a, int64_t b)
{
    assert_int_equal(s.a, a);
    assert_int_equal(s.b, b);
}

static void channels_are_found_from_each_other(void **state)
{
    mr_slab ch[4];
    mr_chain *c = NULL;
    (void)state;
    assert_int_equal(make("made_up_fan | made_up_halve", &c), MR_OK);
    mr_chain_channels(c, (mr_slab){1, 3}, ch); /* pairs 2..5 of the fan's, which looks at 1..6 */
    check_slab(ch[1], 2, 6);
    check_slab(ch[0], 1, 7);
    mr_chain_channels(c, (mr_slab){0, 4}, ch);
    check_slab(ch[0], 0, NC);
    check_slab(mr_chain_reaches(c, 0, 1, (mr_slab){3, 4}), 2, 5);
    check_slab(mr_chain_reaches(c, 0, 2, (mr_slab){3, 4}), 1, 3); /* 2..4 are of pairs 1 and 2 */
    mr_chain_free(c);
    assert_int_equal(make("made_up_between", &c), MR_OK);
    check_slab(mr_chain_reaches(c, 0, 1, (mr_slab){0, 1}), 0, 1);
    check_slab(mr_chain_reaches(c, 0, 1, (mr_slab){6, 7}), 3, 5); /* the last begins at 4 */
    mr_chain_free(c);
    assert_int_equal(make("common_mode | made_up_fan", &c), MR_OK);
    mr_chain_channels(c, (mr_slab){2, 3}, ch); /* all are looked at, one is spoilt */
    check_slab(ch[0], 0, NC);
    check_slab(mr_chain_reaches(c, 0, 1, (mr_slab){3, 4}), 3, 4);
    mr_chain_free(c);
}

/* The same pieces whoever works: they are all of the block, once, and as laid out as measured. */
static void pieces_cover_a_block_once(void **state)
{
    mr_chain *c = NULL;
    mr_block_ranges r;
    (void)state;
    assert_int_equal(make("made_up_fan | made_up_common | made_up_powers", &c), MR_OK);
    mr_chain_ranges(c, (mr_slab){0, NT}, (mr_slab){0, NT}, true, (mr_slab){0, 0}, &r);
    const size_t room = mr_program_room(c, &r);
    const mr_program *p = mr_chain_program(c);
    char *memory = aligned_alloc(64, room + 64);
    for (size_t k = 0; k < p->n; k++) {
        const mr_step *s = &p->v[k];
        int64_t rows = 0, channels = 0;
        const size_t n = mr_step_pieces(c, s, &r);
        for (size_t i = 0; i < n; i++) {
            mr_extent in, out;
            mr_arena a = {.base = memory, .size = room};
            mr_room at;
            mr_step_piece(c, s, &r, i, &in, &out);
            mr_step_lay(c, s, &r, in, out, &a, &at); /* an arena that is too small is a bug */
            rows += out.t.b - out.t.a;
            channels += out.c.b - out.c.a;
        }
        const mr_extent all = mr_step_out(s, &r);
        if (s->by == MR_BY_TILE) assert_int_equal(channels, all.c.b - all.c.a);
        if (s->by == MR_BY_SLICE) assert_int_equal(rows, all.t.b - all.t.a);
        if (s->by == MR_BY_SLICE) assert_int_equal(n, 10); /* of 40 rows at least */
    }
    free(memory);
    mr_chain_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_is_refused_by_name),
        cmocka_unit_test(a_compound_is_what_it_stands_for),
        cmocka_unit_test(channels_have_their_places_and_numbers),
        cmocka_unit_test(across_channels_by_hand),
        cmocka_unit_test(channels_are_found_from_each_other),
        cmocka_unit_test(pieces_cover_a_block_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
