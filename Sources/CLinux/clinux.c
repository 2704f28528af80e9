#include "clinux.h"

#include <pthread.h>


int clinux_accept(int listener, struct sockaddr *address, socklen_t *length) {
    return accept4(listener, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int clinux_socket(int family, int type) {
    return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

void clinux_name_thread(const char *name) {
    pthread_setname_np(pthread_self(), name);
}
