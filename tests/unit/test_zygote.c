/* test_zygote.c: workers are forked, limited, ended; a file that crashes one is a refused file. */
#include "h5write.h"
#include "in/input.h"
#include "in/zygote.h"
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <pthread.h>
#include <sched.h>

static void worker_answers_and_tells_how_it_ended(void **s)
{
    (void)s;
    int fd;
    pid_t pid;
    assert_int_equal(mr_worker_start(&fd, &pid), MR_OK);
    assert_int_equal(kill(pid, 0), 0);
    close(fd); /* the end of its socket is the end of its work */
    int status = mr_worker_end(pid);
    assert_true(status >= 0);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

static void hung_worker_is_killed(void **s)
{
    (void)s;
    int fd;
    pid_t pid;
    assert_int_equal(mr_worker_start(&fd, &pid), MR_OK);
    int status = mr_worker_end(pid); /* it waits for a request that never comes */
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
    close(fd);
}

static void worker_is_limited(void **s)
{
    (void)s;
    int fd, found = 0;
    pid_t pid;
    char name[64], line[200];
    assert_int_equal(mr_worker_start(&fd, &pid), MR_OK);
    /* it answers only after it has set its limits: any answer will do */
    mr_wire_head h = {.magic = MR_WIRE_MAGIC, .kind = MR_WIRE_PROBE, .n = 2};
    mr_wire_reply r;
    assert_true(mr_write_full(fd, &h, sizeof h) && mr_write_full(fd, "/", 2));
    mr_file_info i;
    assert_true(mr_read_full(fd, &r, sizeof r) && mr_read_full(fd, &i, sizeof i));
    assert_int_equal(r.n, 1);
    assert_int_equal(i.state, MR_EINPUT);
    snprintf(name, sizeof name, "/proc/%ld/limits", (long)pid);
    FILE *f = fopen(name, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        unsigned long long v = 0;
        if (sscanf(line, "Max core file size %llu", &v) == 1) found += v == 0;
        if (sscanf(line, "Max file size %llu", &v) == 1) found += v == 0;
        if (sscanf(line, "Max cpu time %llu", &v) == 1) found += v >= 20 && v <= 22;
        if (sscanf(line, "Max address space %llu", &v) == 1) found += v > (1u << 30);
    }
    fclose(f);
    assert_int_equal(found, 4);
    int status = mr_worker_end(pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(fd);
}

static void workers_die_with_the_one_who_asked(void **s)
{
    (void)s;
    int p[2], fd, status;
    pid_t worker = 0;
    assert_int_equal(pipe(p), 0);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* so that we may wait for it */
    pid_t parent = fork();
    if (parent == 0) {
        mr_zygote_stop(); /* our copy of the test's own */
        if (mr_zygote_start() != MR_OK || mr_worker_start(&fd, &worker) != MR_OK) _exit(1);
        mr_write_full(p[1], &worker, sizeof worker);
        pause();
        _exit(0);
    }
    assert_true(mr_read_full(p[0], &worker, sizeof worker));
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    pid_t got = -1; /* ours to wait for once its zygote is gone too */
    for (double until = mr_now() + 10; got < 0 && mr_now() < until; sched_yield())
        got = waitpid(worker, &status, 0);
    assert_int_equal(got, worker);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0); /* killed, or saw its end */
    close(p[0]);
    close(p[1]);
}

static void strangers_are_not_ended(void **s)
{
    (void)s;
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    assert_int_equal(mr_worker_end(pid), -1);
    assert_int_equal(kill(pid, 0), 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void refused_with_reason(const char *path, const char *part)
{
    mr_prober *p = NULL;
    mr_file_info i;
    mr_chunk *c;
    assert_int_equal(mr_prober_new(1, NULL, &p), MR_OK);
    assert_int_equal(mr_probe(p, path, &i, &c), MR_OK);
    assert_int_equal(i.state, MR_EINPUT);
    if (!strstr(i.reason, part)) fail_msg("'%s' lacks '%s'", i.reason, part);
    assert_null(c);
    mr_prober_free(p);
}

static void things_that_are_not_files_are_refused(void **s)
{
    (void)s;
    char path[220];
    snprintf(path, sizeof path, "%s", w_name("fifo"));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    refused_with_reason(path, "not a regular file");
    unlink(path);
    refused_with_reason("/dev/zero", "not a regular file");
    refused_with_reason("/tmp", "not a regular file");
    refused_with_reason("/tmp/does/not/exist", "No such file");
    assert_int_equal(symlink(path, path), 0);
    refused_with_reason(path, "Too many levels");
    unlink(path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    refused_with_reason(path, "empty file");
    f = fopen(path, "w");
    fputs("time,channel\n0,1\n", f);
    fclose(f);
    refused_with_reason(path, "not an HDF5 file");
    unlink(path);
}

typedef struct many {
    mr_prober *p;
    const char *path;
    int refused;
} many;

static void *probe_many(void *arg)
{
    many *m = arg;
    for (int k = 0; k < 20; k++) {
        mr_file_info i;
        if (mr_probe(m->p, m->path, &i, NULL) == MR_OK && i.state == MR_EINPUT) m->refused++;
    }
    return NULL;
}

static void more_threads_than_workers_take_turns(void **s)
{
    (void)s;
    mr_prober *p = NULL;
    many m[4];
    pthread_t t[4];
    assert_int_equal(mr_prober_new(2, NULL, &p), MR_OK);
    for (int k = 0; k < 4; k++) {
        m[k] = (many){p, "/dev/null", 0};
        assert_int_equal(pthread_create(&t[k], NULL, probe_many, &m[k]), 0);
    }
    for (int k = 0; k < 4; k++) {
        pthread_join(t[k], NULL);
        assert_int_equal(m[k].refused, 20);
    }
    assert_true(mr_prober_peak_bytes(p) > 100000);
    mr_prober_free(p);
}

static mr_node leaf(const char *key, const char *text)
{
    return (mr_node){.kind = MR_NODE_SCALAR, .key = strdup(key), .text = strdup(text), .line = 7};
}

static void node_tree_survives_packing(void **s)
{
    (void)s;
    mr_node root = {.kind = MR_NODE_MAP, .key = strdup(""), .n = 2}, back;
    root.entries = calloc(2, sizeof *root.entries);
    root.entries[0] = leaf("data", "/raw");
    root.entries[1] = (mr_node){.kind = MR_NODE_LIST, .key = strdup("axes"), .n = 1};
    root.entries[1].entries = calloc(1, sizeof *root.entries);
    root.entries[1].entries[0] = leaf("", "time");
    mr_text t = {0};
    assert_int_equal(mr_node_pack(&root, &t), MR_OK);
    assert_int_equal(mr_node_unpack(t.s, t.len, &back), MR_OK);
    assert_string_equal(mr_node_get(&back, "data")->text, "/raw");
    assert_int_equal(mr_node_get(&back, "data")->line, 7);
    assert_string_equal(mr_node_get(&back, "axes")->entries[0].text, "time");
    mr_node_fini(&back);
    for (size_t n = 0; n < t.len; n++) /* cut anywhere: refused, nothing leaks */
        assert_int_not_equal(mr_node_unpack(t.s, n, &back), MR_OK);
    mr_text_fini(&t);
    mr_node_fini(&root);
}

int main(void)
{
    const struct CMUnitTest t[] = {
        cmocka_unit_test(worker_answers_and_tells_how_it_ended),
        cmocka_unit_test(hung_worker_is_killed),
        cmocka_unit_test(worker_is_limited),
        cmocka_unit_test(workers_die_with_the_one_who_asked),
        cmocka_unit_test(strangers_are_not_ended),
        cmocka_unit_test(things_that_are_not_files_are_refused),
        cmocka_unit_test(more_threads_than_workers_take_turns),
        cmocka_unit_test(node_tree_survives_packing),
    };
    if (mr_zygote_start() != MR_OK) return 1;
    int failed = cmocka_run_group_tests(t, NULL, NULL);
    mr_zygote_stop();
    return failed;
}
