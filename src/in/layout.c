/* in/layout.c: the table of vendor layouts, in the order of recognition. */
#include "in/layout.h"

#define MR_LAYOUT_ROW(name) &mr_layout_##name,
static const mr_layout *const rows[] = {MR_LAYOUT_LIST(MR_LAYOUT_ROW)};

mr_status mr_layout_of(mr_infile *s, const mr_layout **out)
{
    mr_status st = MR_OK;
    *out = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows && !*out; i++) {
        if (rows[i]->hdf5) MR_TRY(mr_infile_h5(s));
        if (rows[i]->recognise(s)) *out = rows[i];
    }
out:
    return st;
}

bool mr_layout_row(size_t i, const char **name, const char **title, bool *supported)
{
    if (i >= sizeof rows / sizeof *rows) return false;
    *name = rows[i]->name;
    *title = rows[i]->title;
    *supported = rows[i]->read != NULL;
    return true;
}
