#define _GNU_SOURCE
/* Freezes one thread of a process, given by its name: `freeze PID NAME`. Says `frozen`, and holds it until the thread or this program
 * ends. The others run on: this is how a thread hangs. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

static int find(const char *pid, const char *name) {
    char path[512], found[64];
    snprintf(path, sizeof path, "/proc/%s/task", pid);
    DIR *tasks = opendir(path);
    for (struct dirent *task; tasks && (task = readdir(tasks));) {
        if (task->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/%s/task/%s/comm", pid, task->d_name);
        FILE *file = fopen(path, "r");
        if (!file) continue;
        int same = fgets(found, sizeof found, file) && !strcmp(strtok(found, "\n"), name);
        fclose(file);
        if (same) return atoi(task->d_name);
    }
    return 0;
}

int main(int count, char **arguments) {
    int thread = count == 3 ? find(arguments[1], arguments[2]) : 0;
    if (!thread) return fprintf(stderr, "no such thread\n"), 1;
    if (ptrace(PTRACE_SEIZE, thread, 0, 0) || ptrace(PTRACE_INTERRUPT, thread, 0, 0) || waitpid(thread, NULL, __WALL) != thread)
        return perror("ptrace"), 2;
    printf("frozen\n");
    fflush(stdout);
    /* Its end is told to this program first. */
    waitpid(thread, NULL, __WALL);
    return 0;
}
