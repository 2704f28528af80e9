/* SPDX-License-Identifier: Apache-2.0
 *
 * The floor of the bench: pairs of sockets, bytes copied from one to the other, nothing looked at.
 * What a proxy spends above this is the price of understanding what it carries.
 *
 *     relay LISTEN_PORT UPSTREAM_PORT      (loopback only; ends with SIGTERM)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct side {
    int fd;
    struct side *other; /* NULL for the listener */
};

static int queue;
static char bytes[1 << 16];

static int tcp(int port, int (*join)(int, const struct sockaddr *, socklen_t)) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (join(fd, (const struct sockaddr *)&at, sizeof at) == 0) return fd;
    close(fd);
    return -1;
}

static int follow(struct side *side, unsigned events) {
    struct epoll_event wanted = {.events = events, .data.ptr = side};
    return epoll_ctl(queue, EPOLL_CTL_ADD, side->fd, &wanted);
}

static void pair(int client, int port) {
    int on = 1, upstream = tcp(port, connect);
    struct side *two = upstream < 0 ? NULL : calloc(2, sizeof *two);
    if (two == NULL) {
        if (upstream >= 0) close(upstream);
        close(client);
        return;
    }
    two[0] = (struct side){client, &two[1]};
    two[1] = (struct side){upstream, &two[0]};
    for (int i = 0; i < 2; i++) {
        setsockopt(two[i].fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        follow(&two[i], EPOLLIN | EPOLLET);
    }
}

/* The memory of a pair is not given back: another event of the same batch may still point at it. A bench ends soon. */
static void part(struct side *side) {
    if (side->fd < 0) return;
    close(side->fd);
    close(side->other->fd);
    side->fd = side->other->fd = -1;
}

static void carry(struct side *side) {
    if (side->fd < 0) return;
    ssize_t got = recv(side->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got > 0) {
        if (send(side->other->fd, bytes, (size_t)got, MSG_NOSIGNAL) != got) part(side);
    } else if (got == 0 || errno != EAGAIN) {
        part(side);
    }
}

int main(int count, char **arguments) {
    if (count != 3) {
        fputs("usage: relay LISTEN_PORT UPSTREAM_PORT\n", stderr);
        return 64;
    }
    struct side door = {tcp(atoi(arguments[1]), bind), NULL};
    queue = epoll_create1(EPOLL_CLOEXEC);
    if (door.fd < 0 || queue < 0 || listen(door.fd, 1024) || follow(&door, EPOLLIN)) {
        perror("relay");
        return 1;
    }
    for (struct epoll_event happened[128];;) {
        int total = epoll_wait(queue, happened, 128, -1);
        for (int i = 0; i < total; i++) {
            struct side *side = happened[i].data.ptr;
            if (side->other) {
                carry(side);
            } else {
                int client = accept4(side->fd, NULL, NULL, SOCK_CLOEXEC);
                if (client >= 0) pair(client, atoi(arguments[2]));
            }
        }
    }
}
