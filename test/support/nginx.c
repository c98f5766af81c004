/*
 * nginx - one process, no daemon, no root needed, killed by the kernel if the test dies first.
 */
#include "support/nginx.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_TIMEOUT_MS 10000

static struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* All are bound at once before any is let go, so that they differ. */
static bool choose_ports(int ports[NGINX_PORTS])
{
    int fds[NGINX_PORTS];
    bool good = true;
    for (int i = 0; i < NGINX_PORTS; i++) {
        struct sockaddr_in address = loopback(0);
        socklen_t size = sizeof address;
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        good = good && fds[i] >= 0 && bind(fds[i], (struct sockaddr *)&address, size) == 0 &&
               getsockname(fds[i], (struct sockaddr *)&address, &size) == 0;
        ports[i] = ntohs(address.sin_port);
    }
    for (int i = 0; i < NGINX_PORTS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return good;
}

static bool accepts(int port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

bool nginx_prepare(struct nginx *nginx)
{
    *nginx = (struct nginx){0};
    strcpy(nginx->dir, "/tmp/weir-nginx-XXXXXX");
    if (!mkdtemp(nginx->dir)) {
        nginx->dir[0] = '\0';
        return false;
    }
    return choose_ports(nginx->ports);
}

bool nginx_put(const struct nginx *nginx, const char *name, const char *text, long size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", nginx->dir, name);
    FILE *file = fopen(path, "we");
    if (!file)
        return false;
    bool good = text ? fputs(text, file) >= 0 : ftruncate(fileno(file), size) == 0;
    return fclose(file) == 0 && good;
}

/* Writes the configuration with PORTn and DIR replaced. */
static bool write_config(const struct nginx *nginx, const char *http)
{
    char path[128];
    snprintf(path, sizeof path, "%s/nginx.conf", nginx->dir);
    FILE *file = fopen(path, "we");
    if (!file)
        return false;
    fprintf(file, "daemon off; master_process off; pid %s/pid; error_log stderr crit;\n", nginx->dir);
    fprintf(file, "events { worker_connections 1024; }\nhttp {\n access_log off;\n");
    static const char *const temps[] = {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"};
    for (size_t i = 0; i < sizeof temps / sizeof *temps; i++)
        fprintf(file, " %s_temp_path %s/%s;\n", temps[i], nginx->dir, temps[i]);
    for (const char *c = http; *c;) {
        if (strncmp(c, "PORT", 4) == 0 && c[4] >= '0' && c[4] < '0' + NGINX_PORTS) {
            fprintf(file, "127.0.0.1:%d", nginx->ports[c[4] - '0']);
            c += 5;
        } else if (strncmp(c, "DIR", 3) == 0) {
            fputs(nginx->dir, file);
            c += 3;
        } else {
            fputc(*c++, file);
        }
    }
    fputs("}\n", file);
    return fclose(file) == 0;
}

bool nginx_start(struct nginx *nginx, const char *http, int listening)
{
    char config[128];
    if (!write_config(nginx, http))
        return false;
    snprintf(config, sizeof config, "%s/nginx.conf", nginx->dir);
    pid_t parent = getpid();
    nginx->pid = fork();
    if (nginx->pid < 0)
        return false;
    if (nginx->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent) {
            execlp("nginx", "nginx", "-e", "stderr", "-p", nginx->dir, "-c", config, (char *)NULL);
            execl("/usr/sbin/nginx", "nginx", "-e", "stderr", "-p", nginx->dir, "-c", config, (char *)NULL);
        }
        _exit(127);
    }
    int up = 0;
    for (int ms = 0; ms < START_TIMEOUT_MS && up < listening; ms++) {
        if (accepts(nginx->ports[up])) {
            up++;
            continue;
        }
        if (waitpid(nginx->pid, NULL, WNOHANG) != 0) {
            nginx->pid = 0;
            return false;
        }
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return up == listening;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info, (void)type, (void)place;
    return remove(path);
}

void nginx_stop(struct nginx *nginx)
{
    if (nginx->pid > 0) {
        kill(nginx->pid, SIGTERM);
        waitpid(nginx->pid, NULL, 0);
    }
    if (nginx->dir[0])
        nftw(nginx->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    *nginx = (struct nginx){0};
}
