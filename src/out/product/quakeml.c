/* out/product/quakeml.c: events as QuakeML 1.2 (basic event description): of each a pick where it
 * begins, an amplitude at its peak, and, where the channels' coordinates are known, an origin. What
 * was estimated along the fibre stands in words: the schema has no place for it. */
#include "out/product/quakeml.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "base/utc.h"

mr_status mr_quakeml_begin(mr_text *t, const mr_digest *plan)
{
    return mr_text_add(t,
                       "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                       "<q:quakeml xmlns:q=\"http://quakeml.org/xmlns/quakeml/1.2\" "
                       "xmlns=\"http://quakeml.org/xmlns/bed/1.2\">\n"
                       "<eventParameters publicID=\"smi:local/millrace/%s\">\n",
                       plan->hex);
}

mr_status mr_quakeml_end(mr_text *t)
{
    return mr_text_add(t, "</eventParameters>\n</q:quakeml>\n");
}

/* One of the schema's units of an amplitude. */
static const char *unit_of(const char *unit)
{
    static const char *const known[][2] = {
        {"1", "dimensionless"}, {"", "dimensionless"}, {"m", "m"},          {"s", "s"},
        {"m s-1", "m/s"},       {"m/s", "m/s"},        {"m s-2", "m/(s*s)"}};
    for (size_t i = 0; unit && i < sizeof known / sizeof *known; i++)
        if (strcmp(unit, known[i][0]) == 0) return known[i][1];
    return "other";
}

/* Seconds, to the nanosecond: "0.250000000". */
static mr_status add_seconds(mr_text *t, const char *tag, int64_t ns)
{
    return mr_text_add(t, "<%s>%" PRId64 ".%09" PRId64 "</%s>", tag, ns / 1000000000,
                       ns % 1000000000, tag);
}

static mr_status add_origin(mr_text *t, const char *id, uint64_t k, const mr_event_row *r,
                            const mr_spot *at)
{
    mr_status st = MR_OK;
    char iso[40];
    MR_TRY(mr_text_add(t,
                       "<origin publicID=\"smi:local/millrace/%s/origin/%" PRIu64
                       "\"><time><value>%s</value></time><longitude><value>%.9g</value></longitude>"
                       "<latitude><value>%.9g</value></latitude>",
                       id, k, mr_utc_iso(r->start_ns, iso), at->longitude, at->latitude));
    MR_TRY(mr_text_add(t,
                       "<epicenterFixed>true</epicenterFixed><evaluationMode>automatic"
                       "</evaluationMode><comment><text>place of channel %" PRId64
                       ", where it was first seen: not located</text></comment></origin>\n"
                       "<preferredOriginID>smi:local/millrace/%s/origin/%" PRIu64
                       "</preferredOriginID>\n",
                       mr_quakeml_first(r), id, k));
out:
    return st;
}

static mr_status add_amplitude(mr_text *t, const char *id, uint64_t k, const mr_event_row *r,
                               const char *unit)
{
    mr_status st = MR_OK;
    char iso[40];
    MR_TRY(mr_text_add(t,
                       "<amplitude publicID=\"smi:local/millrace/%s/amplitude/%" PRIu64
                       "\"><genericAmplitude><value>%.17g</value></genericAmplitude>"
                       "<category>point</category><unit>%s</unit><timeWindow>",
                       id, k, r->peak, unit_of(unit)));
    MR_TRY(add_seconds(t, "begin", r->peak_ns - r->start_ns));
    MR_TRY(add_seconds(t, "end", r->end_ns - r->peak_ns));
    MR_TRY(mr_text_add(t,
                       "<reference>%s</reference></timeWindow><waveformID networkCode=\"XX\" "
                       "stationCode=\"%" PRId64
                       "\"/><evaluationMode>automatic</evaluationMode></amplitude>\n",
                       mr_utc_iso(r->peak_ns, iso), r->peak_channel));
out:
    return st;
}

int64_t mr_quakeml_first(const mr_event_row *r)
{
    return r->velocity_m_s < 0 ? r->channel_last : r->channel_first;
}

mr_status mr_quakeml_event(mr_text *t, const mr_digest *plan, uint64_t k, const mr_event_row *r,
                           const char *unit, const mr_spot *at)
{
    mr_status st = MR_OK;
    char iso[40];
    const char *id = plan->hex;
    MR_TRY(mr_text_add(t,
                       "<event publicID=\"smi:local/millrace/%s/event/%" PRIu64 "\">\n"
                       "<description><text>channels %" PRId64 "..%" PRId64 ", %.6g..%.6g m, "
                       "%" PRId64 " of them; peak %.6g at %s on channel %" PRId64,
                       id, k, r->channel_first, r->channel_last, r->distance_first_m,
                       r->distance_last_m, r->n_channels, r->peak, mr_utc_iso(r->peak_ns, iso),
                       r->peak_channel));
    if (!isnan(r->velocity_m_s))
        MR_TRY(
            mr_text_add(t, "; velocity %.6g +- %.2g m/s", r->velocity_m_s, r->velocity_error_m_s));
    MR_TRY(mr_text_add(t,
                       "</text></description>\n"
                       "<pick publicID=\"smi:local/millrace/%s/pick/%" PRIu64
                       "\"><time><value>%s</value></time><waveformID networkCode=\"XX\" "
                       "stationCode=\"%" PRId64
                       "\"/><evaluationMode>automatic</evaluationMode><comment><text>the end that "
                       "it comes from, by the sign of its velocity</text></comment></pick>\n",
                       id, k, mr_utc_iso(r->start_ns, iso), mr_quakeml_first(r)));
    MR_TRY(add_amplitude(t, id, k, r, unit));
    if (at) MR_TRY(add_origin(t, id, k, r, at));
    MR_TRY(mr_text_add(t, "</event>\n"));
out:
    return st;
}
