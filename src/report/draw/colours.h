/* report/draw/colours.h: what colour a value has, and what text a unit is. */
#ifndef MR_COLOURS_H
#define MR_COLOURS_H
#include "report/draw/pen.h"

/** Diverging: -1 blue, 0 near white, 1 red; NaN grey. */
mr_colour mr_colour_diverging(double v);
/** Sequential: 0 dark violet to 1 yellow, evenly brighter, also in grey print; NaN grey. */
mr_colour mr_colour_sequential(double v);

/** A unit as it is printed: "nanostrain s-1" -> "nanostrain s⁻¹", "(m/s)2/Hz" -> "(m/s)²/Hz",
 *  "um" -> "µm", '_' -> ' '. Appended. */
mr_status mr_unit_pretty(const char *unit, mr_text *out);
/** 10 to that power, "×10⁻⁹". Appended. */
mr_status mr_power_pretty(int power, mr_text *out);
#endif
