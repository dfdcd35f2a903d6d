/* watch/history.c: see history.h. */
#include "watch/history.h"

#define FIRST_S 1.0

/** Two points become one. */
static void halve(mr_history *h)
{
    for (size_t i = 0; i < MR_HISTORY / 2; i++) {
        h->mb[i] = h->mb[2 * i] + h->mb[2 * i + 1];
        h->ms[i] = h->ms[2 * i] + h->ms[2 * i + 1];
    }
    h->n = MR_HISTORY / 2;
    h->every_s *= 2;
}

void mr_history_note(mr_history *h, double now, uint64_t bytes, uint64_t samples)
{
    if (!(h->every_s > 0)) {
        *h = (mr_history){.began = now, .every_s = FIRST_S, .at = now};
        h->bytes = bytes;
        h->samples = samples;
        return;
    }
    const double mb = 1e-6 * (double)(bytes - (bytes < h->bytes ? 0 : h->bytes));
    const double ms = 1e-6 * (double)(samples - (samples < h->samples ? 0 : h->samples));
    size_t i = (size_t)((now - h->began) / h->every_s);
    while (i >= MR_HISTORY) {
        for (; h->n < MR_HISTORY; h->n++) h->mb[h->n] = h->ms[h->n] = 0;
        halve(h);
        i /= 2;
    }
    for (; h->n <= i; h->n++) h->mb[h->n] = h->ms[h->n] = 0;
    h->mb[i] += mb;
    h->ms[i] += ms;
    h->at = now;
    h->bytes = bytes;
    h->samples = samples;
}

/** The last point is not over yet. */
static double seconds(const mr_history *h, size_t i)
{
    const double over = h->at - h->began - (double)i * h->every_s;
    return i + 1 < h->n || over > h->every_s ? h->every_s : over > 0.2 ? over : 0.2;
}

static mr_status list(const mr_history *h, const double *v, mr_text *t)
{
    mr_status st = MR_OK;
    for (size_t i = 0; st == MR_OK && i < h->n; i++)
        st = mr_text_add(t, "%s%.4g", i ? "," : "", v[i] / seconds(h, i));
    return st;
}

mr_status mr_history_json(const mr_history *h, mr_text *t)
{
    mr_status st = MR_OK;
    MR_TRY(mr_text_add(t, "{\"every_s\":%g,\"mb_s\":[", h->every_s));
    MR_TRY(list(h, h->mb, t));
    MR_TRY(mr_text_add(t, "],\"msamples_s\":["));
    MR_TRY(list(h, h->ms, t));
    MR_TRY(mr_text_add(t, "]}"));
out:
    return st;
}
