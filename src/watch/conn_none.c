/* watch/conn_none.c: a build without libsodium has no connections: see conn.h. */
#if !MR_SODIUM
#include "watch/conn.h"

static mr_status none(void)
{
    return MR_RAISE(MR_ECONFIG, "this millrace was built without libsodium (make SODIUM=0): it "
                                "speaks to no other");
}

bool mr_conn_built(void)
{
    return false;
}

mr_status mr_listen(MR_UNUSED const char *address, MR_UNUSED const mr_key *key,
                    MR_UNUSED mr_listener **out)
{
    return none();
}

const char *mr_listener_address(MR_UNUSED const mr_listener *l)
{
    return "";
}

size_t mr_listener_refused(MR_UNUSED const mr_listener *l, const char **why)
{
    *why = "";
    return 0;
}

void mr_listener_free(MR_UNUSED mr_listener *l)
{
}

mr_status mr_accept(MR_UNUSED mr_listener *l, MR_UNUSED double timeout_s, MR_UNUSED mr_conn **out)
{
    return none();
}

mr_status mr_connect(MR_UNUSED const char *address, MR_UNUSED const mr_key *key,
                     MR_UNUSED double timeout_s, MR_UNUSED mr_conn **out)
{
    return none();
}

mr_status mr_send(MR_UNUSED mr_conn *c, MR_UNUSED const void *data, MR_UNUSED size_t n,
                  MR_UNUSED double timeout_s)
{
    return none();
}

mr_status mr_flush(MR_UNUSED mr_conn *c, MR_UNUSED double timeout_s)
{
    return none();
}

mr_status mr_recv(MR_UNUSED mr_conn *c, MR_UNUSED mr_text *out, MR_UNUSED double timeout_s)
{
    return none();
}

mr_status mr_conn_wait(MR_UNUSED mr_conn *const *c, MR_UNUSED size_t n, MR_UNUSED mr_listener *l,
                       MR_UNUSED double timeout_s, MR_UNUSED size_t *index)
{
    return none();
}

int mr_listener_fd(MR_UNUSED const mr_listener *l)
{
    return -1;
}

int mr_conn_fd(MR_UNUSED const mr_conn *c)
{
    return -1;
}

void mr_conn_free(MR_UNUSED mr_conn *c)
{
}
#else
typedef int mr_conn_is_built;
#endif
