// unix(7): pairs, names, streams, datagrams, what a peer's end means, descriptors and credentials in messages.
#include "../conformance.h"
#include <sys/socket.h>
#include <sys/un.h>

static struct sockaddr_un address(const char *path) {
    struct sockaddr_un a = {AF_UNIX};
    strcpy(a.sun_path, path);
    return a;
}
static int poll_one(int fd) {
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
    poll(&p, 1, 0);
    return p.revents;
}

CASE(pairs) {
    int s[2];
    char text[32] = "";
    CALL(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    note("%d %d", s[0], s[1]);
    CALL(write(s[0], "hello", 5));
    CALL(read(s[1], text, 3));
    CALL(recv(s[1], text + 3, 20, 0));
    TEXT(text);
    CALL(recv(s[1], text, 20, MSG_DONTWAIT));
    HEX(poll_one(s[1]));
    CALL(send(s[1], "back", 4, 0));
    CALL(recv(s[0], text, 20, MSG_PEEK));
    CALL(recv(s[0], text, 20, 0));
    CALL(shutdown(s[0], SHUT_WR));
    CALL(read(s[1], text, 20));
    HEX(poll_one(s[1]));
    CALL(send(s[0], "x", 1, MSG_NOSIGNAL));
    CALL(send(s[1], "y", 1, 0));
    CALL(close(s[1]));
    CALL(read(s[0], text, 20));
    CALL(read(s[0], text, 20));
    HEX(poll_one(s[0]));
    CALL(socketpair(AF_UNIX, SOCK_STREAM, 5, s));
    CALL(socketpair(AF_UNIX, 99, 0, s));
    CALL(socketpair(AF_UNIX, SOCK_STREAM, 0, STUB_SLOTS));
    CALL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, s));
    CALL(fcntl(s[0], F_GETFD));
    CALL(read(s[0], text, 1));
    CALL(lseek(s[0], 0, SEEK_SET));
}

CASE(kept_borders) {
    int s[2];
    char text[32] = "";
    static const int kinds[] = {SOCK_DGRAM, SOCK_SEQPACKET};
    for (int i = 0; i < 2; i++) {
        CALL(socketpair(AF_UNIX, kinds[i], 0, s));
        CALL(send(s[0], "first", 5, 0));
        CALL(send(s[0], "", 0, 0));
        CALL(send(s[0], "third", 5, 0));
        CALL(recv(s[1], text, 2, 0));
        CALL(recv(s[1], text, 20, 0));
        CALL(recv(s[1], text, 2, MSG_TRUNC));
        CALL(close(s[0]));
        CALL(recv(s[1], text, 2, MSG_DONTWAIT));
        signal(SIGPIPE, SIG_IGN);
        CALL(send(s[1], "x", 1, 0));
        CALL(close(s[1]));
    }
}

CASE(named_streams) {
    struct sockaddr_un a = address("s"), got;
    socklen_t length = sizeof got;
    int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
    char text[16] = "";
    CALL(connect(c, (void *)&a, sizeof a));
    CALL(bind(l, (void *)&a, sizeof a));
    CALL(bind(l, (void *)&a, sizeof a));
    CALL(connect(c, (void *)&a, sizeof a));
    CALL(listen(l, 1));
    CALL(connect(c, (void *)&a, sizeof a));
    CALL(connect(c, (void *)&a, sizeof a));
    CALL(write(c, "early", 5));
    int s = accept4(l, (void *)&got, &length, SOCK_CLOEXEC);
    CHECK(s >= 0);
    VALUE(length);
    CALL(fcntl(s, F_GETFD));
    CALL(read(s, text, 15));
    TEXT(text);
    length = sizeof got;
    CALL(getsockname(s, (void *)&got, &length));
    TEXT(got.sun_path);
    length = sizeof got;
    CALL(getpeername(c, (void *)&got, &length));
    TEXT(got.sun_path);
    struct ucred who;
    length = sizeof who;
    CALL(getsockopt(c, SOL_SOCKET, SO_PEERCRED, &who, &length));
    CHECK(who.pid == getpid() && who.uid == getuid());
    int kind;
    length = sizeof kind;
    CALL(getsockopt(c, SOL_SOCKET, SO_TYPE, &kind, &length));
    VALUE(kind);
    int other = socket(AF_UNIX, SOCK_STREAM, 0);
    CALL(bind(other, (void *)&a, sizeof a));
    CALL(unlink("s"));
    CALL(connect(other, (void *)&a, sizeof a));
    CALL(accept4(c, 0, 0, 0));
    CALL(listen(socket(AF_UNIX, SOCK_DGRAM, 0), 1));
    CALL(bind(other, STUB_SLOTS, sizeof a));
    CALL(fcntl(l, F_SETFL, O_NONBLOCK));
    CALL(accept(l, 0, 0));
}

CASE(abstract_names) {
    struct sockaddr_un a = {AF_UNIX};
    int length = offsetof(struct sockaddr_un, sun_path) + 1 + snprintf(a.sun_path + 1, 50, "palisade-%d", getpid());
    int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
    CALL(bind(l, (void *)&a, length));
    CALL(listen(l, 5));
    CALL(connect(c, (void *)&a, length));
    CALL(connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, length - 1));
    int again = socket(AF_UNIX, SOCK_STREAM, 0);
    CALL(bind(again, (void *)&a, length));
    close(l);
    CALL(bind(again, (void *)&a, length));
}

CASE(passing_descriptors) {
    int s[2], fds[2];
    char c = 'x', control[CMSG_SPACE(sizeof(int) * 2)], text[8] = "";
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0 && pipe(fds) == 0);
    struct iovec v = {&c, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof(int))};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(h), &fds[0], sizeof(int));
    CALL(sendmsg(s[0], &m, 0));
    close(fds[0]);
    NEED(write(fds[1], "through", 7) == 7);
    memset(control, 0, sizeof control);
    m.msg_controllen = sizeof control;
    CALL(recvmsg(s[1], &m, MSG_CMSG_CLOEXEC));
    h = CMSG_FIRSTHDR(&m);
    CHECK(h && h->cmsg_type == SCM_RIGHTS);
    int got;
    memcpy(&got, CMSG_DATA(h), sizeof got);
    CALL(fcntl(got, F_GETFD));
    CALL(read(got, text, 7));
    TEXT(text);
    m.msg_control = control, m.msg_controllen = CMSG_SPACE(sizeof(int));
    h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET, h->cmsg_type = SCM_RIGHTS, h->cmsg_len = CMSG_LEN(sizeof(int));
    got = 99;
    memcpy(CMSG_DATA(h), &got, sizeof got);
    CALL(sendmsg(s[0], &m, 0));
    memcpy(CMSG_DATA(h), &fds[1], sizeof(int));
    CALL(sendmsg(s[0], &m, 0));
    // No room for what comes: it is dropped, and the flag says so.
    m.msg_controllen = 0;
    CALL(recvmsg(s[1], &m, 0));
    HEX(m.msg_flags);
}

CASE(blocking) {
    int s[2];
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    pid_t child = fork();
    if (child == 0) {
        close(s[0]);
        char *data = calloc(1, 1 << 20);
        for (int i = 0; i < 1 << 20; i++) data[i] = i * 7 >> 2;
        ssize_t n = send(s[1], data, 1 << 20, 0);
        _exit(n != 1 << 20);
    }
    close(s[1]);
    size_t total = 0, wrong = 0;
    char part[5000];
    ssize_t n;
    while ((n = recv(s[0], part, sizeof part, 0)) > 0)
        for (ssize_t i = 0; i < n; i++, total++) wrong += part[i] != (char)(total * 7 >> 2);
    VALUE(total);
    VALUE(wrong);
    int status;
    waitpid(child, &status, 0);
    print_status("sender", status);
    NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    struct timeval t = {0, 30000};
    CALL(setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t));
    CALL(recv(s[0], part, 1, 0));
}
