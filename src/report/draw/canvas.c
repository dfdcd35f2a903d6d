/* report/draw/canvas.c: drawing on pixels: fills, smooth lines, stroke letters. */
#include "report/draw/canvas.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Strokes of the characters ' ' to '~': points as two digits, x 0..4 and y 0..8 (0 top of capitals,
 * 2 top of small letters, 6 base line); '|' lifts the pen; a point given twice is a dot. */
static const char *const strokes[95] = {
    "",                                                   /* space */
    "20 24|26 26",                                        /* ! */
    "10 11|30 31",                                        /* " */
    "10 16|30 36|02 42|04 44",                            /* # */
    "41 30 10 01 02 13 33 44 45 36 16 05|20 26",          /* $ */
    "40 06|00 10 11 01 00|35 45 46 36 35",                /* % */
    "46 12 11 20 31 32 04 05 16 26 44",                   /* & */
    "20 21",                                              /* ' */
    "30 21 12 14 25 36",                                  /* ( */
    "10 21 32 34 25 16",                                  /* ) */
    "21 25|02 44|42 04",                                  /* * */
    "21 25|03 43",                                        /* + */
    "26 17",                                              /* , */
    "03 33",                                              /* - */
    "26 26",                                              /* . */
    "40 06",                                              /* / */
    "10 30 41 45 36 16 05 01 10",                         /* 0 */
    "11 20 26|16 36",                                     /* 1 */
    "01 10 30 41 42 06 46",                               /* 2 */
    "01 10 30 41 42 33 44 45 36 16 05|13 33",             /* 3 */
    "36 30 04 44",                                        /* 4 */
    "40 00 03 12 32 43 45 36 16 05",                      /* 5 */
    "41 30 10 01 05 16 36 45 44 33 13 04",                /* 6 */
    "00 40 16",                                           /* 7 */
    "10 30 41 42 33 13 02 01 10|13 04 05 16 36 45 44 33", /* 8 */
    "05 16 36 45 41 30 10 01 02 13 33 42",                /* 9 */
    "23 23|26 26",                                        /* : */
    "23 23|26 17",                                        /* ; */
    "41 03 45",                                           /* < */
    "02 42|04 44",                                        /* = */
    "01 43 05",                                           /* > */
    "01 10 30 41 42 23 24|26 26",                         /* ? */
    "34 33 23 14 25 34 44 41 30 10 01 05 16 36",          /* @ */
    "06 20 46|14 34",                                     /* A */
    "00 06 36 45 44 33 03|00 30 41 42 33",                /* B */
    "41 30 10 01 05 16 36 45",                            /* C */
    "00 06 26 44 42 20 00",                               /* D */
    "40 00 06 46|03 33",                                  /* E */
    "40 00 06|03 33",                                     /* F */
    "41 30 10 01 05 16 36 45 43 23",                      /* G */
    "00 06|40 46|03 43",                                  /* H */
    "20 26",                                              /* I */
    "40 45 36 16 05",                                     /* J */
    "00 06|40 03 46",                                     /* K */
    "00 06 46",                                           /* L */
    "06 00 23 40 46",                                     /* M */
    "06 00 46 40",                                        /* N */
    "10 30 41 45 36 16 05 01 10",                         /* O */
    "06 00 30 41 42 33 03",                               /* P */
    "10 30 41 45 36 16 05 01 10|34 46",                   /* Q */
    "06 00 30 41 42 33 03|23 46",                         /* R */
    "41 30 10 01 02 13 33 44 45 36 16 05",                /* S */
    "00 40|20 26",                                        /* T */
    "00 05 16 36 45 40",                                  /* U */
    "00 26 40",                                           /* V */
    "00 16 22 36 40",                                     /* W */
    "00 46|40 06",                                        /* X */
    "00 23 40|23 26",                                     /* Y */
    "00 40 06 46",                                        /* Z */
    "30 10 16 36",                                        /* [ */
    "00 46",                                              /* \ */
    "10 30 36 16",                                        /* ] */
    "02 20 42",                                           /* ^ */
    "07 47",                                              /* _ */
    "10 21",                                              /* ` */
    "44 14 05 16 36 45|12 32 43 46",                      /* a */
    "00 06|03 12 32 43 45 36 16 05",                      /* b */
    "43 32 12 03 05 16 36 45",                            /* c */
    "40 46|43 32 12 03 05 16 36 45",                      /* d */
    "04 44 43 32 12 03 05 16 36 45",                      /* e */
    "30 21 26|12 32",                                     /* f */
    "42 47 38 18 07|43 32 12 03 05 16 36 45",             /* g */
    "00 06|03 12 32 43 46",                               /* h */
    "22 26|20 20",                                        /* i */
    "32 37 28|30 30",                                     /* j */
    "00 06|32 04|13 36",                                  /* k */
    "20 26",                                              /* l */
    "02 06|03 12 23 26|23 32 43 46",                      /* m */
    "02 06|03 12 32 43 46",                               /* n */
    "12 32 43 45 36 16 05 03 12",                         /* o */
    "02 08|03 12 32 43 45 36 16 05",                      /* p */
    "42 48|43 32 12 03 05 16 36 45",                      /* q */
    "02 06|03 12 22",                                     /* r */
    "43 32 12 03 14 34 45 36 16 05",                      /* s */
    "20 25 36|12 32",                                     /* t */
    "02 05 16 36 45|42 46",                               /* u */
    "02 26 42",                                           /* v */
    "02 16 23 36 42",                                     /* w */
    "02 46|42 06",                                        /* x */
    "02 26|42 18",                                        /* y */
    "02 42 06 46",                                        /* z */
    "30 21 22 13 24 25 36",                               /* { */
    "20 28",                                              /* | */
    "10 21 22 33 24 25 16",                               /* } */
    "03 12 33 42",                                        /* ~ */
};

static void blend(mr_image *im, int x, int y, double a, mr_colour c)
{
    if (x < 0 || y < 0 || (size_t)x >= im->w || (size_t)y >= im->h || a <= 0) return;
    uint8_t *p = im->rgb + 3 * ((size_t)y * im->w + (size_t)x);
    a = MR_MIN(a, 1.0);
    p[0] = (uint8_t)lrint(p[0] + a * (c.r - p[0]));
    p[1] = (uint8_t)lrint(p[1] + a * (c.g - p[1]));
    p[2] = (uint8_t)lrint(p[2] + a * (c.b - p[2]));
}

void mr_canvas_fill(mr_image *im, int x, int y, int w, int h, mr_colour c)
{
    for (int j = y; j < y + h; j++)
        for (int i = x; i < x + w; i++) blend(im, i, j, 1, c);
}

/* distance of a point from a segment */
static double distance(double px, double py, double x0, double y0, double x1, double y1)
{
    double dx = x1 - x0, dy = y1 - y0, len = dx * dx + dy * dy;
    double k = len > 0 ? ((px - x0) * dx + (py - y0) * dy) / len : 0;
    k = MR_MAX(0.0, MR_MIN(1.0, k));
    return hypot(px - x0 - k * dx, py - y0 - k * dy);
}

void mr_canvas_line(mr_image *im, double x0, double y0, double x1, double y1, double width,
                    mr_colour c)
{
    double r = width / 2;
    int a = (int)floor(MR_MIN(x0, x1) - r - 1), b = (int)ceil(MR_MAX(x0, x1) + r + 1);
    int top = (int)floor(MR_MIN(y0, y1) - r - 1), bottom = (int)ceil(MR_MAX(y0, y1) + r + 1);
    for (int y = top; y <= bottom; y++)
        for (int x = a; x <= b; x++)
            blend(im, x, y, r + 0.5 - distance(x + 0.5, y + 0.5, x0, y0, x1, y1), c);
}

static const char *glyph(char ch)
{
    unsigned char u = (unsigned char)ch;
    return u >= 32 && u < 127 ? strokes[u - 32] : strokes['?' - 32];
}

/* leftmost and rightmost x of a character; digits are all equally wide */
static void extent(char ch, int *left, int *right)
{
    const char *g = glyph(ch);
    *left = 4;
    *right = 0;
    for (const char *p = g; *p; p += p[2] ? 3 : 2) {
        *left = MR_MIN(*left, p[0] - '0');
        *right = MR_MAX(*right, p[0] - '0');
    }
    if (!*g) *left = 0, *right = 1;
    if (ch >= '0' && ch <= '9') *left = 0, *right = 4;
}

double mr_canvas_text_width(const char *text, double size)
{
    double w = 0;
    for (const char *p = text; *p; p++) {
        int left, right;
        extent(*p, &left, &right);
        w += right - left + 2;
    }
    return (w > 0 ? w - 2 : 0) * size / 6;
}

/* one character with its left edge at pen position `at` along the text */
static void draw_char(mr_image *im, double x, double y, double unit, double at, bool up, char ch,
                      mr_colour c)
{
    const char *p = glyph(ch);
    int left, right;
    extent(ch, &left, &right);
    double px = 0, py = 0, width = MR_MAX(1.2, unit * 0.75);
    for (bool pen = false; *p;) {
        double u = (p[0] - '0' - left + at) * unit, v = (p[1] - '0' - 6) * unit;
        double qx = up ? x + v : x + u, qy = up ? y - u : y + v;
        if (pen) mr_canvas_line(im, px, py, qx, qy, width, c);
        px = qx;
        py = qy;
        pen = p[2] == ' ';
        p += p[2] ? 3 : 2;
    }
}

void mr_canvas_text(mr_image *im, double x, double y, double size, mr_anchor anchor, bool up,
                    const char *text, mr_colour c)
{
    double unit = size / 6, at = 0;
    double shift = mr_canvas_text_width(text, size) * (anchor == MR_LEFT     ? 0
                                                       : anchor == MR_MIDDLE ? 0.5
                                                                             : 1);
    if (up)
        y += shift;
    else
        x -= shift;
    for (const char *p = text; *p; p++) {
        int left, right;
        extent(*p, &left, &right);
        draw_char(im, x, y, unit, at, up, *p, c);
        at += right - left + 2;
    }
}

void mr_canvas_ascii(const char *text, char *out, size_t size)
{
    static const struct {
        const char *utf8;
        char plain;
    } known[] = {{"\xe2\x81\xb0", '0'}, {"\xc2\xb9", '1'},     {"\xc2\xb2", '2'},
                 {"\xc2\xb3", '3'},     {"\xe2\x81\xb4", '4'}, {"\xe2\x81\xb5", '5'},
                 {"\xe2\x81\xb6", '6'}, {"\xe2\x81\xb7", '7'}, {"\xe2\x81\xb8", '8'},
                 {"\xe2\x81\xb9", '9'}, {"\xe2\x81\xbb", '-'}, {"\xe2\x88\x92", '-'},
                 {"\xe2\x80\x93", '-'}, {"\xc2\xb5", 'u'},     {"\xce\xbc", 'u'},
                 {"\xc3\x97", 'x'},     {"\xe2\x80\xa6", '.'}};
    size_t o = 0;
    for (const char *p = text; *p && o + 1 < size;) {
        size_t i = 0, n = 1;
        const size_t all = sizeof known / sizeof *known;
        while (i < all && strncmp(p, known[i].utf8, strlen(known[i].utf8)) != 0) i++;
        while (((unsigned char)p[n] & 0xc0) == 0x80) n++;
        out[o++] = i < all ? known[i].plain : n > 1 ? '?' : *p;
        p += n;
    }
    out[o] = '\0';
}
