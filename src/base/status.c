/* base/status.c: the error trail of each thread, names of statuses, the end of a bug. */
#include "base/base.h"
#include "base/node.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local char trail[2048];

mr_status mr_raise(mr_status st, MR_UNUSED const char *file, MR_UNUSED int line, const char *fmt,
                   ...)
{
    char text[sizeof trail];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap); /* fmt's arguments may point into the trail itself */
    va_end(ap);
    memcpy(trail, text, sizeof trail);
    mr_log(MR_DEBUG, "raised at %s:%d: %s", file, line, trail);
    return st;
}

void mr_note(const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t n = strlen(trail);
    snprintf(trail + n, sizeof trail - n, " (%s)", text);
}

const char *mr_error(void)
{
    return trail;
}

void mr_error_set(const char *text)
{
    snprintf(trail, sizeof trail, "%s", text ? text : "");
}

void mr_error_clear(void)
{
    trail[0] = '\0';
}

const char *mr_status_name(mr_status st)
{
    switch (st) {
    case MR_OK: return "done";
    case MR_ECONFIG: return "usage or config";
    case MR_EINPUT: return "input";
    case MR_EOUTPUT: return "output";
    case MR_EMEM: return "memory";
    case MR_ELOCK: return "folder is held by another run";
    case MR_EVERIFY: return "verification failed";
    case MR_LOSSES: return "done with losses";
    case MR_EDENIED: return "not allowed";
    case MR_EBUG: return "bug";
    case MR_STOPPED: return "stopped early";
    case MR_ETIMEOUT: return "timed out";
    case MR_ECLOSED: return "closed";
    case MR_ECANCEL: return "cancelled";
    }
    return "unknown";
}

mr_status mr_raise_at(mr_status st, const mr_node *n, bool at_key, const char *file, int line,
                      const char *fmt, ...)
{
    char text[sizeof trail];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    char placed[sizeof trail];
    mr_node_say(n, at_key, text, placed, sizeof placed);
    return mr_raise(st, file, line, "%s", placed);
}

mr_status mr_reraise_at(mr_status st, const mr_node *n)
{
    char text[sizeof trail];
    snprintf(text, sizeof text, "%s", trail);
    return mr_raise_at(st, n, false, __FILE__, __LINE__, "%s", text);
}

void mr_bug(const char *file, int line, const char *what)
{
    fprintf(stderr, "millrace: bug at %s:%d: %s does not hold; please report it\n", file, line,
            what);
    abort();
}
