/* plan/files/finder.h: what lies below the folders of an archive. Every folder is gone through
 * once, by device and inode, however many links and mounts lead to it; a link to a folder comes
 * after all that is reached without one. Nothing of the output folder is ever found, by whatever
 * way. Called by plan/files/files.c. */
#ifndef MR_FINDER_H
#define MR_FINDER_H
#include "plan/config/config.h"
#include <sys/stat.h>

/** A folder, whatever its names. */
typedef struct mr_place {
    dev_t dev;
    ino_t ino;
} mr_place;

/** Which file a path is: the folder that holds it, and its name there. */
typedef struct mr_found_file {
    mr_place folder;
    const char *name; /* in its own folder: of paths or names below */
    bool link;        /* found by another name than its own */
} mr_found_file;

typedef struct mr_finder {
    mr_listing *out;     /* [borrow] paths, links and outputs grow */
    mr_found_file *file; /* [out->paths.n] */
    size_t cap_files;
    mr_strs names;   /* of files that links lead to */
    mr_strs roots;   /* real paths of the folders that the patterns name */
    mr_strs pending; /* links to folders, to be followed at the end */
    mr_place *seen;  /* open addressing; zero: free */
    size_t n_seen, n_slots;
    bool have_output;
    mr_place output;    /* the output folder, if it is there */
    char *dir;          /* the folder of the last file */
    mr_place dir_at;    /* it */
    bool dir_is_output; /* it lies in the output folder */
    size_t n_names;     /* looked at so far */
    double say_s;       /* when the next line about that is due */
} mr_finder;

mr_status mr_finder_init(mr_finder *f, const char *output, mr_listing *out);
void mr_finder_fini(mr_finder *f);
/** A folder from which links may lead out. */
mr_status mr_finder_root(mr_finder *f, const char *folder);
/** One file. */
mr_status mr_finder_file(mr_finder *f, const char *path);
/** All below a folder. One that cannot be listed is found itself, so that it is refused by name.
 *  named: the config names it, so that an output folder gives its lanes; else it is left out. */
mr_status mr_finder_folder(mr_finder *f, const char *path, bool named);
/** A link to a folder: gone through at the end. */
mr_status mr_finder_link(mr_finder *f, const char *path);
/** Follow the links, then drop all but one path of each file: the one by its own name, or the first
 *  that was found. */
mr_status mr_finder_end(mr_finder *f);

/** Hidden names left out, sorted. *ok: the folder could be read. f, NULL: nobody, says how far. */
mr_status mr_list_names(mr_finder *f, const char *path, mr_strs *names, bool *ok);
#endif
