/* Holds a pod's namespaces until it is told to end. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int signal) { (void)signal; _exit(0); }
/* As process 1 of a pod with a shared process namespace it inherits the orphans. */
static void bury(int signal) { (void)signal; while (waitpid(-1, NULL, WNOHANG) > 0) continue; }

int main(void) {
    signal(SIGTERM, end);
    signal(SIGINT, end);
    signal(SIGCHLD, bury);
    for (;;) pause();
}
