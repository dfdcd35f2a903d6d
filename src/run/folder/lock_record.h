/* run/folder/lock_record.h: inside run/lock*.c: what a lock file says about its holder, and when
 * that proves the holder's end. */
#ifndef MR_RUN_LOCK_RECORD_H
#define MR_RUN_LOCK_RECORD_H
#include "run/folder/lock.h"
#include <stdio.h>

enum { MR_LOCK_TEXT = 2048 };

typedef struct mr_lock_record {
    char host[128];
    char boot[48];  /* of the kernel; "" unknown */
    char pidns[48]; /* namespace that pid belongs to; "" unknown */
    long long pid;
    long long start;           /* of the process, in ticks since boot; 0 unknown */
    char cluster[64], job[32]; /* Slurm's; "" outside a job */
    long long restart;         /* how often Slurm has restarted the job */
    int flocked;               /* the holder keeps flock() on the file while it lives */
    long long number;          /* of the attempt: 1, and one more with each take-over */
    char nonce[17];            /* 16 hex digits that no other record has */
} mr_lock_record;

/** What this process would write. number and flocked are left 0. */
mr_status mr_lock_record_mine(mr_lock_record *r);
/** Its file's text into text[MR_LOCK_TEXT]. */
void mr_lock_record_print(const mr_lock_record *r, char *text);
/** False when the text is not a whole record. */
bool mr_lock_record_parse(const char *text, mr_lock_record *r);
/** Read a lock file: MR_OK; MR_ECLOSED: there is none; MR_EINPUT: it is no record (perhaps not
 * yet); MR_EOUTPUT with a trail: the file system fails. fd (may be NULL) gets the open file, else
 * it is closed. */
mr_status mr_lock_record_read(const char *path, mr_lock_record *r, int *fd);
/** Is there proof that r's holder is gone? fd: the open file r was read from. */
bool mr_lock_record_dead(const mr_lock_record *r, const mr_lock_record *mine, int fd);
#endif
