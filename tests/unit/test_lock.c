/* test_lock.c: the lock of an output folder: one holder, take-over only with proof. Holders that
 * die are forked children; other hosts and boots are records written by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "run/folder/lock.h"
#include "run/folder/lock_record.h"
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    char root[64], out[80], lock[120];
} place;

static int make_place(void **state)
{
    place *p = calloc(1, sizeof *p);
    snprintf(p->root, sizeof p->root, "/tmp/test_lock.XXXXXX");
    if (!mkdtemp(p->root)) return -1;
    snprintf(p->out, sizeof p->out, "%s/it's out", p->root); /* a quote to be quoted */
    snprintf(p->lock, sizeof p->lock, "%s/.millrace/lock", p->out);
    unsetenv("SLURM_JOB_ID");
    unsetenv("SLURM_RESTART_COUNT");
    unsetenv("SLURM_CLUSTER_NAME");
    *state = p;
    return 0;
}

static int drop_place(void **state)
{
    place *p = *state;
    char command[120];
    snprintf(command, sizeof command, "rm -rf '%s'", p->root);
    int rc = system(command);
    free(p);
    return rc;
}

static mr_status take(const place *p, char *attempt, mr_lock **l)
{
    return mr_lock_take_within(p->out, 0, attempt, l);
}

/** Leave a record by hand. */
static void write_record(const char *path, const mr_lock_record *r)
{
    char text[MR_LOCK_TEXT];
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    mr_lock_record_print(r, text);
    fputs(text, f);
    fclose(f);
}

/** A pid that no process has: that of a child that is gone. */
static pid_t gone_pid(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    waitpid(pid, &status, 0);
    return pid;
}

/** A record of ours with one thing changed by the caller; the folder exists afterwards. */
static mr_lock_record leave_mine(const place *p)
{
    char dir[120];
    mr_lock_record r;
    snprintf(dir, sizeof dir, "%s/.millrace", p->out);
    mkdir(p->out, 0777);
    mkdir(dir, 0777);
    assert_int_equal(mr_lock_record_mine(&r), MR_OK);
    r.number = 4;
    return r;
}

static void is_held_by_one_until_given_back(void **state)
{
    place *p = *state;
    char a[MR_ATTEMPT_BYTES], b[MR_ATTEMPT_BYTES] = "untouched", want[200];
    mr_lock *l = NULL, *m = NULL;
    assert_int_equal(take(p, a, &l), MR_OK);
    assert_int_equal(strncmp(a, "1-", 2), 0);
    assert_int_equal(strlen(a), 2 + 16);
    assert_int_equal(take(p, b, &m), MR_ELOCK);
    assert_null(m);
    assert_string_equal(b, "untouched");
    snprintf(want, sizeof want, "process %ld on host ", (long)getpid());
    assert_non_null(strstr(mr_error(), want));
    snprintf(want, sizeof want, "rm -f '%s/it'\\''s out/.millrace/lock'", p->root);
    assert_non_null(strstr(mr_error(), want));
    assert_int_equal(mr_lock_check(l), MR_OK);
    mr_lock_release(l);
    assert_int_equal(access(p->lock, F_OK), -1);
    assert_int_equal(take(p, b, &l), MR_OK);
    assert_string_not_equal(a, b); /* attempts never share a name */
    mr_lock_release(l);
    mr_lock_release(NULL);
}

static void waits_for_a_dying_run(void **state)
{
    place *p = *state;
    char a[MR_ATTEMPT_BYTES];
    mr_lock *l = NULL;
    int up[2];
    char c;
    assert_int_equal(pipe(up), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (take(p, a, &l) != MR_OK || write(up[1], "x", 1) != 1) _exit(1);
        usleep(5000);
        _exit(0); /* without giving it back; a zombie then */
    }
    assert_int_equal(read(up[0], &c, 1), 1);
    assert_int_equal(mr_lock_take(p->out, a, &l), MR_OK);
    assert_int_equal(strncmp(a, "2-", 2), 0); /* the second attempt in a row */
    mr_lock_release(l);
    waitpid(pid, NULL, 0);
    close(up[0]);
    close(up[1]);
}

static void takes_over_only_with_proof(void **state)
{
    place *p = *state;
    enum { N = 9 };
    mr_lock_record r[N], mine = leave_mine(p);
    for (int i = 0; i < N; i++) r[i] = mine;
    mr_status want[N] = {MR_ELOCK};
    r[0].pid = getpid();   /* this very process */
    r[1].pid = gone_pid(); /* same host and boot, no such process */
    want[1] = MR_OK;
    r[2].start++; /* the number belongs to another process now */
    want[2] = MR_OK;
    strcpy(r[3].boot, "00000000-0000-0000-0000-000000000000"); /* same host, booted anew */
    want[3] = MR_OK;
    r[4] = r[3]; /* another host, whatever its boot and pid */
    strcpy(r[4].host, "elsewhere");
    r[4].pid = r[1].pid;
    want[4] = MR_ELOCK;
    r[5] = r[1]; /* no boot id, so no proof */
    r[5].boot[0] = '\0';
    want[5] = MR_ELOCK;
    r[6] = r[1]; /* pids of another container say nothing here; nobody keeps flock either */
    strcpy(r[6].pidns, "pid:[1]");
    r[6].flocked = 1;
    want[6] = MR_OK;
    r[7] = r[6];
    r[7].flocked = 0; /* flock never worked: no proof */
    want[7] = MR_ELOCK;
    r[8] = r[4]; /* the same job, not restarted */
    strcpy(r[8].job, "77");
    want[8] = MR_ELOCK;
    for (int i = 0; i < N; i++) {
        char a[MR_ATTEMPT_BYTES];
        mr_lock *l = NULL;
        write_record(p->lock, &r[i]);
        assert_int_equal(take(p, a, &l), want[i]);
        if (want[i] == MR_OK) assert_int_equal(strncmp(a, "5-", 2), 0); /* 4 before it */
        mr_lock_release(l);
    }
}

static void container_that_lives_keeps_its_flock(void **state)
{
    place *p = *state;
    char a[MR_ATTEMPT_BYTES];
    mr_lock *l = NULL;
    mr_lock_record r = leave_mine(p);
    strcpy(r.pidns, "pid:[1]");
    r.flocked = 1;
    write_record(p->lock, &r);
    int fd = open(p->lock, O_RDONLY);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(take(p, a, &l), MR_ELOCK);
    close(fd);
    assert_int_equal(take(p, a, &l), MR_OK);
    mr_lock_release(l);
}

static void restarted_job_goes_on_on_another_host(void **state)
{
    place *p = *state;
    char a[MR_ATTEMPT_BYTES];
    mr_lock *l = NULL;
    mr_lock_record r = leave_mine(p);
    strcpy(r.host, "elsewhere");
    strcpy(r.boot, "another");
    strcpy(r.cluster, "big");
    strcpy(r.job, "77");
    r.restart = 1;
    write_record(p->lock, &r);
    setenv("SLURM_JOB_ID", "77", 1);
    setenv("SLURM_CLUSTER_NAME", "big", 1);
    setenv("SLURM_RESTART_COUNT", "1", 1);
    assert_int_equal(take(p, a, &l), MR_ELOCK);
    assert_non_null(strstr(mr_error(), "host elsewhere (Slurm job 77 on big)"));
    setenv("SLURM_RESTART_COUNT", "2", 1);
    setenv("SLURM_CLUSTER_NAME", "other", 1);
    assert_int_equal(take(p, a, &l), MR_ELOCK);
    setenv("SLURM_CLUSTER_NAME", "big", 1);
    assert_int_equal(take(p, a, &l), MR_OK);
    mr_lock_release(l);
}

static void claim_of_a_dead_taker_is_taken_over(void **state)
{
    place *p = *state;
    enum { N = 40 }; /* on a machine that is short of time they are killed one after the other */
    char a[MR_ATTEMPT_BYTES], claim[N][200], dir[120];
    mr_lock *l = NULL;
    mr_lock_record r[N + 1];
    snprintf(dir, sizeof dir, "%s/.millrace", p->out);
    for (int i = 0; i <= N; i++) {
        r[i] = leave_mine(p);
        r[i].pid = gone_pid();
    }
    for (int i = 0; i < N; i++) snprintf(claim[i], 200, "%s/lock-claim-%s", dir, r[i].nonce);
    write_record(p->lock, &r[0]);
    for (int i = 0; i < N; i++)
        write_record(claim[i], &r[i + 1]); /* died between its claim and the replacement */
    assert_int_equal(take(p, a, &l), MR_OK);
    assert_int_equal(mr_lock_check(l), MR_OK);
    for (int i = 0; i < N; i++) assert_int_equal(access(claim[i], F_OK), -1);
    mr_lock_release(l);
    /* a claim whose taker lives is respected */
    r[1].pid = getpid();
    write_record(p->lock, &r[0]);
    write_record(claim[0], &r[1]);
    assert_int_equal(take(p, a, &l), MR_ELOCK);
}

static void unreadable_lock_is_left_alone(void **state)
{
    place *p = *state;
    static const char *const text[] = {"", "hello\n", "millrace lock 1\nhost a\nend\n"};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        char a[MR_ATTEMPT_BYTES];
        mr_lock *l = NULL;
        leave_mine(p);
        FILE *f = fopen(p->lock, "w");
        fputs(text[i], f);
        fclose(f);
        assert_int_equal(take(p, a, &l), MR_ELOCK);
        assert_non_null(strstr(mr_error(), "cannot be read"));
    }
}

static void record_survives_print_and_parse(void **state)
{
    place *p = *state;
    char text[MR_LOCK_TEXT], cut[MR_LOCK_TEXT];
    mr_lock_record r = leave_mine(p), back;
    strcpy(r.job, "12_3");
    r.restart = 3;
    mr_lock_record_print(&r, text);
    assert_true(mr_lock_record_parse(text, &back));
    assert_memory_equal(&r, &back, sizeof r);
    assert_true(r.start > 0 && *r.boot && *r.pidns); /* Linux tells all three */
    for (size_t n = 0; n < strlen(text); n++) {      /* no part of a record is a record */
        memcpy(cut, text, n);
        cut[n] = '\0';
        assert_false(mr_lock_record_parse(cut, &back));
    }
    strcpy(r.nonce, "../../etc/passwd"); /* would become part of a file name */
    mr_lock_record_print(&r, text);
    assert_false(mr_lock_record_parse(text, &back));
}

static void left_over_rank_learns_that_it_is_out(void **state)
{
    place *p = *state;
    char a[MR_ATTEMPT_BYTES], b[MR_ATTEMPT_BYTES];
    mr_lock *l = NULL, *m = NULL, *watch = NULL;
    assert_int_equal(take(p, a, &l), MR_OK);
    assert_int_equal(mr_lock_watch(p->out, a, &watch), MR_OK);
    assert_int_equal(mr_lock_check(watch), MR_OK);
    unlink(p->lock); /* as the message says, though the run is alive */
    assert_int_equal(mr_lock_check(watch), MR_ELOCK);
    assert_non_null(strstr(mr_error(), "removed"));
    assert_int_equal(take(p, b, &m), MR_OK);
    assert_int_equal(mr_lock_check(watch), MR_ELOCK);
    assert_non_null(strstr(mr_error(), "another run"));
    mr_lock_release(watch);
    mr_lock_release(l); /* must not remove the other's */
    assert_int_equal(mr_lock_check(m), MR_OK);
    mr_lock_release(m);
}

static void unusable_folder_is_an_output_error(void **state)
{
    place *p = *state;
    char a[MR_ATTEMPT_BYTES], path[200];
    mr_lock *l = NULL;
    snprintf(path, sizeof path, "%s/file", p->root);
    fclose(fopen(path, "w"));
    assert_int_equal(mr_lock_take_within(path, 0, a, &l), MR_EOUTPUT);
    char longer[5000];
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(mr_lock_take_within(longer, 0, a, &l), MR_EOUTPUT);
    mkdir(p->out, 0777);
    snprintf(path, sizeof path, "%s/.millrace", p->out);
    mkdir(path, 0777);
    mkdir(p->lock, 0777); /* cannot be read as a file */
    assert_int_equal(mr_lock_take_within(p->out, 0, a, &l), MR_EOUTPUT);
    assert_null(l);
}

/** One contender: take the lock, be alone inside, then give it back or die with it. */
static int contend(const place *p, atomic_int *inside, bool die)
{
    char a[MR_ATTEMPT_BYTES];
    mr_lock *l = NULL;
    mr_status st;
    for (double end = mr_now() + 20; (st = take(p, a, &l)) == MR_ELOCK && mr_now() < end;) {
    }
    if (st != MR_OK) return 1;
    if (atomic_fetch_add(inside, 1) != 0) return 2;
    for (int i = 0; i < 20; i++)
        if (mr_lock_check(l) != MR_OK || atomic_load(inside) != 1) return 3;
    atomic_fetch_sub(inside, 1);
    if (!die) mr_lock_release(l);
    return 0;
}

static void contenders_never_meet_inside(void **state)
{
    enum { N = 6, ROUNDS = 8 };
    place *p = *state;
    atomic_int *inside =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int round = 0; round < ROUNDS; round++) {
        pid_t pid[N];
        for (int i = 0; i < N; i++) {
            pid[i] = fork();
            if (pid[i] == 0) _exit(contend(p, inside, (i + round) % 3 > 0)); /* two of three die */
        }
        for (int i = 0; i < N; i++) {
            int status;
            waitpid(pid[i], &status, 0);
            assert_int_equal(status, 0);
        }
    }
    munmap(inside, 4096);
}

static bool lives(pid_t pid)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *f = fopen(path, "r");
    if (!f) return false;
    char *got = fgets(text, sizeof text, f);
    fclose(f);
    char *state = got ? strrchr(text, ')') : NULL;
    return state && state[2] != 'Z' && state[2] != 'X';
}

/** Takes and gives back until killed; ends with a status only when it meets somebody inside. */
static _Noreturn void contend_for_ever(const place *p, atomic_int *inside)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
    for (;;) {
        char a[MR_ATTEMPT_BYTES];
        mr_lock *l = NULL;
        mr_status st = take(p, a, &l);
        if (st == MR_ELOCK) continue;
        if (st != MR_OK) {
            fprintf(stderr, "%s\n", mr_error());
            _exit(1);
        }
        int before = atomic_exchange(inside, (int)getpid());
        if (before && lives(before)) _exit(2);
        for (int i = 0; i < 3; i++)
            if (mr_lock_check(l) != MR_OK || atomic_load(inside) != getpid()) _exit(3);
        atomic_store(inside, 0);
        mr_lock_release(l);
    }
}

static void killing_contenders_leaves_a_lock_that_can_be_taken(void **state)
{
    enum { N = 4, KILLS = 150 };
    place *p = *state;
    pid_t pid[N] = {0};
    char a[MR_ATTEMPT_BYTES];
    mr_lock *l = NULL;
    int status;
    atomic_int *inside =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < KILLS + N; i++) {
        if (i >= N) {
            usleep((useconds_t)(i * 7919 % 2000)); /* any moment of the protocol */
            kill(pid[i % N], SIGKILL);
            assert_int_equal(waitpid(pid[i % N], &status, 0), pid[i % N]);
            if (!WIFSIGNALED(status)) /* 1: cannot take it, 2, 3: met somebody */
                fail_msg("a contender ended with %d", WEXITSTATUS(status));
        }
        pid[i % N] = i < KILLS ? fork() : 0;
        if (i < KILLS && pid[i % N] == 0) contend_for_ever(p, inside);
    }
    if (take(p, a, &l) != MR_OK) fail_msg("all are dead, and still: %s", mr_error());
    mr_lock_release(l);
    munmap(inside, 4096);
}

#define IN_PLACE(f) cmocka_unit_test_setup_teardown(f, make_place, drop_place)
int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_PLACE(is_held_by_one_until_given_back),
        IN_PLACE(waits_for_a_dying_run),
        IN_PLACE(takes_over_only_with_proof),
        IN_PLACE(container_that_lives_keeps_its_flock),
        IN_PLACE(restarted_job_goes_on_on_another_host),
        IN_PLACE(claim_of_a_dead_taker_is_taken_over),
        IN_PLACE(unreadable_lock_is_left_alone),
        IN_PLACE(record_survives_print_and_parse),
        IN_PLACE(left_over_rank_learns_that_it_is_out),
        IN_PLACE(unusable_folder_is_an_output_error),
        IN_PLACE(contenders_never_meet_inside),
        IN_PLACE(killing_contenders_leaves_a_lock_that_can_be_taken),
    };
    mr_log_init(0, MR_QUIET);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
