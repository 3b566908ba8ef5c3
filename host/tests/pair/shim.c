/* Preloaded into an instance by tests of the pair: it stops the process at exactly one place, or turns its clocks. The program itself
 * knows nothing of it. What it is to do stands in the file that TANDEM_TEST_SHIM names; see shim.rs. Needs x86-64 for the clocks. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* As shim.rs writes it. */
struct orders {
    int64_t armed, stops, port, wall_ahead_s, boot_ahead_s;
};
enum { BEFORE_A_TRANSACTION = 1, IN_A_COMMIT = 2, IN_A_SEND = 3 };

static struct orders none, *orders = &none;

/* Once each time that it is armed: stops the whole process, and goes on with SIGCONT. */
static void stop_at(int64_t place) {
    if (__sync_bool_compare_and_swap(&orders->armed, place, 0)) {
        __sync_fetch_and_add(&orders->stops, 1);
        /* To this thread, which so does not get a single step further; the others are stopped with it. */
        raise(SIGSTOP);
    }
}

/* SQLite's lock for whoever writes to the write-ahead log: one byte of the log's index. */
static void locks(int command, const struct flock *lock) {
    if (orders->armed == BEFORE_A_TRANSACTION && command == F_SETLK && lock->l_type == F_WRLCK && lock->l_start == 120 && lock->l_len == 1)
        stop_at(BEFORE_A_TRANSACTION);
}

#define FCNTL(name)                                              \
    int name(int fd, int command, ...) {                         \
        static int (*real)(int, int, ...);                       \
        if (!real) real = dlsym(RTLD_NEXT, #name);               \
        va_list rest;                                            \
        va_start(rest, command);                                 \
        void *argument = va_arg(rest, void *);                   \
        va_end(rest);                                            \
        if (command == F_SETLK) locks(command, argument);        \
        return real(fd, command, argument);                      \
    }
FCNTL(fcntl)
FCNTL(fcntl64)

/* The log's pages are written, and nobody has been told: in the middle of a commit. */
static void syncs(int fd) {
    if (orders->armed != IN_A_COMMIT) return;
    char link[32], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path);
    if (length > 4 && !memcmp(path + length - 4, "-wal", 4)) stop_at(IN_A_COMMIT);
}

#define SYNC(name)                                 \
    int name(int fd) {                             \
        static int (*real)(int);                   \
        if (!real) real = dlsym(RTLD_NEXT, #name); \
        syncs(fd);                                 \
        return real(fd);                           \
    }
SYNC(fsync)
SYNC(fdatasync)

/* Half of it leaves, the other half when the process goes on. Heartbeats are shorter. */
static int splits(int fd, size_t bytes) {
    struct sockaddr_in peer;
    socklen_t length = sizeof peer;
    return orders->armed == IN_A_SEND && bytes > 300 && !getpeername(fd, (struct sockaddr *)&peer, &length) && peer.sin_family == AF_INET &&
           ntohs(peer.sin_port) == orders->port;
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    static ssize_t (*real)(int, const void *, size_t, int);
    if (!real) real = dlsym(RTLD_NEXT, "send");
    if (!splits(fd, length)) return real(fd, bytes, length, flags);
    ssize_t sent = real(fd, bytes, length / 2, flags);
    stop_at(IN_A_SEND);
    return sent;
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    static ssize_t (*real)(int, const struct iovec *, int);
    if (!real) real = dlsym(RTLD_NEXT, "writev");
    if (count < 1 || !splits(fd, parts[0].iov_len)) return real(fd, parts, count);
    struct iovec half = {parts[0].iov_base, parts[0].iov_len / 2};
    ssize_t sent = real(fd, &half, 1);
    stop_at(IN_A_SEND);
    return sent;
}

/* Timers run on the monotonic clock, which nothing turns. */
static int tells(clockid_t clock, struct timespec *time) {
    long failed;
    __asm__ volatile("syscall" : "=a"(failed) : "0"((long)SYS_clock_gettime), "D"((long)clock), "S"(time) : "rcx", "r11", "memory");
    if (failed) return (int)failed;
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) time->tv_sec += orders->wall_ahead_s;
    if (clock == CLOCK_BOOTTIME) time->tv_sec += orders->boot_ahead_s;
    return 0;
}

/* Clocks are read without a system call, by code that the kernel maps into each process; it is made to come here. */
static void turn_clocks(void) {
    unsigned long from = 0, to = 0;
    char line[256];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof line, maps))
        if (strstr(line, "[vdso]")) sscanf(line, "%lx-%lx", &from, &to);
    if (maps) fclose(maps);
    void *vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
    unsigned char *code = vdso ? dlsym(vdso, "__vdso_clock_gettime") : NULL;
    if (!from || !code || mprotect((void *)from, to - from, PROT_READ | PROT_WRITE | PROT_EXEC)) {
        fprintf(stderr, "shim: the clocks cannot be turned\n");
        _exit(99);
    }
    void *here = (void *)tells;
    memcpy(code, "\x48\xb8", 2); /* mov rax, here; jmp rax */
    memcpy(code + 2, &here, 8);
    memcpy(code + 10, "\xff\xe0", 2);
}

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("TANDEM_TEST_SHIM");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *orders, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        fprintf(stderr, "shim: TANDEM_TEST_SHIM names no orders\n");
        _exit(99);
    }
    close(fd);
    orders = map;
    /* A test freezes threads, where the system lets only parents do so. */
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    turn_clocks();
}
