/* cli/inspect/inspect_text.c: what `inspect` found, as text: a line for each kind of file or a page
 * for each file, then how they lie in time, then what is odd and what was assumed, each said once.
 */
#include "base/quantity.h"
#include "cli/inspect/inspect.h"
#include "cli/inspect/show.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned long long ull;
enum { MOST_SPANS = 50, MOST_ODD = 50, MOST_REMARKS = 20, SHOW_PATH = 4096 };

/* --- one file -------------------------------------------------------------------------------- */

size_t mr_found_recordings(const mr_probed *p)
{
    size_t n = p->n > 0;
    for (size_t i = 1; i < p->n; i++) n += !mr_recording_goes_on(&p->rec[i - 1], &p->rec[i]);
    return n;
}

static double length_s(const mr_file_info *f)
{
    return f->uneven ? 1e-9 * (double)(f->t1_ns - f->t0_ns) : (double)f->nt / f->rate_hz;
}

/** "500 Hz"; "irregular rows, about 0.68 Hz". */
static const char *rate_text(const mr_file_info *f, char buf[MR_SHOW])
{
    snprintf(buf, MR_SHOW, "%s%.9g Hz", f->uneven ? "irregular rows, about " : "", f->rate_hz);
    return buf;
}

/** A path as it may go to a terminal. */
static const char *plain(const char *path, char buf[SHOW_PATH])
{
    mr_printable(path, buf, SHOW_PATH);
    return buf;
}

/* --- a line a kind --------------------------------------------------------------------------- */

/** Files that are alike but for their time. */
typedef struct kind {
    char *what;            /* owned: all that they share */
    size_t first, n;       /* of the files; how many */
    int64_t t0_ns, t1_ns;  /* of the first sample, behind the last */
    const mr_file_info *f; /* of the first */
} kind;

/** What a file is, but for its time. [give] out */
static mr_status what_of(const mr_probed *p, const char *product, char **out)
{
    mr_status st = MR_OK;
    mr_text t = {0};
    const mr_file_info *f = mr_found_main(p);
    char type[40], unit[MR_SHOW], rate[MR_SHOW];
    if (product) return mr_strdup(product, out);
    if (f->state != MR_OK) {
        MR_TRY(mr_text_add(&t, "refused: %s", f->reason));
    } else {
        mr_dtype_name(f->store.dtype, type, sizeof type);
        MR_TRY(mr_text_add(&t, "%s, %s, %llu x %llu, %s, ", f->layout, type, (ull)f->nt, (ull)f->nc,
                           rate_text(f, rate)));
        MR_TRY(f->dx_m != 0 ? mr_text_add(&t, "%.6g m", f->dx_m)
                            : mr_text_add(&t, "spacing unknown"));
        MR_TRY(mr_text_add(&t, ", %s%s%s", mr_show_unit_stored(f, unit),
                           f->assumed[0] ? ", assumed" : "", f->odd[0] ? ", odd" : ""));
        const size_t n = mr_found_recordings(p);
        if (n > 1) MR_TRY(mr_text_add(&t, ", the first of %zu recordings", n));
    }
    *out = t.s;
    t = (mr_text){0};
out:
    mr_text_fini(&t);
    return st;
}

static int by_what(const void *a, const void *b)
{
    const kind *x = a, *y = b;
    const int d = strcmp(x->what, y->what);
    return d ? d : (x->first > y->first) - (x->first < y->first);
}

static int by_first(const void *a, const void *b)
{
    const kind *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static void print_kind(const mr_found *f, const kind *k)
{
    char shown[SHOW_PATH], t0[40], t1[40], len[40];
    const char *comma = strstr(k->what, " Hz, ");
    printf("%s", plain(f->paths.v[k->first], shown));
    if (k->n > 1) printf(" and %zu more", k->n - 1);
    if (k->f->state != MR_OK || !comma || f->product[k->first]) {
        printf(": %s\n", k->what);
        return;
    }
    comma += strcspn(comma + 5, ",") + 5; /* behind the spacing */
    printf(": %.*s, %s", (int)(comma - k->what), k->what, mr_show_time(k->t0_ns, t0));
    if (k->n > 1)
        printf(" .. %s", mr_show_time(k->t1_ns, t1));
    else
        printf(" + %s", mr_show_length(length_s(k->f), len));
    printf("%s\n", comma);
}

/** Each kind of file once, with the first of it, in the order of these. */
static mr_status print_kinds(const mr_found *f)
{
    mr_status st = MR_OK;
    kind *v = NULL;
    size_t n = 0;
    MR_TRY(mr_alloc(f->paths.n, sizeof *v, "the files", &v));
    for (size_t i = 0; i < f->paths.n; i++) {
        const mr_file_info *r = mr_found_main(&f->file[i]);
        const double len = r->rate_hz > 0 ? length_s(r) * 1e9 : 0;
        v[i] = (kind){.first = i, .n = 1, .t0_ns = r->t0_ns, .f = r};
        v[i].t1_ns = r->t0_ns + (int64_t)(len + 0.5);
        MR_TRY(what_of(&f->file[i], f->product[i], &v[i].what));
        n++;
    }
    qsort(v, n, sizeof *v, by_what);
    size_t kinds = 0;
    for (size_t i = 0; i < n; i++) {
        if (kinds && strcmp(v[kinds - 1].what, v[i].what) == 0) {
            kind *k = &v[kinds - 1];
            k->n++;
            k->t0_ns = MR_MIN(k->t0_ns, v[i].t0_ns);
            k->t1_ns = MR_MAX(k->t1_ns, v[i].t1_ns);
            free(v[i].what);
            v[i].what = NULL;
            continue;
        }
        const kind own = v[i];
        v[i].what = NULL;
        v[kinds++] = own;
    }
    qsort(v, kinds, sizeof *v, by_first);
    for (size_t i = 0; i < kinds; i++) print_kind(f, &v[i]);
out:
    for (size_t i = 0; v && i < n; i++) free(v[i].what);
    free(v);
    return st;
}

/* --- a page a file --------------------------------------------------------------------------- */

/** The further recordings of a file. */
static void print_recordings(const mr_probed *p)
{
    char t0[40], t1[40];
    for (size_t i = 0; i < p->n; i++) {
        const mr_file_info *r = &p->rec[i];
        if (r == mr_found_main(p)) continue;
        if (r->state != MR_OK)
            printf("  beside:   refused: %s\n", r->reason);
        else
            printf("  beside:   %s rows %llu..%llu, %s .. %s, %.9g Hz\n", r->dataset,
                   (ull)r->store.row0, (ull)(r->store.row0 + r->nt), mr_show_time(r->t0_ns, t0),
                   mr_show_time(r->t1_ns, t1), r->rate_hz);
    }
}

static void print_page(const char *path, const mr_probed *p)
{
    const mr_file_info *f = mr_found_main(p);
    char type[40], t0[40], t1[40], len[40], text[MR_SHOW], bytes[32];
    const mr_store *s = &f->store;
    if (f->state != MR_OK) {
        printf("%s\n  refused:  %s\n", path, f->reason);
        return;
    }
    mr_dtype_name(s->dtype, type, sizeof type);
    printf("%s\n", path);
    printf("  layout:   %s, %s\n", f->layout, mr_fmt_bytes((double)f->size, bytes));
    printf("  samples:  %s, %s, %llu x %llu %s, %s\n", f->dataset, type,
           (ull)(s->time_first ? s->nt : s->nc), (ull)(s->time_first ? s->nc : s->nt),
           mr_show_axes(s), mr_show_storage(s, text));
    printf("  time:     %s .. %s, %llu samples, %s, %s\n", mr_show_time(f->t0_ns, t0),
           mr_show_time(f->t1_ns, t1), (ull)f->nt, rate_text(f, text),
           mr_show_length(length_s(f), len));
    if (s->nt != f->nt)
        printf("            rows %llu..%llu of %llu are valid\n", (ull)s->row0,
               (ull)(s->row0 + f->nt), (ull)s->nt);
    printf("  channels: %llu", (ull)f->nc);
    if (f->dx_m != 0)
        printf(", %.6g m apart, the first at %.9g m", f->dx_m, f->x0_m);
    else
        printf(", spacing unknown");
    if (f->gauge_m > 0) printf(", gauge length %.6g m", f->gauge_m);
    printf("\n  values:   %s\n", mr_show_unit(f, text));
    if (f->to_strain_rate > 0) printf("            x %.9g = strain/s\n", f->to_strain_rate);
    if (f->to_strain > 0) printf("            x %.9g = strain\n", f->to_strain);
    if (f->assumed[0]) printf("  assumed:  %s\n", f->assumed);
    if (f->odd[0]) printf("  odd:      %s\n", f->odd);
    print_recordings(p);
}

/* --- all of them ----------------------------------------------------------------------------- */

static void print_groups(const mr_found *f)
{
    for (uint32_t g = 0; g < f->cat->n_groups; g++) {
        char type[40], unit[MR_SHOW], rate[MR_SHOW];
        size_t n = 0;
        const mr_file_info *i = mr_catalog_group(f->cat, g);
        for (size_t k = 0; k < f->cat->n_files; k++)
            n += f->cat->rows[k].form != MR_REFUSED && mr_catalog_group_of(f->cat, k) == g;
        mr_dtype_name(i->store.dtype, type, sizeof type);
        printf("%s %zu file%s: %llu channels, %s, %s, %s\n", g ? "          " : "recorded: ", n,
               n == 1 ? "" : "s", (ull)i->nc, rate_text(i, rate), type, mr_show_unit(i, unit));
    }
}

static void print_spans(const mr_found *f)
{
    const mr_spans *s = &f->spans;
    printf("spans:     %zu\n", s->n_spans);
    for (size_t i = 0; i < s->n_spans && i < MOST_SPANS; i++) {
        char t0[40], t1[40], len[40];
        const mr_span *sp = &s->span[i];
        const int64_t end = mr_span_time(s, sp, sp->index0 + sp->n, 1);
        printf("  %s .. %s, %s, %.9g Hz, %zu file%s\n", mr_show_time(sp->t0_ns, t0),
               mr_show_time(end, t1), mr_show_length(1e-9 * (double)(end - sp->t0_ns), len),
               sp->rate_hz, sp->n_legs, sp->n_legs == 1 ? "" : "s");
    }
    if (s->n_spans > MOST_SPANS) printf("  ... and %zu more\n", s->n_spans - MOST_SPANS);
}

static void print_ledger(const mr_found *f)
{
    const mr_spans *s = &f->spans;
    if (!s->n_odd) {
        printf("gaps:      none; no overlap, no duplicate, no drift\n");
        return;
    }
    size_t n[MR_ODD_N] = {0};
    for (size_t i = 0; i < s->n_odd; i++) n[s->odd[i].kind]++;
    printf("ledger:    ");
    const char *comma = "";
    for (int k = 0; k < MR_ODD_N; k++)
        if (n[k]) {
            printf("%s%zu %s", comma, n[k], mr_odd_name((mr_odd_kind)k));
            comma = ", ";
        }
    printf("\n");
    for (size_t i = 0; i < s->n_odd && i < MOST_ODD; i++) {
        char t0[40], t1[40], shown[SHOW_PATH];
        const mr_odd *o = &s->odd[i];
        printf("  %-9s %s .. %s", mr_odd_name(o->kind), mr_show_time(o->t0_ns, t0),
               mr_show_time(o->t1_ns, t1));
        if (o->file != SIZE_MAX) printf("  %s", plain(mr_catalog_path(f->cat, o->file), shown));
        if (o->skip) printf("  %llu samples are already there", (ull)o->skip);
        printf("%s%s\n", o->note[0] ? ": " : "", o->note);
    }
    if (s->n_odd > MOST_ODD) printf("  ... and %zu more (--json has all)\n", s->n_odd - MOST_ODD);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/** Each remark once, with how many files it is about. */
static mr_status print_remarks(const mr_found *f, const char *title, bool odd)
{
    mr_status st = MR_OK;
    const char **text = NULL;
    size_t n = 0, shown = 0;
    MR_TRY(mr_alloc(f->paths.n, sizeof *text, "remarks", &text));
    for (size_t i = 0; i < f->paths.n; i++) {
        const mr_file_info *info = mr_found_main(&f->file[i]);
        const char *s = odd ? info->odd : info->assumed;
        if (info->state == MR_OK && s[0]) text[n++] = s;
    }
    if (n) {
        qsort(text, n, sizeof *text, by_text);
        printf("%s\n", title);
    }
    for (size_t i = 0, k; i < n; i = k, shown++) {
        for (k = i + 1; k < n && strcmp(text[i], text[k]) == 0;) k++;
        if (shown < MOST_REMARKS)
            printf("  %s  (%zu file%s)\n", text[i], k - i, k - i == 1 ? "" : "s");
    }
    if (shown > MOST_REMARKS) printf("  ... and %zu more\n", shown - MOST_REMARKS);
out:
    free(text);
    return st;
}

mr_status mr_found_print(const mr_found *f, bool details)
{
    mr_status st = MR_OK;
    char bytes[32], shown[SHOW_PATH];
    double all = 0;
    if (!details) MR_TRY(print_kinds(f));
    for (size_t i = 0; i < f->paths.n; i++) {
        const char *path = plain(f->paths.v[i], shown);
        if (details && f->product[i])
            printf("%s: %s\n", path, f->product[i]);
        else if (details)
            print_page(path, &f->file[i]);
        const mr_file_info *r = mr_found_main(&f->file[i]);
        if (r->state == MR_OK) all += (double)r->size;
    }
    printf("\nfiles:     %zu, %zu refused, %s to use\n", f->paths.n, f->n_refused,
           mr_fmt_bytes(all, bytes));
    if (f->n_products)
        printf("products:  %zu: no recordings, millrace view draws them\n", f->n_products);
    if (f->n_refused + f->n_products == f->paths.n) goto out;
    print_groups(f);
    print_spans(f);
    print_ledger(f);
    MR_TRY(print_remarks(f, "assumed:", false));
    MR_TRY(print_remarks(f, "odd:", true));
out:
    return st;
}
