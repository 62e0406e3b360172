// Messages with descriptors over a unix socket: CMSG macros do not exist in Swift.
#include "CHost.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

long chost_send_message(int socket, const void *bytes, size_t count, int descriptor, int flags) {
    struct iovec piece = {.iov_base = (void *)bytes, .iov_len = count};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (descriptor >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.space;
        message.msg_controllen = sizeof control.space;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
    }
    return chost_syscall(SYS_sendmsg, socket, (long)&message, flags | MSG_NOSIGNAL, 0, 0, 0);
}

long chost_receive_message(int socket, void *buffer, size_t capacity, int *descriptor, int *flags) {
    struct iovec piece = {.iov_base = buffer, .iov_len = capacity};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    if (descriptor) {
        *descriptor = -1;
        message.msg_control = control.space;
        message.msg_controllen = sizeof control.space;
    }
    long result = chost_syscall(SYS_recvmsg, socket, (long)&message, MSG_CMSG_CLOEXEC, 0, 0, 0);
    if (result < 0) return result;
    *flags = message.msg_flags;
    if (!descriptor) return result;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        // The space has room for one int, but padding lets the kernel put a second one in: close what was not asked for.
        size_t number = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t index = 0; index < number; index++) {
            int received;
            memcpy(&received, CMSG_DATA(header) + index * sizeof(int), sizeof(int));
            if (*descriptor < 0) *descriptor = received;
            else chost_syscall(SYS_close, received, 0, 0, 0, 0, 0);
        }
    }
    return result;
}
