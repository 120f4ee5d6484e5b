// The floor: what it costs to hand bytes to the kernel for very many WebSockets, and nothing else. It answers any
// handshake with 101 and subscribes it to the topic in its path ("/7"); "POST /7" with a line for each message writes
// each of them to every subscriber of topic 7, a send(2) each. No pings, no limits, no checks: not a server to use.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TOPICS = 65536, DESCRIPTORS = 1 << 20, REQUEST = 1 << 20, EVENTS = 512 };

struct topic {
  int *subscribers;
  int count;
  int room;
};

static struct topic topics[TOPICS];
static struct { int topic, place; } subscriptions[DESCRIPTORS]; // by descriptor; topic 0 is none
static char request[REQUEST];

static void subscribe(int fd, int number) {
  struct topic *topic = &topics[number];
  if (topic->count == topic->room) {
    topic->room = topic->room == 0 ? 4 : topic->room * 2;
    topic->subscribers = realloc(topic->subscribers, (size_t)topic->room * sizeof(int));
  }
  subscriptions[fd].topic = number;
  subscriptions[fd].place = topic->count;
  topic->subscribers[topic->count++] = fd;
}

static void leave(int fd) {
  struct topic *topic = &topics[subscriptions[fd].topic];
  if (subscriptions[fd].topic != 0) {
    int last = topic->subscribers[--topic->count];
    topic->subscribers[subscriptions[fd].place] = last;
    subscriptions[last].place = subscriptions[fd].place;
    subscriptions[fd].topic = 0;
  }
  close(fd);
}

static void answer(int fd, const char *text) { send(fd, text, strlen(text), MSG_NOSIGNAL); }

static void publish(int number, const char *line, size_t bytes) {
  static unsigned char frame[REQUEST];
  size_t at = bytes < 126 ? 2 : 4;
  frame[0] = 0x81;
  frame[1] = bytes < 126 ? (unsigned char)bytes : 126;
  if (at == 4) {
    frame[2] = (unsigned char)(bytes >> 8);
    frame[3] = (unsigned char)bytes;
  }
  memcpy(frame + at, line, bytes);
  // Descriptors block: a subscriber whose buffer is full holds up the rest, and none is skipped.
  struct topic *topic = &topics[number];
  for (int i = 0; i < topic->count; i++) send(topic->subscribers[i], frame, at + bytes, MSG_NOSIGNAL);
}

// Reads a whole request, which comes in one piece or soon; returns the length of its head, 0 when the peer has closed.
static size_t read_request(int fd) {
  size_t filled = 0;
  for (;;) {
    ssize_t got = recv(fd, request + filled, REQUEST - 1 - filled, 0);
    if (got <= 0) return 0;
    filled += (size_t)got;
    request[filled] = '\0';
    char *end = strstr(request, "\r\n\r\n");
    if (end == NULL) continue;
    size_t head = (size_t)(end - request) + 4;
    char *length = strcasestr(request, "\r\ncontent-length:");
    if (filled >= head + (length == NULL ? 0 : strtoul(length + 17, NULL, 10))) return head;
  }
}

static void serve(int fd) {
  size_t head = read_request(fd);
  char *path = head == 0 ? NULL : strchr(request, '/');
  int number = path == NULL ? 0 : atoi(path + 1);
  if (number <= 0 || number >= TOPICS) {
    leave(fd);
  } else if (strncmp(request, "POST", 4) == 0) {
    char *line = request + head;
    for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) publish(number, line, (size_t)(end - line));
    answer(fd, "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
  } else {
    answer(fd, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    subscribe(fd, number);
  }
}

static int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 4096) != 0) {
    perror("listen");
    exit(1);
  }
  getsockname(fd, (struct sockaddr *)&address, &size);
  printf("listening %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

int main(int argc, char **argv) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  int listener = listen_on(argc > 1 ? atoi(argv[1]) : 0), epoll = epoll_create1(0), yes = 1;
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int count = epoll_wait(epoll, events, EVENTS, -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        event.data.fd = accept(listener, NULL, NULL);
        if (event.data.fd < 0) continue;
        setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event);
      } else if (subscriptions[fd].topic == 0) {
        serve(fd);
      } else if (recv(fd, request, REQUEST, MSG_DONTWAIT) == 0) {
        leave(fd);
      }
    }
  }
}
