#ifndef CLINUX_H
#define CLINUX_H
/* Door to the Linux calls that Glibc's module hides from Swift. _GNU_SOURCE stands in Package.swift, never here: a
 * header that defines it makes two modules disagree on fd_set. */
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/types.h>

/* accept4 with SOCK_NONBLOCK | SOCK_CLOEXEC. Returns the descriptor or -1 with errno. */
int clinux_accept(int listener, struct sockaddr *address, socklen_t *length);

/* A socket that neither blocks nor survives exec. Returns the descriptor or -1 with errno. */
int clinux_socket(int family, int type);

/* recv and send without waiting, and without the two locked instructions each by which the C library lets a thread be cancelled inside
 * them: nobody cancels a loop (80 ns of a proxied request). Return a count, or -1 with errno. */
ssize_t clinux_take(int descriptor, void *room, size_t length);
ssize_t clinux_give(int descriptor, const void *bytes, size_t length, int more);

/* Gives the calling thread a name of at most 15 bytes, for top and gdb. */
void clinux_name_thread(const char *name);

/* Sends a text and, unless `descriptor` is negative, that descriptor with it. Returns 0, or -1 with errno. */
int clinux_send(int channel, const void *text, size_t length, int descriptor);

/* Takes one text without waiting, and the descriptor that came with it (-1: none). Returns its length, 0 when the other end is closed,
 * or -1 with errno. */
ssize_t clinux_receive(int channel, void *room, size_t length, int *descriptor);

/* Two ends that keep the borders of texts; they do not survive exec. Returns 0, or -1 with errno. */
int clinux_channel(int ends[2]);

/* From now on no new connection reaches this TCP listener; those that are being set up still do. Returns 0, or -1 with errno. */
int clinux_drop_newcomers(int listener);

/* Blocks these signals; they are read from the descriptor that is returned (-1 with errno). */
int clinux_signals(const int *numbers, int count);

/* The next signal that is there, or 0. */
int clinux_next_signal(int descriptor);

/* Starts a program that dies with us. It finds `descriptors` (at most 64) at 3 and above, its own number in LISTEN_PID, and no signal
 * blocked. Only for a process with one thread. Returns its number, or -1 with errno. */
int clinux_spawn(const char *program, char *const arguments[], const int *descriptors, int count);

#endif
