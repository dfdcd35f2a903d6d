/* cli/view/view.h: inside `view` only: what is asked, and the way to products. */
#ifndef MR_CLI_VIEW_H
#define MR_CLI_VIEW_H
#include "base/text.h"
#include "in/input.h"
#include "out/product/product.h"
#include "report/draw/picture.h"

enum { MR_VIEW_PLACES = 3 };
typedef struct mr_view_ask {
    const char *time, *channels;    /* as given; NULL: all */
    bool within;                    /* of the time only what is there */
    uint64_t c0, c1;                /* the channels */
    bool linear;                    /* frequency axis */
    const char *at[MR_VIEW_PLACES]; /* "AXIS=PLACE,AXIS=PLACE" or NULL: which place on an axis */
    bool fk, wiggle;                /* of samples: their f-k spectrum; traces */
    double band_hz[2];              /* of that spectrum; 0, 0: all */
    int64_t t0_ns, t1_ns;           /* of events: what is shown beside them; equal: all of them */
} mr_view_ask;

/** What a panel says. */
typedef struct mr_view_words {
    mr_text title, unit;
    char headline[256];   /* output.title of what is drawn, or "" */
    int64_t t0_ns, t1_ns; /* of what is drawn */
    bool samples;         /* as time x distance, not a product */
    uint64_t every;       /* traces: one of so many channels; 0: none */
    const char *note;     /* to be said below the panel; NULL: nothing */
    mr_marks marks;       /* over it */
} mr_view_words;
void mr_view_words_fini(mr_view_words *w);
/** A panel of these files, which are called `arg`. Zero-initialise cells (but for most_x, most_y)
 *  and words; both are to be freed in any case. */
mr_status mr_view_panel(mr_prober *prober, const char *arg, const mr_strs *files,
                        const mr_view_ask *q, mr_cells *cells, mr_view_words *words);

/** The files of an argument: itself, those of a folder, the lanes of an output folder. */
mr_status mr_view_files(const char *arg, mr_strs *out);
/** "A..B" where an end may be a UTC time or a time after *t0_ns. */
mr_status mr_view_time(const char *text, int64_t *t0_ns, int64_t *t1_ns);
/** Draw lanes of a product, or a result.h5: the last axis to be seen along x distance, as mean over
 * the time asked for; of the others the place asked for, or the first. Without such an axis, or
 * with a place along it: time x distance. Of one channel: time x that axis, a line where there is
 * one row. [give] cells, words. */
mr_status mr_view_product(const char *arg, const mr_strs *files, const mr_view_ask *q,
                          mr_cells *cells, mr_view_words *words);
/** The f-k spectrum of samples: wavenumber along, frequency upwards, lines of velocity. Channels
 * have to lie evenly. [give] cells, words. */
struct mr_source;
mr_status mr_view_fk(struct mr_source *s, const char *arg, const mr_view_ask *q, mr_cells *cells,
                     mr_view_words *words);
/** What its colours say: appended to the unit of the samples. */
mr_status mr_view_fk_unit(mr_text *unit);
/** The channels asked for, of those that there are; the time, of which MR_ECONFIG says if there is
 *  none. */
mr_status mr_view_cut(struct mr_source *s, const char *arg, mr_view_ask *q);
/** Is it an output folder with events? */
bool mr_has_events(const char *folder);
/** The events of an output folder, and the picks of its lanes, where they are on a panel of time x
 * distance; appended. */
mr_status mr_view_marks(const char *folder, const mr_cells *cells, mr_marks *out);
/** Its lanes, by the index. */
mr_status mr_view_lanes(const char *folder, mr_strs *out);
/** Is it a table of events? And a map of them, time x channels. [give] cells, words. */
bool mr_is_events(const char *path);
mr_status mr_view_events(const char *arg, const char *path, const mr_view_ask *q, mr_cells *cells,
                         mr_view_words *words);
#endif
