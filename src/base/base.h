/* base/base.h: what every room may use; the page is public. */
#include "millrace/base.h"
