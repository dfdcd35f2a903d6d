/* in/layout.c: the table of vendor layouts, in the order of detection. */
#include "in/layout.h"

static const mr_layout rows[] = {
    {"jld2", "DASVader JLD2", mr_is_jld2, NULL, NULL},
    {"ph5", "PH5", mr_is_ph5, NULL, NULL},
    {"dasdae", "DASDAE", mr_is_dasdae, mr_read_dasdae, mr_list_dasdae},
    {"terra15", "Terra15", mr_is_terra15, mr_read_terra15, NULL},
    {"optodas", "OptoDAS", mr_is_optodas, mr_read_optodas, NULL},
    {"apsensing", "AP Sensing", mr_is_apsensing, mr_read_apsensing, NULL},
    {"prodml", "PRODML", mr_is_prodml, mr_read_prodml, mr_list_prodml},
    {"uptech", "Uptech", mr_is_uptech, NULL, NULL},
    {"gdr", "GDR", mr_is_gdr, mr_read_gdr, NULL},
    {"porotomo", "PoroTomo DAS-HDF5", mr_is_porotomo, NULL, NULL},
    {"neubrex", "Neubrex DAS", mr_is_neubrex, NULL, NULL},
    {"silixa", "Silixa iDAS", mr_is_silixa, mr_read_silixa, NULL},
    {"febus", "Febus A1", mr_is_febus_a1, NULL, NULL},
    {"febus-t1", "Febus T1", mr_is_febus_t1, NULL, NULL},
    {"febus-g1", "Febus G1", mr_is_febus_g1, NULL, NULL},
    {"neubrex-rfs", "Neubrex RFS", mr_is_neubrex_rfs, NULL, NULL},
    {"carina", "Silixa Carina", mr_is_carina, NULL, NULL},
    {"odh4", "ODH4", mr_is_odh4, NULL, NULL},
    {"odh3", "ODH3", mr_is_odh3, NULL, NULL},
    {"hdas", "HDAS", mr_is_hdas, NULL, NULL},
    {"ai4eps", "AI4EPS", mr_is_ai4eps, NULL, NULL},
    {"nec", "NEC", mr_is_nec, NULL, NULL},
    {"puniu", "Puniu", mr_is_puniu, NULL, NULL},
    {"t8", "T8", mr_is_t8, NULL, NULL},
    {"jamstec", "JAMSTEC", mr_is_jamstec, NULL, NULL},
    {"apsensing-old", "old AP Sensing", mr_is_apsensing_old, NULL, NULL},
    {"xdas", "xdas netCDF", mr_is_xdas, mr_read_xdas, NULL},
    {"bare", "bare HDF5", mr_is_bare, mr_read_bare, NULL},
};

const mr_layout *mr_layout_of(const mr_h5 *h)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].recognise(h)) return &rows[i];
    return NULL;
}

bool mr_layout_row(size_t i, const char **name, const char **title, bool *supported)
{
    if (i >= sizeof rows / sizeof *rows) return false;
    *name = rows[i].name;
    *title = rows[i].title;
    *supported = rows[i].read != NULL;
    return true;
}
