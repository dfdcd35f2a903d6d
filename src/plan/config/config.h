/* plan/config/config.h: the config file as a checked structure. YAML by libyaml, every refusal with
 * file:line:column. What belongs to operators stays a node tree; ops/ checks it at bind. */
#ifndef MR_CONFIG_H
#define MR_CONFIG_H
#include "base/node.h"
#include "base/text.h"
#include "in/input.h"

/** How far apart two recordings may lie and still be one span, in samples, unless input.join says
 *  otherwise. */
#define MR_JOIN 0.5

typedef struct mr_config {
    mr_node root; /* the merged tree, overrides applied */
    char *name;   /* path of the file as given */
    /* input */
    mr_strs patterns;        /* files: globs, folders or a list, ~ and ${NAME} expanded */
    const mr_node *files;    /* its node, for messages */
    const mr_node *channels; /* NULL = all */
    const mr_node *distance; /* distance: 1.2..3.4 km; NULL = all */
    int64_t time_a, time_b;  /* half-open; INT64_MIN / INT64_MAX when open */
    const mr_node *map;      /* input.map or NULL (checked by mr_map_check) */
    const char *dataset;     /* [borrow] input.dataset, NULL: all alike to the largest */
    double join;             /* samples: how far apart recordings of one span may lie */
    double mask_s;           /* mask.constant: so long without change is masked; 0: none */
    double mask_above;       /* mask.above: so is a larger magnitude; INFINITY: none */
    char *geometry;          /* path of the channel table or NULL */
    /* chain: list node, possibly NULL */
    const mr_node *chain;
    /* output */
    char *folder; /* ~ and ${NAME} expanded */
    bool nowhere; /* it was null: a run keeps nothing, see run/nowhere.h */
    char *title;  /* never NULL; "" if none is given */
    bool deflate;
    bool quakeml;    /* events also as QuakeML */
    bool f64;        /* type: float64 */
    int64_t lane_ns; /* lane: 1 h; 0: auto */
    uint64_t strip;  /* strip: 50; 0: auto */
    /* run */
    uint64_t memory_bytes; /* 0 = by default rule */
    int io_threads;        /* default 2 */
    bool strict;           /* --strict */
    /* follow: run --follow alone looks at it */
    double patience_s, idle_s;
} mr_config;

/** Parse text (of file `name`) with overrides ("KEY=VALUE" as given to -s, in order). All that can
 *  be checked without data is checked here: unknown keys (nearest name), duplicates, anchors, tags,
 *  types, units, ranges, required keys, unknown operators and operator parameters
 *  (mr_params_parse), input.map (mr_map_check), the geometry table. Every operator of c->chain is a
 *  map of one key whose value is a map, however it was written. [give] out. */
mr_status mr_config_parse(const char *name, const char *text, const char *const *overrides,
                          size_t n_overrides, mr_config **out);
/** The same of a text of len bytes, in which a NUL is a character, and refused. */
mr_status mr_config_parse_bytes(const char *name, const char *text, size_t len,
                                const char *const *overrides, size_t n_overrides, mr_config **out);
void mr_config_free(mr_config *c);
/** Quantity that the chain converts samples to before anything else: mr_quantity_join. */
uint32_t mr_config_joins(const mr_config *c);
/** Read the file, then mr_config_parse. */
mr_status mr_config_load(const char *path, const char *const *overrides, size_t n_overrides,
                         mr_config **out);
/** Where input.channels names a table: what stands in it, so that another content is another
 *  selection. Appended. */
mr_status mr_channels_table(const mr_node *channels, mr_text *t);
/** The selected channels of a file with nc channels (spacing dx, first at x0): list of indices,
 *  sorted, unique, never empty. MR_ECONFIG with the place if the file has not got them (for a
 *  distance: more than one spacing beyond its ends). [give] idx. */
mr_status mr_config_channels(const mr_config *c, uint64_t nc, double x0_m, double dx_m,
                             uint64_t **idx, uint64_t *n);
/** The same where the channels lie at x_m[nc], in any order; NaN: nowhere. x_m NULL: as above. */
mr_status mr_config_channels_at(const mr_config *c, uint64_t nc, const double *x_m, double x0_m,
                                double dx_m, uint64_t **idx, uint64_t *n);
/** The input files: globs sorted by name, folders recursively (every name in them, *.h5 *.hdf5 *.nc
 *  and others), lists in order; of two names of one file (also by links) the first. Hidden files,
 *  *.part and all inside the output folder are left out; a folder that cannot be listed stands in
 *  the list itself, so that it is refused by name. MR_ECONFIG with the place if a pattern without
 *  wildcard does not exist or begins inside the output folder; MR_EINPUT if nothing matches. */
mr_status mr_config_files(const mr_config *c, mr_strs *out);
/** The same, and what else is worth saying. */
typedef struct mr_listing {
    mr_strs paths;
    mr_strs idle;    /* patterns and folders of input.files that no file comes from */
    mr_strs links;   /* links that were followed out of the folders of input.files, */
    mr_strs targets; /* and the real paths that they lead to, side by side */
    mr_strs outputs; /* output folders: left out, or where named in input.files, all but lanes/ */
} mr_listing;
mr_status mr_config_list(const mr_config *c, mr_listing *out);
void mr_listing_fini(mr_listing *l);
/** Geometry table: channel, distance, latitude, longitude, elevation, named by its header line
 *  in any order; missing columns and fields are NaN; rows are sorted by channel. [give] arrays. */
typedef struct mr_chantable {
    size_t n;
    int64_t *channel;
    double *distance, *latitude, *longitude, *elevation;
} mr_chantable;
mr_status mr_chantable_load(const char *path, mr_chantable *out);
void mr_chantable_fini(mr_chantable *t);
#endif
