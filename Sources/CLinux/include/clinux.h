#ifndef CLINUX_H
#define CLINUX_H
/* Door to the Linux calls that Glibc's module hides from Swift. _GNU_SOURCE stands in Package.swift, never here: a
 * header that defines it makes two modules disagree on fd_set. */
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

/* accept4 with SOCK_NONBLOCK | SOCK_CLOEXEC. Returns the descriptor or -1 with errno. */
int clinux_accept(int listener, struct sockaddr *address, socklen_t *length);

/* A socket that neither blocks nor survives exec. Returns the descriptor or -1 with errno. */
int clinux_socket(int family, int type);

/* Gives the calling thread a name of at most 15 bytes, for top and gdb. */
void clinux_name_thread(const char *name);

#endif
