/* report/png.c: an image as a PNG file, by libpng; a build with PNG=0 says that it has none. */
#include "report/picture.h"
#include "base/text.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

mr_status mr_image_init(mr_image *im, size_t w, size_t h)
{
    mr_status st = MR_OK;
    uint8_t *rgb = NULL;
    MR_TRY(mr_alloc(w * h, 3, "picture", &rgb));
    memset(rgb, 255, w * h * 3);
    *im = (mr_image){.w = w, .h = h, .rgb = rgb};
out:
    return st;
}

void mr_image_fini(mr_image *im)
{
    free(im->rgb);
    memset(im, 0, sizeof *im);
}

#ifdef MR_PNG
#include <png.h>

mr_status mr_png_write(const char *path, const mr_image *im)
{
    mr_status st = MR_OK;
    mr_text part = {0};
    png_image png = {.version = PNG_IMAGE_VERSION, .format = PNG_FORMAT_RGB};
    png.width = (png_uint_32)im->w;
    png.height = (png_uint_32)im->h;
    MR_TRY(mr_text_add(&part, "%s.part", path));
    if (!png_image_write_to_file(&png, part.s, 0, im->rgb, 0, NULL))
        MR_TRY(MR_RAISE(MR_EOUTPUT, "cannot write %s: %s", path, png.message));
    if (rename(part.s, path) != 0)
        MR_TRY(MR_RAISE(MR_EOUTPUT, "cannot name %s: %s", path, strerror(errno)));
out:
    if (st != MR_OK && part.s) unlink(part.s);
    mr_text_fini(&part);
    return st;
}
#else
mr_status mr_png_write(const char *path, MR_UNUSED const mr_image *im)
{
    return MR_RAISE(MR_ECONFIG, "%s: this build has no pictures (made with PNG=0)", path);
}
#endif
