/* cli/topics.h: pages of help that belong to no single command. */
#ifndef MR_CLI_TOPICS_H
#define MR_CLI_TOPICS_H
#include "base/base.h"

typedef struct mr_topic {
    const char *name, *doc; /* doc: one line */
    void (*print)(void);    /* to stdout */
} mr_topic;
extern const mr_topic mr_topics[];
extern const size_t mr_n_topics;
const mr_topic *mr_topic_find(const char *name);
#endif
