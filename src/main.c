/* main.c: for now, prove that the rooms link. */
#include "base/base.h"
#include <stdio.h>

int main(void)
{
    printf("millrace %s\n", MR_VERSION);
    return 0;
}
