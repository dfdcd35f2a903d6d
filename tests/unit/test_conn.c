/* test_conn.c: message connections: both ends prove the key, messages arrive whole, in order and
 * once, waits end in time, strangers hear nothing and keep nobody waiting. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "watch/address.h"
#include "watch/conn.h"
#if MR_SODIUM
#include "watch/wire.h"

static char dir[64];
static const mr_key key = {{1, 2, 3}}, other = {{9}};

static int setup(void **state)
{
    (void)state;
    struct rlimit r = {4096, 4096};
    setrlimit(RLIMIT_NOFILE, &r);
    snprintf(dir, sizeof dir, "/tmp/mr_conn_XXXXXX");
    return mkdtemp(dir) ? 0 : 1;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", dir);
    return system(command);
}

static const char *here(const char *name)
{
    static char text[512];
    snprintf(text, sizeof text, "unix:%s/%s", dir, name);
    return text;
}

/** A client in a thread: connects, then keeps the connection for the test. */
typedef struct caller {
    pthread_t thread;
    char address[512];
    mr_key key;
    mr_status st;
    char why[300];
    mr_conn *c;
} caller;

static void *call(void *arg)
{
    caller *k = arg;
    k->st = mr_connect(k->address, &k->key, 10, &k->c);
    snprintf(k->why, sizeof k->why, "%s", mr_error());
    return NULL;
}

static void call_up(caller *k, const char *address, const mr_key *with)
{
    *k = (caller){.key = *with};
    snprintf(k->address, sizeof k->address, "%s", address);
    assert_int_equal(pthread_create(&k->thread, NULL, call, k), 0);
}

/** Two ends of one connection. */
static void pair(mr_listener *l, mr_conn **server, mr_conn **client)
{
    caller k;
    call_up(&k, mr_listener_address(l), &key);
    assert_int_equal(mr_accept(l, 10, server), MR_OK);
    pthread_join(k.thread, NULL);
    assert_int_equal(k.st, MR_OK);
    *client = k.c;
}

static mr_listener *listen_at(const char *address)
{
    mr_listener *l = NULL;
    assert_int_equal(mr_listen(address, &key, &l), MR_OK);
    return l;
}

/** A socket of somebody who knows nothing of us. */
static int stranger(const char *address)
{
    int fd = -1;
    assert_int_equal(mr_address_connect(address, &fd), MR_OK);
    return fd;
}

static void talk(const char *address)
{
    mr_listener *l = listen_at(address);
    mr_conn *a, *b;
    mr_text t = {0};
    char *big = malloc(MR_FRAME_MAX + 1);
    memset(big, 'x', MR_FRAME_MAX + 1);
    pair(l, &a, &b);
    assert_int_equal(mr_send(b, "hello", 5, 5), MR_OK);
    assert_int_equal(mr_send(b, "", 0, 5), MR_OK);
    assert_int_equal(mr_recv(a, &t, 5), MR_OK);
    assert_string_equal(t.s, "hello");
    assert_int_equal(mr_recv(a, &t, 5), MR_OK); /* of no bytes */
    assert_int_equal(t.len, 5);
    assert_int_equal(mr_send(a, "and back", 8, 5), MR_OK);
    assert_int_equal(mr_recv(b, &t, 5), MR_OK);
    assert_string_equal(t.s, "helloand back");
    assert_int_equal(mr_send(a, big, MR_FRAME_MAX, 5), MR_OK);
    t.len = 0;
    assert_int_equal(mr_recv(b, &t, 5), MR_OK);
    assert_int_equal(t.len, MR_FRAME_MAX);
    assert_memory_equal(t.s, big, t.len);
    assert_int_equal(mr_send(a, big, MR_FRAME_MAX + 1, 5), MR_ECONFIG);
    mr_conn_free(a);
    assert_int_equal(mr_recv(b, &t, 5), MR_ECLOSED);
    mr_conn_free(b);
    mr_listener_free(l);
    mr_text_fini(&t);
    free(big);
}

static void messages_go_both_ways(void **state)
{
    (void)state;
    talk("tcp:127.0.0.1:0");
    talk(here("talk"));
    assert_int_equal(access(here("talk") + 5, F_OK), -1); /* the socket's file goes with it */
}

static void a_unix_socket_may_lie_as_deep_as_it_likes(void **state)
{
    (void)state;
    char path[512], deep[400];
    memset(deep, 'd', 200);
    deep[200] = '\0';
    snprintf(path, sizeof path, "%s/%s", dir, deep);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "unix:%s/%s/control", dir, deep); /* over 200; a name has 107 */
    talk(path);
}

static void another_key_is_refused_at_both_ends(void **state)
{
    (void)state;
    mr_listener *l = listen_at(here("keys"));
    mr_conn *a = NULL;
    caller k;
    const char *why;
    call_up(&k, mr_listener_address(l), &other);
    assert_int_equal(mr_accept(l, 0.3, &a), MR_ETIMEOUT);
    pthread_join(k.thread, NULL);
    assert_int_equal(k.st, MR_EDENIED);
    assert_non_null(strstr(k.why, "turned this caller away"));
    assert_int_equal(mr_listener_refused(l, &why), 1);
    assert_string_equal(why, "it has not got the key");
    mr_listener_free(l);
}

static void nobody_there_is_said(void **state)
{
    (void)state;
    mr_conn *c = NULL;
    assert_int_equal(mr_connect(here("nobody"), &key, 1, &c), MR_ECLOSED);
    assert_int_equal(mr_connect("tcp:127.0.0.1:1", &key, 1, &c), MR_ECLOSED);
    assert_int_equal(mr_connect("tcp:", &key, 1, &c), MR_ECONFIG);
}

static void what_is_in_the_way_of_a_socket_stays(void **state)
{
    (void)state;
    mr_listener *l = NULL, *again = NULL;
    FILE *f = fopen(here("file") + 5, "w");
    assert_non_null(f);
    fclose(f);
    assert_int_equal(mr_listen(here("file"), &key, &l), MR_EOUTPUT);
    assert_int_equal(access(here("file") + 5, F_OK), 0);
    l = listen_at(here("again"));
    again = listen_at(here("again")); /* as after a run that died */
    mr_listener_free(l);              /* the file is not its own any more */
    assert_int_equal(access(here("again") + 5, F_OK), 0);
    mr_listener_free(again);
}

static void waits_end_in_time(void **state)
{
    (void)state;
    mr_listener *l = listen_at(here("waits"));
    mr_conn *a = NULL, *b = NULL, *none = NULL;
    mr_text t = {0};
    size_t at = 77;
    assert_int_equal(mr_accept(l, 0, &none), MR_ETIMEOUT);
    assert_int_equal(mr_accept(l, 0.01, &none), MR_ETIMEOUT);
    pair(l, &a, &b);
    assert_int_equal(mr_recv(a, &t, 0), MR_ETIMEOUT);
    const double t0 = mr_now();
    assert_int_equal(mr_recv(a, &t, 0.05), MR_ETIMEOUT);
    assert_int_equal(mr_conn_wait(&a, 1, l, 0.05, &at), MR_ETIMEOUT);
    assert_true(mr_now() - t0 >= 0.1 && mr_now() - t0 < 2);
    assert_null(none);
    mr_conn_free(a);
    mr_conn_free(b);
    mr_listener_free(l);
}

static void whoever_has_something_is_found_among_many(void **state)
{
    (void)state;
    mr_listener *l = listen_at(here("many"));
    mr_conn *a[5], *b[5], *more = NULL;
    mr_text t = {0};
    caller k;
    size_t at = 0;
    for (int i = 0; i < 5; i++) pair(l, &a[i], &b[i]);
    for (size_t i = 5; i-- > 0;) {
        assert_int_equal(mr_send(b[i], "x", 1, 5), MR_OK);
        assert_int_equal(mr_send(b[i], "y", 1, 5), MR_OK);
        assert_int_equal(mr_conn_wait(a, 5, l, 5, &at), MR_OK);
        assert_int_equal(at, i);
        for (int n = 0; n < 2; n++) assert_int_equal(mr_recv(a[i], &t, 5), MR_OK);
    }
    call_up(&k, mr_listener_address(l), &key);
    assert_int_equal(mr_conn_wait(a, 5, l, 5, &at), MR_OK);
    assert_int_equal(at, 5); /* the listener */
    assert_int_equal(mr_accept(l, 0, &more), MR_OK);
    pthread_join(k.thread, NULL);
    mr_conn_free(b[2]);
    assert_int_equal(mr_conn_wait(a, 5, l, 5, &at), MR_OK);
    assert_int_equal(at, 2);
    assert_int_equal(mr_recv(a[2], &t, 0), MR_ECLOSED);
    for (int i = 0; i < 5; i++) mr_conn_free(a[i]);
    for (int i = 0; i < 5; i++)
        if (i != 2) mr_conn_free(b[i]);
    mr_conn_free(more);
    mr_conn_free(k.c);
    mr_listener_free(l);
    mr_text_fini(&t);
}

static void a_reader_that_sleeps_costs_bounded_memory(void **state)
{
    (void)state;
    mr_listener *l = listen_at(here("slow"));
    mr_conn *a, *b;
    mr_text t = {0};
    char *big = calloc(1, MR_FRAME_MAX);
    int sent = 0, got = 0;
    pair(l, &a, &b);
    while (mr_send(a, big, MR_FRAME_MAX, 0) == MR_OK) assert_true(++sent < 100);
    assert_int_equal(mr_send(a, big, MR_FRAME_MAX, 0.02), MR_ETIMEOUT);
    for (; got < sent; got++) { /* what was taken comes, and no more */
        (void)mr_flush(a, 0);
        t.len = 0;
        assert_int_equal(mr_recv(b, &t, 5), MR_OK);
        assert_int_equal(t.len, MR_FRAME_MAX);
    }
    assert_true(sent >= 4);
    t.len = 0;
    assert_int_equal(mr_send(a, "end", 3, 1), MR_OK);
    assert_int_equal(mr_recv(b, &t, 1), MR_OK);
    assert_string_equal(t.s, "end");
    mr_conn_free(a);
    mr_conn_free(b);
    mr_listener_free(l);
    mr_text_fini(&t);
    free(big);
}

/* --- hostile callers ------------------------------------------------------------------------- */

static void a_stranger_hears_nothing(void **state)
{
    (void)state;
    static const char *const words[] = {
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n0123456789012345678901234567890123456789012345678901234",
        "MRC1----------------------------------------------------------------------------", "MRC1"};
    mr_listener *l = listen_at("tcp:127.0.0.1:0");
    mr_conn *none = NULL;
    for (int i = 0; i < 3; i++) {
        char answer[16];
        const int fd = stranger(mr_listener_address(l));
        usleep(2000);
        assert_true(send(fd, words[i], strlen(words[i]), MSG_NOSIGNAL) > 0);
        if (i == 2) shutdown(fd, SHUT_WR);
        assert_int_equal(mr_accept(l, 0.1, &none), MR_ETIMEOUT);
        const ssize_t n = recv(fd, answer, sizeof answer, 0);
        assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
        close(fd);
    }
    mr_listener_free(l);
}

static void feed_all(mr_wire *w, const void *p, size_t n, mr_status want)
{
    size_t taken, at = 0;
    mr_status st = MR_OK;
    while (at < n && st == MR_OK) {
        st = mr_wire_feed(w, (const char *)p + at, n - at, &taken);
        at += taken;
    }
    assert_int_equal(st, want);
}

/** Hand over what one end has to send; `keep` gets it too. */
static void carry(mr_wire *from, mr_wire *to, mr_text *keep)
{
    size_t n;
    const void *p = mr_wire_out(from, &n);
    if (keep) assert_int_equal(mr_text_add_bytes(keep, p, n), MR_OK);
    feed_all(to, p, n, MR_OK);
    mr_wire_sent(from, n);
}

static void wires(mr_heard *heard, mr_wire **server, mr_wire **client, mr_text *hello)
{
    assert_int_equal(mr_wire_new(&key, heard, server), MR_OK);
    assert_int_equal(mr_wire_new(&key, NULL, client), MR_OK);
    carry(*client, *server, hello);
    carry(*server, *client, NULL);
    carry(*client, *server, NULL);
    assert_true(mr_wire_open(*server) && mr_wire_open(*client));
}

static void a_first_word_counts_once(void **state)
{
    (void)state;
    static mr_heard heard;
    mr_wire *a, *b, *again;
    mr_text hello = {0};
    size_t n;
    wires(&heard, &a, &b, &hello);
    assert_int_equal(hello.len, 4 + 32 + 32);
    assert_int_equal(mr_wire_new(&key, &heard, &again), MR_OK);
    feed_all(again, hello.s, hello.len, MR_EDENIED);
    assert_non_null(strstr(mr_error(), "repeats"));
    mr_wire_out(again, &n);
    assert_int_equal(n, 0); /* told nothing */
    mr_wire_free(a);
    mr_wire_free(b);
    mr_wire_free(again);
    mr_text_fini(&hello);
}

static void frames_cannot_be_changed_repeated_or_turned_round(void **state)
{
    (void)state;
    static mr_heard heard;
    for (int how = 0; how < 4; how++) {
        mr_wire *a, *b;
        mr_text sent = {0};
        const void *data;
        size_t n;
        wires(&heard, &a, &b, NULL);
        assert_int_equal(mr_wire_put(b, "stop", 4), MR_OK);
        const void *p = mr_wire_out(b, &n);
        assert_int_equal(n, 4 + 4 + 16); /* length, text, seal */
        assert_int_equal(mr_text_add_bytes(&sent, p, n), MR_OK);
        assert_null(strstr(sent.s + 4, "stop"));
        if (how == 0) { /* repeated */
            feed_all(a, sent.s, n, MR_OK);
            assert_true(mr_wire_frame(a, &data, &n));
            assert_memory_equal(data, "stop", 4);
            feed_all(a, sent.s, sent.len, MR_EDENIED);
        } else if (how == 1) { /* one bit, anywhere */
            sent.s[4 + 7] ^= 1;
            feed_all(a, sent.s, n, MR_EDENIED);
        } else if (how == 2) { /* back to its sender */
            feed_all(b, sent.s, n, MR_EDENIED);
        } else { /* a length that there is not */
            feed_all(a, "\xff\xff\xff\xff", 4, MR_EDENIED);
        }
        assert_false(mr_wire_open(how == 2 ? b : a));
        feed_all(how == 2 ? b : a, "more", 4, MR_EDENIED); /* for good */
        mr_wire_free(a);
        mr_wire_free(b);
        mr_text_fini(&sent);
    }
}

static void a_message_may_come_with_the_proof(void **state)
{
    (void)state;
    static mr_heard heard;
    mr_wire *a, *b;
    mr_text both = {0};
    const void *data;
    size_t n, taken;
    assert_int_equal(mr_wire_new(&key, &heard, &a), MR_OK);
    assert_int_equal(mr_wire_new(&key, NULL, &b), MR_OK);
    carry(b, a, NULL);
    carry(a, b, NULL);
    assert_int_equal(mr_wire_put(b, "at once", 7), MR_OK);
    const void *p = mr_wire_out(b, &n);
    assert_int_equal(mr_text_add_bytes(&both, p, n), MR_OK);
    assert_int_equal(mr_wire_feed(a, both.s, n, &taken), MR_OK);
    assert_true(mr_wire_open(a) && taken == 32 && !mr_wire_frame(a, &data, &n));
    feed_all(a, both.s + taken, both.len - taken, MR_OK);
    assert_true(mr_wire_frame(a, &data, &n));
    assert_memory_equal(data, "at once", 7);
    mr_wire_free(a);
    mr_wire_free(b);
    mr_text_fini(&both);
}

static void half_frames_wait_and_are_no_message(void **state)
{
    (void)state;
    static mr_heard heard;
    mr_wire *a, *b;
    const void *data;
    size_t n, got, taken;
    wires(&heard, &a, &b, NULL);
    assert_int_equal(mr_wire_put(b, "byte by byte", 12), MR_OK);
    const char *p = mr_wire_out(b, &n);
    for (size_t i = 0; i < n; i++) {
        assert_false(mr_wire_frame(a, &data, &got));
        assert_int_equal(mr_wire_feed(a, p + i, 1, &taken), MR_OK);
    }
    assert_true(mr_wire_frame(a, &data, &got));
    assert_int_equal(got, 12);
    mr_wire_free(a);
    mr_wire_free(b);
}

static void a_thousand_silent_callers_keep_nobody_waiting(void **state)
{
    (void)state;
    enum { N = 1000 };
    mr_listener *l = listen_at("tcp:127.0.0.1:0");
    mr_conn *a = NULL, *none = NULL;
    static int fd[N];
    caller k;
    const char *why;
    for (int i = 0; i < N; i++) {
        fd[i] = stranger(mr_listener_address(l));
        if (i % 50 == 49) assert_int_equal(mr_accept(l, 0, &none), MR_ETIMEOUT);
    }
    call_up(&k, mr_listener_address(l), &key);
    const double t0 = mr_now();
    assert_int_equal(mr_accept(l, 4, &a), MR_OK);
    assert_true(mr_now() - t0 < 3);
    pthread_join(k.thread, NULL);
    assert_int_equal(k.st, MR_OK);
    assert_true(mr_listener_refused(l, &why) >=
                N - 64 - 128); /* 64 may stay, some are not in yet */
    mr_conn_free(a);
    mr_conn_free(k.c);
    for (int i = 0; i < N; i++) close(fd[i]);
    mr_listener_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_go_both_ways),
        cmocka_unit_test(a_unix_socket_may_lie_as_deep_as_it_likes),
        cmocka_unit_test(another_key_is_refused_at_both_ends),
        cmocka_unit_test(nobody_there_is_said),
        cmocka_unit_test(what_is_in_the_way_of_a_socket_stays),
        cmocka_unit_test(waits_end_in_time),
        cmocka_unit_test(whoever_has_something_is_found_among_many),
        cmocka_unit_test(a_reader_that_sleeps_costs_bounded_memory),
        cmocka_unit_test(a_stranger_hears_nothing),
        cmocka_unit_test(a_first_word_counts_once),
        cmocka_unit_test(frames_cannot_be_changed_repeated_or_turned_round),
        cmocka_unit_test(a_message_may_come_with_the_proof),
        cmocka_unit_test(half_frames_wait_and_are_no_message),
        cmocka_unit_test(a_thousand_silent_callers_keep_nobody_waiting)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
#else
static void without_libsodium_there_are_none(void **state)
{
    (void)state;
    mr_listener *l = NULL;
    mr_conn *c = NULL;
    const mr_key key = {{0}};
    assert_false(mr_conn_built());
    assert_int_equal(mr_listen("tcp:127.0.0.1:0", &key, &l), MR_ECONFIG);
    assert_int_equal(mr_connect("tcp:127.0.0.1:1", &key, 1, &c), MR_ECONFIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(without_libsodium_there_are_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#endif
