#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

// The system's header shows it only to those that ask for GNU extensions before the first header.
extern int accept4(int socket, struct sockaddr *address, socklen_t *length, int flags);
