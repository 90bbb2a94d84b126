#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

// The system's headers show these only to those that ask for GNU extensions before the first header.
extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
extern int pidfd_open(pid_t process, unsigned int flags);
extern int pipe2(int descriptors[2], int flags);

// Swift does not import functions with variable arguments.
static inline int process_control(int option, unsigned long value) { return prctl(option, value, 0, 0, 0); }
